import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { isCausewayError } from '../../../../common/errors/error.js';
import { ApiKey } from '../../../../common/kafka/wire/api-keys.js';
import { ClusterClient } from '../../../../common/kafka/wire/cluster-client.js';
import { commitOffsets } from '../../../../common/kafka/wire/operations/commit-offsets.js';
import { initProducerId } from '../../../../common/kafka/wire/operations/init-producer-id.js';
import {
  listOffsets,
  TIMESTAMP_EARLIEST,
  TIMESTAMP_LATEST,
} from '../../../../common/kafka/wire/operations/list-offsets.js';
import { Reader } from '../../../../common/kafka/wire/reader.js';
import { Writer } from '../../../../common/kafka/wire/writer.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { type Clock, systemClock } from '../../../../common/runtime/clock.js';
import { seededRandom } from '../../../../common/runtime/random.js';
import { type FakeAnswer, FakeBroker, type FakeRequest } from './fake-broker.js';

const running: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const item of running.splice(0)) await item.close();
});

interface FakeCluster {
  readonly brokers: readonly FakeBroker[];
  readonly client: ClusterClient;
  readonly connects: () => number;
}

/** Broker ids are 0, 1...; topic `t` has one partition per broker, led by it. */
async function cluster(
  count: number,
  answer: (id: number) => FakeAnswer = () => () => undefined,
  clock: Clock = systemClock,
): Promise<FakeCluster> {
  const brokers: FakeBroker[] = [];
  for (let id = 0; id < count; id += 1) {
    const special = answer(id);
    brokers.push(await FakeBroker.start((request) => special(request) ?? standard(request, brokers)));
  }
  for (const broker of brokers) running.push({ close: () => broker.stop() });
  let connects = 0;
  const client = new ClusterClient({
    cluster: {
      name: 'c',
      bootstrap: brokers.map((broker) => `127.0.0.1:${broker.port}`),
      connectTimeoutMs: 500,
      requestTimeoutMs: 500,
    },
    clientId: 'test',
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    onConnect: () => {
      connects += 1;
    },
  });
  running.push(client);
  return { brokers, client, connects: () => connects };
}

function standard({ api }: FakeRequest, brokers: readonly FakeBroker[]): Buffer | undefined {
  if (api === ApiKey.Metadata) return metadataV12(brokers);
  if (api === ApiKey.FindCoordinator) return coordinatorV4(0, brokers.at(-1), brokers.length - 1);
  return undefined;
}

/** Bodies of flexible versions begin with the tags of the response's header. */
function flexible(write: (writer: Writer) => void): Buffer {
  const writer = new Writer(true).tags();
  write(writer);
  return Buffer.concat(writer.toBuffers());
}

function metadataV12(brokers: readonly FakeBroker[]): Buffer {
  return flexible((writer) => {
    writer.int32(0).arrayLength(brokers.length);
    for (const [id, broker] of brokers.entries())
      writer.int32(id).string('127.0.0.1').int32(broker.port).nullableString(null).tags();
    writer.nullableString('cluster-id').int32(0).arrayLength(1);
    writer.int16(0).string('t').uuid(null).boolean(false).arrayLength(brokers.length);
    for (const id of brokers.keys())
      writer.int16(0).int32(id).int32(id).int32(3).arrayLength(0).arrayLength(0).arrayLength(0).tags();
    writer.int32(0).tags().tags();
  });
}

function coordinatorV4(errorCode: number, broker: FakeBroker | undefined, id: number): Buffer {
  return flexible((writer) => {
    writer
      .int32(0)
      .arrayLength(1)
      .string('key')
      .int32(id)
      .string('127.0.0.1')
      .int32(broker?.port ?? 0);
    writer.int16(errorCode).nullableString(null).tags().tags();
  });
}

const code = (expected: Parameters<typeof isCausewayError>[1]) => (error: unknown) => isCausewayError(error, expected);
const count = (broker: FakeBroker | undefined, api: number): number =>
  broker?.requests.filter((request) => request.api === api).length ?? -1;

test('nobody stays with one broker for its questions: one that was cut off from its peers tells an old story for ever', async () => {
  let laterMs = 0;
  const clock: Clock = {
    wallMs: () => systemClock.wallMs(),
    monotonicMs: () => systemClock.monotonicMs() + laterMs,
    after: (delayMs, callback) => systemClock.after(delayMs, callback),
    sleep: (delayMs, signal) => systemClock.sleep(delayMs, signal),
  };
  const asked = new Set<number>();
  const answer =
    (id: number): FakeAnswer =>
    (request) => {
      if (request.api === ApiKey.Metadata) asked.add(id);
      return undefined;
    };
  const { client, connects } = await cluster(2, answer, clock);
  for (let i = 0; i < 5; i++) await client.metadata(['t']);
  assert.equal(connects(), 1);
  for (let i = 0; i < 20; i++) {
    laterMs += 60_000;
    await client.metadata(['t']);
  }
  assert.equal(asked.size, 2);
});

