import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, afterEach, before, describe, test } from 'node:test';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import type { KafkaRecord } from '../../../common/kafka/wire/records/record-codec.js';
import type { AssignmentItem } from '../../../common/model/assignment.js';
import type { RecordRules } from '../../../common/model/record-rules.js';
import type { Route } from '../../../common/model/route.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { committedRecords } from './committed-log.js';
import { eventually, item, TestCluster, ThreadUnderTest, testRoute } from './thread-kit.js';

const SECRET = 'a long enough secret';
const STARTED_MS = Date.now();

/** Offset n of a source log: every tenth is gold, every seventh a test, every 31st no JSON. */
function order(offset: number): KafkaRecord {
  const body = {
    id: offset,
    tier: offset % 10 === 0 ? 'gold' : 'basic',
    card: `4111-${offset}`,
    test: offset % 7 === 0,
  };
  const value = offset % 31 === 0 ? `broken ${offset}` : JSON.stringify(body);
  return {
    key: Buffer.from(`key-${offset}`),
    value: Buffer.from(value),
    headers: [[Buffer.from('debug'), Buffer.from('1')]],
    timestamp: BigInt(STARTED_MS + offset),
  };
}

const RULES: RecordRules = {
  onUnreadable: 'dead-letter',
  list: [
    { name: 'no-tests', when: { on: 'field', name: 'test', equals: true }, action: { do: 'drop' } },
    { name: 'hide', action: { do: 'hash', fields: ['card'], hmac: 'pii' } },
    { name: 'quiet', action: { do: 'strip-headers', matching: ['debug'] } },
    {
      name: 'gold',
      when: { on: 'field', name: 'tier', equals: 'gold' },
      action: { do: 'route', topic: 'gold', partitions: 1 },
    },
  ],
};

type Fate = 'broken' | 'dropped' | 'gold' | 'kept';

function fateOf(offset: number): Fate {
  if (offset % 31 === 0) return 'broken';
  if (offset % 7 === 0) return 'dropped';
  return offset % 10 === 0 ? 'gold' : 'kept';
}

const offsetsOf = (count: number, fate: Fate): number[] =>
  Array.from({ length: count }, (_, offset) => offset).filter((offset) => fateOf(offset) === fate);

const keysOf = (offsets: readonly number[]): string[] => offsets.map((offset) => `key-${offset}`);

