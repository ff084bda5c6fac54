import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { ApiKey } from '../../../../common/kafka/wire/api-keys.js';
import { ClusterClient } from '../../../../common/kafka/wire/cluster-client.js';
import { groupOffsets } from '../../../../common/kafka/wire/operations/group-offsets.js';
import { listGroups } from '../../../../common/kafka/wire/operations/list-groups.js';
import { Reader } from '../../../../common/kafka/wire/reader.js';
import { Writer } from '../../../../common/kafka/wire/writer.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import { seededRandom } from '../../../../common/runtime/random.js';
import { type FakeAnswer, FakeBroker, type FakeRequest } from './fake-broker.js';

const NOT_COORDINATOR = 16;
const GROUP_AUTHORIZATION_FAILED = 30;
const GROUP_ID_NOT_FOUND = 69;
const running: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const item of running.splice(0).reverse()) await item.close();
});

/** Two brokers; `a...` is coordinated by 0, everything else by 1, unless `coordinator` says otherwise. */
async function cluster(
  answer: (id: number) => FakeAnswer,
  coordinator: (group: string) => number = (group) => (group.startsWith('a') ? 0 : 1),
): Promise<{ readonly client: ClusterClient; readonly brokers: readonly FakeBroker[] }> {
  const brokers: FakeBroker[] = [];
  for (const id of [0, 1]) {
    const special = answer(id);
    const broker = await FakeBroker.start((request) => special(request) ?? standard(request, brokers, coordinator));
    running.push({ close: () => broker.stop() });
    brokers.push(broker);
  }
  const client = new ClusterClient({
    cluster: {
      name: 'c',
      bootstrap: brokers.map(({ port }) => `127.0.0.1:${port}`),
      connectTimeoutMs: 500,
      requestTimeoutMs: 1_000,
    },
    clientId: 'test',
    clock: systemClock,
    random: seededRandom(1),
    logger: silentLogger,
  });
  running.push(client);
  return { client, brokers };
}

/** Bodies of flexible versions begin with the tags of the response's header. */
function flexible(write: (writer: Writer) => void): Buffer {
  const writer = new Writer(true).tags();
  write(writer);
  return Buffer.concat(writer.toBuffers());
}

function standard(
  { api, body }: FakeRequest,
  brokers: readonly FakeBroker[],
  coordinator: (group: string) => number,
): Buffer | undefined {
  if (api === ApiKey.Metadata) {
    return flexible((writer) => {
      writer.int32(0).arrayLength(brokers.length);
      for (const [id, { port }] of brokers.entries())
        writer.int32(id).string('127.0.0.1').int32(port).nullableString(null).tags();
      writer.nullableString('cluster').int32(0).arrayLength(0).tags();
    });
  }
  if (api !== ApiKey.FindCoordinator) return undefined;
  const reader = new Reader(body, true);
  reader.int8();
  const [group = ''] = reader.array(1, () => reader.string());
  const id = coordinator(group);
  return flexible((writer) => {
    writer
      .int32(0)
      .arrayLength(1)
      .string(group)
      .int32(id)
      .string('127.0.0.1')
      .int32(brokers[id]?.port ?? 0);
    writer.int16(0).nullableString(null).tags().tags();
  });
}

function groupsAsked({ body }: FakeRequest): string[] {
  const reader = new Reader(body, true);
  return reader.array(1, () => {
    const group = reader.string();
    reader.nullableArrayLength(1);
    reader.tags();
    return group;
  });
}

/** One partition, `t-0` at 7, for each group that is asked for; codes by group. */
function offsetsAnswer(request: FakeRequest, codeOf: (group: string) => number): Buffer {
  return flexible((writer) => {
    writer.int32(0).array(groupsAsked(request), (group) => {
      writer.string(group);
      const has = codeOf(group) === 0;
      writer.arrayLength(has ? 1 : 0);
      if (has) {
        writer.string('t').arrayLength(1);
        writer.int32(0).int64(7n).int32(-1).nullableString('m').int16(0).tags().tags();
      }
      writer.int16(codeOf(group)).tags();
    });
    writer.tags();
  });
}

const fetches = (broker: FakeBroker | undefined): FakeRequest[] =>
  (broker?.requests ?? []).filter(({ api }) => api === ApiKey.OffsetFetch);