test('one connection per broker and purpose; concurrent callers share the attempt; a closed one is opened again', async () => {
  const { client, connects } = await cluster(1);
  const [a, b] = await Promise.all([client.connection(0, 'x'), client.connection(0, 'x')]);
  assert.equal(a, b);
  assert.equal(await client.connection(0, 'x'), a);
  assert.notEqual(await client.connection(0, 'y'), a);
  // Two, and one for metadata.
  assert.equal(connects(), 3);
  a.close();
  assert.notEqual(await client.connection(0, 'x'), a);
});

test('metadata falls over to the next broker when the connection it had is gone', async () => {
  const { client, brokers } = await cluster(2);
  const before = await client.metadata(['t']);
  assert.equal(before.topics.get('t')?.partitions.length, 2);
  assert.equal(before.clusterId, 'cluster-id');
  const used = brokers.find((broker) => count(broker, ApiKey.Metadata) > 0);
  await used?.stop();
  assert.equal((await client.metadata(['t'])).brokers.size, 2);
});

test('a broker that hangs costs one timeout, then another one is asked', async () => {
  const { client } = await cluster(
    2,
    (id) =>
      ({ api }) =>
        id === 0 && api === ApiKey.Metadata ? 'silent' : undefined,
  );
  for (let i = 0; i < 3; i += 1) assert.equal((await client.metadata(['t'])).brokers.size, 2);
});

test('an unreachable cluster is CLUSTER_UNREACHABLE and names every address that was tried', async () => {
  const { client, brokers } = await cluster(2);
  for (const broker of brokers) await broker.stop().catch(() => undefined);
  await assert.rejects(client.metadata('all'), (error) => {
    assert.ok(code('CLUSTER_UNREACHABLE')(error));
    for (const broker of client.cluster.bootstrap) assert.ok(String(error).includes(broker));
    return true;
  });
});

test('a broker the cluster does not name is CLUSTER_UNREACHABLE; after failures attempts come slower', async () => {
  const { client } = await cluster(1);
  const began = performance.now();
  for (let i = 0; i < 4; i += 1) await assert.rejects(client.connection(9, 'x'), code('CLUSTER_UNREACHABLE'));
  // 25 to 50, 50 to 100, 100 to 200 ms.
  assert.ok(performance.now() - began >= 170);
});

test('the coordinator is asked for until it is there, then remembered until it is forgotten', async () => {
  let asked = 0;
  const { client, brokers } = await cluster(2, () => ({ api }) => {
    if (api !== ApiKey.FindCoordinator) return undefined;
    asked += 1;
    return asked < 3 ? coordinatorV4(15, undefined, -1) : undefined;
  });
  assert.equal(await client.coordinator('group', 'g'), brokers.length - 1);
  assert.equal(await client.coordinator('group', 'g'), 1);
  assert.equal(asked, 3);
  client.forgetCoordinator('group', 'g');
  await client.coordinator('group', 'g');
  assert.equal(asked, 4);
});

test('a group without the right to be found is KAFKA_ERROR with Kafka’s code', async () => {
  const { client } = await cluster(
    1,
    () =>
      ({ api }) =>
        api === ApiKey.FindCoordinator ? coordinatorV4(30, undefined, -1) : undefined,
  );
  await assert.rejects(client.coordinator('group', 'g'), (error) => {
    assert.ok(isCausewayError(error, 'KAFKA_ERROR'));
    assert.equal(error.kafkaCode, 30);
    assert.match(error.message, /GROUP_AUTHORIZATION_FAILED/);
    return true;
  });
});

test('InitProducerId repeats 51, 14 and 16 and asks for the coordinator before every attempt', async () => {
  const codes = [51, 14, 16, 0];
  const { client, brokers } = await cluster(1, () => ({ api }) => {
    if (api !== ApiKey.InitProducerId) return undefined;
    const errorCode = codes.shift() ?? 0;
    return flexible((writer) =>
      writer
        .int32(0)
        .int16(errorCode)
        .int64(2n ** 60n)
        .int16(7)
        .tags(),
    );
  });
  assert.deepEqual(await initProducerId(client, 'tx', 60_000), { producerId: 2n ** 60n, epoch: 7 });
  assert.equal(count(brokers[0], ApiKey.FindCoordinator), 4);
});