describe('rules, mappings and provenance, on real brokers', () => {
  const handles: KafkaClusterHandle[] = [];
  const clusters: TestCluster[] = [];
  const threads: ThreadUnderTest[] = [];

  before(async () => {
    handles.push(
      ...(await Promise.all([
        startKafkaCluster({ name: 'west', version: '3.9.1' }),
        startKafkaCluster({ name: 'east', version: '4.1.0' }),
      ])),
    );
    clusters.push(...handles.map((handle) => new TestCluster(handle)));
  });

  after(async () => {
    await Promise.all(clusters.map((cluster) => cluster.close()));
    await Promise.all(handles.map((handle) => handle.stop()));
  });

  afterEach(() => {
    for (const under of threads.splice(0)) under.die();
  });

  const west = (): TestCluster => clusters[0] as TestCluster;
  const east = (): TestCluster => clusters[1] as TestCluster;

  const routeOf = (more: Partial<Route> = {}): Route => ({
    ...testRoute('west', 'east'),
    delivery: 'transactional',
    ...more,
  });

  function owner(incarnation: string): ThreadUnderTest {
    const more = { ruleSecrets: new Map([['pii', SECRET]]) };
    const under = new ThreadUnderTest([west().connection, east().connection], incarnation, {}, more);
    threads.push(under);
    return under;
  }

  async function itemsOf(topic: string, partitions: number, from = west(), extra: Partial<AssignmentItem> = {}) {
    const sourceTopicId = await from.topicId(topic);
    return Array.from({ length: partitions }, (_, number) => item(topic, number, { sourceTopicId, ...extra }));
  }

  const begun = (items: readonly AssignmentItem[]): AssignmentItem[] => items.map((own) => ({ ...own, started: true }));

  const isRunning = (under: ThreadUnderTest, count = 1): boolean =>
    under.status().filter(({ state }) => state === 'running').length === count;

  async function fill(topic: string, from: number, to: number, codec: 'none' | 'gzip' = 'none'): Promise<void> {
    for (let at = from; at < to; at += 25) {
      const records = Array.from({ length: Math.min(25, to - at) }, (_, i) => order(at + i));
      await west().append(topic, 0, buildBatch(records, { codec }));
    }
  }

  const committed = (topic: string, partition = 0, at = east()) =>
    committedRecords(at.connection.bootstrap, topic, partition);

  const keysAt = async (topic: string, partition = 0, at = east()): Promise<string[]> =>
    (await committed(topic, partition, at)).map(({ key }) => String(key));

  test('each record fares once as the rules say, in order, though owners die in the middle of transactions', async () => {
    await Promise.all([
      west().createTopic('orders', 1),
      ...['orders', 'gold', 'unread'].map((topic) => east().createTopic(topic, 1)),
    ]);
    const items = await itemsOf('orders', 1);
    const route = routeOf({ rules: RULES, deadLetterTopic: 'unread' });
    let end = 0;
    for (const incarnation of ['a1', 'a2', 'a3']) {
      const under = owner(incarnation);
      under.assign([route], incarnation === 'a1' ? items : begun(items));
      await eventually(`${incarnation} runs`, () => isRunning(under));
      const filling = fill('orders', end, end + 300, incarnation === 'a2' ? 'gzip' : 'none');
      const before = (await east().read('orders', 0)).length;
      end += 300;
      // In the log, committed or not: somewhere in the middle of its work.
      await eventually('some are stored', async () => (await east().read('orders', 0)).length > before + 60);
      under.die();
      await filling;
    }
    const last = owner('a4');
    last.assign([route], begun(items));
    const kept = keysOf(offsetsOf(end, 'kept'));
    await eventually('all are committed', async () => (await keysAt('orders')).length >= kept.length);
    await eventually('the rest, too', async () => (await keysAt('gold')).length >= offsetsOf(end, 'gold').length);
    await eventually('and letters', async () => (await keysAt('unread')).length >= offsetsOf(end, 'broken').length);
    assert.deepEqual(await keysAt('orders'), kept);
    assert.deepEqual(await keysAt('gold'), keysOf(offsetsOf(end, 'gold')));
    assert.deepEqual(await keysAt('unread'), keysOf(offsetsOf(end, 'broken')));
    const [first] = await committed('orders');
    const hash = createHmac('sha256', SECRET).update('4111-1').digest('hex');
    assert.equal(String(first?.value), `{"id":1,"tier":"basic","card":"${hash}","test":false}`);
    assert.deepEqual([first?.headers.length, first?.timestamp], [0, STARTED_MS + 1]);
    const [letter] = await committed('unread');
    assert.equal(String(letter?.value), 'broken 0');
    assert.ok(letter?.headers.some(([name, value]) => `${name}=${value}` === 'causeway.reason=unreadable'));
  });

  test('where nothing is left of the records the position moves all the same, and is committed', async () => {
    await Promise.all([west().createTopic('void', 1), east().createTopic('void', 1)]);
    const route = routeOf({ rules: { onUnreadable: 'keep', list: [{ name: 'all', action: { do: 'drop' } }] } });
    const items = await itemsOf('void', 1);
    const first = owner('b1');
    first.assign([route], items);
    await eventually('it runs', () => isRunning(first));
    await fill('void', 0, 200);
    await eventually('all is settled', () => first.status()[0]?.sourceOffset === 200n);
    await first.thread.stop();
    // Rules that keep everything, from where the others stopped.
    const second = owner('b2');
    second.assign([routeOf()], begun(items));
    await fill('void', 200, 210);
    await eventually('what follows is there', async () => (await keysAt('void')).length >= 10);
    assert.deepEqual(await keysAt('void'), keysOf(Array.from({ length: 10 }, (_, i) => 200 + i)));
  });

  test('other rules begin where the ones before ended, on a worker that copies', async () => {
    await Promise.all([west().createTopic('change', 1), east().createTopic('change', 1)]);
    const marking = (value: string): RecordRules => ({
      onUnreadable: 'keep',
      list: [{ name: 'mark', action: { do: 'add-header', name: 'rules', value } }],
    });
    const items = await itemsOf('change', 1);
    const under = owner('c1');
    under.assign([routeOf({ rules: marking('old') })], items);
    await eventually('it runs', () => isRunning(under));
    const filling = fill('change', 0, 400);
    await eventually('some are stored', async () => (await east().read('change', 0)).length > 100);
    under.assign([routeOf({ rules: marking('new') })], begun(items));
    await filling;
    await fill('change', 400, 500);
    await eventually('all are committed', async () => (await keysAt('change')).length >= 500);
    const records = await committed('change');
    assert.deepEqual(
      records.map(({ key }) => String(key)),
      keysOf(Array.from({ length: 500 }, (_, i) => i)),
    );
    const marks = records.map(({ headers }) => String(headers.find(([name]) => String(name) === 'rules')?.[1]));
    const turn = marks.indexOf('new');
    assert.ok(
      turn > 0 &&
        marks.slice(0, turn).every((mark) => mark === 'old') &&
        marks.slice(turn).every((mark) => mark === 'new'),
    );
  });

  test('a record that a rule cannot read stops its partition in front of it, and an operator’s skip lets it go on', async () => {
    await Promise.all([
      west().createTopic('stop', 1),
      ...['stop', 'causeway.test.gaps'].map((topic) => east().createTopic(topic, 1)),
    ]);
    const route = routeOf({ rules: { ...RULES, onUnreadable: 'pause', list: RULES.list.slice(1, 3) } });
    const items = await itemsOf('stop', 1);
    const under = owner('s1');
    await fill('stop', 1, 32);
    under.assign([route], items);
    await eventually('it stops', () => under.status()[0]?.reason?.code === 'RECORD_UNREADABLE');
    // Key and offset differ by one here.
    await eventually('all before it is there', async () => (await keysAt('stop')).length === 30);
    const skip = { partition: 0, from: 30n, to: 31n, reason: 'broken', at: '2026-01-01T00:00:00Z' };
    under.assign(
      [route],
      begun(items).map((own) => ({ ...own, skip })),
    );
    await fill('stop', 32, 40);
    await eventually('what follows is there', async () => (await keysAt('stop')).length >= 38);
    assert.deepEqual(await keysAt('stop'), keysOf(Array.from({ length: 39 }, (_, i) => i + 1).filter((n) => n !== 31)));
  });

  test('partitions are folded into fewer, though owners die: each source’s records are there once and in order', async () => {
    await Promise.all([west().createTopic('folded', 5), east().createTopic('folded', 2)]);
    const route = routeOf({ partitionMapping: { to: 'modulo', partitions: 2 } });
    const items = await itemsOf('folded', 5);
    const fillAll = (from: number, to: number) =>
      Promise.all(
        items.map(async ({ partition }) => {
          for (let at = from; at < to; at += 20) {
            const records = Array.from({ length: 20 }, (_, i) => ({
              ...order(at + i),
              key: Buffer.from(`${partition}/${at + i}`),
            }));
            await west().append('folded', partition, buildBatch(records));
          }
        }),
      );
    const first = owner('f1');
    first.assign([route], items);
    await eventually('all run', () => isRunning(first, 5));
    const filling = fillAll(0, 160);
    await eventually('some are stored', async () => (await east().read('folded', 0)).length > 100);
    first.die();
    await filling;
    const second = owner('f2');
    second.assign([route], begun(items));
    await fillAll(160, 200);
    const all = async (): Promise<string[][]> => [await keysAt('folded', 0), await keysAt('folded', 1)];
    await eventually('all are committed', async () => (await all()).flat().length >= 1_000);
    for (const [number, keys] of (await all()).entries()) {
      for (const { partition } of items.filter((own) => own.partition % 2 === number)) {
        const own = keys.filter((key) => key.startsWith(`${partition}/`));
        assert.deepEqual(
          own,
          Array.from({ length: 200 }, (_, i) => `${partition}/${i}`),
        );
      }
      assert.equal(keys.length, number === 0 ? 600 : 400);
    }
  });

  test('two clusters mirror one topic into each other under load: every record is on both sides once', async () => {
    await Promise.all([west().createTopic('both', 2), east().createTopic('both', 2)]);
    const there = routeOf({ name: 'there', provenance: true, targetTopics: { create: true, shared: true } });
    const back: Route = { ...there, name: 'back', source: 'east', target: 'west' };
    const items = [
      ...(await itemsOf('both', 2, west(), { route: 'there' })),
      ...(await itemsOf('both', 2, east(), { route: 'back' })),
    ];
    const produce = async (cluster: TestCluster, side: string, from: number, to: number): Promise<void> => {
      for (let at = from; at < to; at += 10) {
        for (const partition of [0, 1]) {
          const records = Array.from({ length: 10 }, (_, i) => ({
            ...order(at + i),
            key: Buffer.from(`${side}${partition}-${at + i}`),
          }));
          await cluster.append('both', partition, buildBatch(records));
        }
      }
    };
    const both = (from: number, to: number) =>
      Promise.all([produce(west(), 'w', from, to), produce(east(), 'e', from, to)]);
    const first = owner('p1');
    first.assign([there, back], items);
    await eventually('all run', () => isRunning(first, 4));
    const load = both(0, 300);
    await eventually('some have crossed', async () => (await east().read('both', 0)).length > 200);
    first.die();
    await load;
    const second = owner('p2');
    second.assign([there, back], begun(items));
    await both(300, 400);
    for (const cluster of [east(), west()]) {
      for (const partition of [0, 1]) {
        await eventually('all are there', async () => (await keysAt('both', partition, cluster)).length >= 800, 25_000);
      }
    }
    // What would come back had its time.
    await produce(west(), 'w', 400, 410);
    await eventually('the last has crossed', async () => (await keysAt('both', 1)).length >= 810);
    for (const cluster of [east(), west()]) {
      for (const partition of [0, 1]) {
        const keys = await keysAt('both', partition, cluster);
        for (const [side, count] of [
          ['w', 410],
          ['e', 400],
        ] as const) {
          const own = keys.filter((key) => key.startsWith(side));
          assert.deepEqual(
            own,
            Array.from({ length: count }, (_, i) => `${side}${partition}-${i}`),
            cluster.connection.name,
          );
        }
      }
    }
    const origins = (await committed('both')).flatMap(({ key, headers }) =>
      headers
        .filter(([name]) => String(name) === 'causeway.origin.topic')
        .map(([, value]) => `${String(key)[0]}${value}`),
    );
    assert.deepEqual([...new Set(origins)], ['wboth'], 'only what crossed tells where it comes from');
  });
});