describe('offsets of many groups', () => {
  test('one request to each coordinator for a hundred of its groups', async () => {
    const { client, brokers } = await cluster(() => (request) => {
      return request.api === ApiKey.OffsetFetch ? offsetsAnswer(request, () => 0) : undefined;
    });
    const names = Array.from({ length: 150 }, (_, index) => `a${index}`);
    const { found, failed } = await groupOffsets(client, [...names, 'b', 'b']);
    assert.deepEqual([found.size, failed.size], [151, 0]);
    assert.deepEqual(
      brokers.map((broker) => fetches(broker).map((request) => groupsAsked(request).length)),
      [[100, 50], [1]],
    );
    assert.deepEqual(found.get('b')?.partitions[0], {
      ...{ topic: 't', partition: 0, offset: 7n, leaderEpoch: -1, metadata: 'm', errorCode: 0 },
    });
  });

  test('a coordinator that moved is looked up again, for its groups alone; a group that is not there has nothing; a refusal stays with its group', async () => {
    let moved = false;
    const { client, brokers } = await cluster(
      (id) => (request) => {
        if (request.api !== ApiKey.OffsetFetch) return undefined;
        return offsetsAnswer(request, (group) => {
          if (group === 'none') return GROUP_ID_NOT_FOUND;
          if (group === 'secret') return GROUP_AUTHORIZATION_FAILED;
          if (group !== 'wanders' || id === 1) return 0;
          moved = true;
          return NOT_COORDINATOR;
        });
      },
      (group) => (group === 'wanders' && !moved ? 0 : 1),
    );
    const { found, failed } = await groupOffsets(client, ['wanders', 'stays', 'none', 'secret']);
    assert.deepEqual([...found.keys()].sort(), ['none', 'stays', 'wanders']);
    assert.deepEqual(found.get('none')?.partitions, []);
    assert.deepEqual(
      [...failed].map(([group, { kafkaCode }]) => [group, kafkaCode]),
      [['secret', 30]],
    );
    assert.deepEqual(
      fetches(brokers[1]).map((request) => groupsAsked(request)),
      [['stays', 'none', 'secret'], ['wanders']],
    );
  });

  test('a coordinator that never answers costs its own groups their answer, in bounded time', async () => {
    const { client } = await cluster((id) => (request) => {
      if (request.api !== ApiKey.OffsetFetch) return undefined;
      return id === 0 ? 'silent' : offsetsAnswer(request, () => 0);
    });
    const startMs = performance.now();
    const { found, failed } = await groupOffsets(client, ['a', 'b']);
    assert.deepEqual([[...found.keys()], [...failed.keys()]], [['b'], ['a']]);
    assert.ok(performance.now() - startMs < 20_000);
  });
});

describe('the groups of a cluster', () => {
  const listing = (code: number, groups: readonly (readonly [string, string, string, string])[]): Buffer =>
    flexible((writer) => {
      writer.int32(0).int16(code);
      writer.array(groups, (fields) => {
        for (const field of fields) writer.string(field);
        writer.tags();
      });
      writer.tags();
    });

  test('are those of all brokers together, as far as they are wanted', async () => {
    const { client } = await cluster((id) => ({ api }) => {
      if (api !== ApiKey.ListGroups) return undefined;
      return id === 0
        ? listing(0, [['a', 'consumer', 'Stable', 'classic']])
        : listing(0, [
            ['b', '', 'Empty', 'classic'],
            ['c', 'consumer', 'Empty', 'consumer'],
          ]);
    });
    const groups = await listGroups(client, (group) => group !== 'b');
    assert.deepEqual(
      [...groups.values()].sort((a, b) => (a.group < b.group ? -1 : 1)),
      [
        { group: 'a', protocolType: 'consumer', state: 'Stable', type: 'classic' },
        { group: 'c', protocolType: 'consumer', state: 'Empty', type: 'consumer' },
      ],
    );
  });

  test('of a coordinator that is still reading them are asked for again', async () => {
    let asked = 0;
    const { client } = await cluster((id) => ({ api }) => {
      if (api !== ApiKey.ListGroups) return undefined;
      if (id === 0) return listing(0, []);
      asked += 1;
      return asked <= 2 ? listing(14, []) : listing(0, [['a', '', 'Empty', 'classic']]);
    });
    assert.deepEqual([...(await listGroups(client, () => true)).keys()], ['a']);
    assert.equal(asked, 3);
  });

  test('are not told at all where one broker cannot tell: a list with holes would say that groups are gone', async () => {
    const { client } = await cluster(
      (id) =>
        ({ api }) =>
          api === ApiKey.ListGroups ? listing(id === 0 ? 0 : 14, []) : undefined,
    );
    await assert.rejects(
      listGroups(client, () => true),
      { code: 'KAFKA_ERROR', kafkaCode: 14 },
    );
  });
});