test('a commit follows the coordinator and repeats only the partitions that it refused for that reason', async () => {
  const sizes: number[] = [];
  const { client } = await cluster(1, () => ({ api, body }) => {
    if (api !== ApiKey.OffsetCommit) return undefined;
    const reader = new Reader(body, true);
    reader.string();
    reader.int32();
    reader.string();
    reader.nullableString();
    reader.arrayLength(1);
    reader.string();
    const partitions = reader.array(4, () => {
      const partition = reader.int32();
      reader.int64();
      reader.int32();
      reader.string();
      reader.tags();
      return partition;
    });
    sizes.push(partitions.length);
    const errorOf = (partition: number): number =>
      partition === 1 && sizes.length === 1 ? 16 : partition === 2 ? 25 : 0;
    return flexible((writer) => {
      writer.int32(0).arrayLength(1).string('t');
      writer
        .array(partitions, (partition) => writer.int32(partition).int16(errorOf(partition)).tags())
        .tags()
        .tags();
    });
  });
  const offsets = [0, 1, 2].map((partition) => ({ topic: 't', partition, offset: 5n, metadata: 'm' }));
  const results = await commitOffsets(client, 'g', offsets);
  assert.deepEqual(
    results.map((result) => result.errorCode),
    [0, 0, 25],
  );
  assert.deepEqual(sizes, [3, 1]);
});

test('offsets are asked from each leader, a partition never twice in a request, answers in the order asked', async () => {
  const { client, brokers } = await cluster(2, (id) => ({ api, body }) => {
    if (api !== ApiKey.ListOffsets) return undefined;
    const reader = new Reader(body, true);
    reader.int32();
    reader.int8();
    reader.arrayLength(1);
    reader.string();
    const asked = reader.array(4, () => {
      const item = { partition: reader.int32(), epoch: reader.int32(), timestamp: reader.int64() };
      reader.tags();
      return item;
    });
    assert.equal(new Set(asked.map((item) => item.partition)).size, asked.length);
    return flexible((writer) => {
      writer.int32(0).arrayLength(1).string('t');
      writer.array(asked, (item) => {
        assert.deepEqual([item.partition, item.epoch], [id, 3]);
        writer
          .int32(item.partition)
          .int16(0)
          .int64(-1n)
          .int64(item.timestamp + 100n * BigInt(id))
          .int32(3)
          .tags();
      });
      writer.tags().tags();
    });
  });
  const query = (partition: number, timestamp: bigint) => ({ topic: 't', partition, timestamp });
  const queries = [
    query(1, TIMESTAMP_LATEST),
    query(0, TIMESTAMP_EARLIEST),
    query(1, TIMESTAMP_EARLIEST),
    query(7, TIMESTAMP_LATEST),
  ];
  const listed = await listOffsets(client, 'read_committed', queries);
  assert.deepEqual(
    listed.map((item) => [item.partition, item.errorCode, item.offset]),
    [
      [1, 0, 99n],
      [0, 0, -2n],
      [1, 0, 98n],
      [7, 3, -1n],
    ],
  );
  assert.equal(count(brokers[1], ApiKey.ListOffsets), 2);
});

test('a malformed body is KAFKA_PROTOCOL and closes the connection', async () => {
  const { client } = await cluster(
    1,
    () =>
      ({ api }) =>
        api === ApiKey.FindCoordinator ? Buffer.alloc(3) : undefined,
  );
  const connection = await client.anyConnection();
  await assert.rejects(client.coordinator('group', 'g'), code('KAFKA_PROTOCOL'));
  assert.ok(code('KAFKA_PROTOCOL')(connection.closedError));
});

test('closing closes every connection; whatever is asked then is SHUTTING_DOWN', async () => {
  const { client } = await cluster(1);
  const connection = await client.connection(0, 'x');
  await client.close();
  assert.ok(code('SHUTTING_DOWN')(connection.closedError));
  await assert.rejects(client.connection(0, 'x'), code('SHUTTING_DOWN'));
  await assert.rejects(client.metadata('all'), code('SHUTTING_DOWN'));
});

test('however many wait for a broker that is away, each on a connection of its own, none is taken for a leak', async () => {
  const { client, brokers } = await cluster(1);
  await client.metadata([]);
  await brokers[0]?.stop();
  const warnings: Error[] = [];
  const warned = (warning: Error): void => void warnings.push(warning);
  process.on('warning', warned);
  try {
    const asked = Array.from({ length: 30 }, (_, i) => client.connection(0, `purpose-${i}`));
    await Promise.allSettled(asked);
    // The first failed attempts are the others' reason to wait.
    const again = Promise.allSettled(Array.from({ length: 30 }, (_, i) => client.connection(0, `later-${i}`)));
    await new Promise((resolve) => setImmediate(resolve));
    await client.close();
    await again;
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(warnings, []);
  } finally {
    process.off('warning', warned);
  }
});
