import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { CheckpointStore } from '../../../common/kafka/checkpoints/checkpoint-store.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import type { AssignmentItem } from '../../../common/model/assignment.js';
import type { Route } from '../../../common/model/route.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { committedKeys } from './committed-log.js';
import { eventually, item, numbered, TestCluster, ThreadUnderTest, testRoute } from './thread-kit.js';

const keys = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `key-${from + i}`);

describe('transactional delivery, on real brokers', () => {
  const handles: KafkaClusterHandle[] = [];
  const threads: ThreadUnderTest[] = [];
  const clusters: TestCluster[] = [];

  before(async () => {
    handles.push(
      ...(await Promise.all([
        startKafkaCluster({ name: 'old', version: '3.9.1' }),
        startKafkaCluster({ name: 'new', version: '4.1.0' }),
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

  for (const [sourceAt, targetAt] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const way = sourceAt === 0 ? 'into 4.1.0' : 'into 3.9.1';
    const tag = sourceAt === 0 ? 'n' : 'o';
    const source = (): TestCluster => clusters[sourceAt] as TestCluster;
    const target = (): TestCluster => clusters[targetAt] as TestCluster;
    const routeOf = (name: string): Route => ({
      ...testRoute(source().connection.name, target().connection.name),
      name,
      delivery: 'transactional',
    });

    async function topic(name: string, extra: Partial<AssignmentItem> = {}, partitions = 1): Promise<AssignmentItem[]> {
      const targetTopic = extra.targetTopic ?? name;
      await Promise.all([source().createTopic(name, partitions), target().createTopic(targetTopic, partitions)]);
      const sourceTopicId = await source().topicId(name);
      return Array.from({ length: partitions }, (_, number) => item(name, number, { sourceTopicId, ...extra }));
    }

    function owner(
      incarnation: string,
      settings: ConstructorParameters<typeof ThreadUnderTest>[2] = {},
    ): ThreadUnderTest {
      const connections = [source().connection, target().connection];
      const under = new ThreadUnderTest(connections, `${tag}${incarnation}`, settings);
      threads.push(under);
      return under;
    }

    const begun = (items: readonly AssignmentItem[]): AssignmentItem[] =>
      items.map((own) => ({ ...own, started: true }));

    async function fill(name: string, from: number, count: number, partition = 0): Promise<void> {
      for (let at = from; at < from + count; at += 10) {
        await source().append(name, partition, buildBatch(numbered(at, 10)));
      }
    }

    const committed = (name: string, partition = 0): Promise<string[]> =>
      committedKeys(target().connection.bootstrap, name, partition);

    const isRunning = (under: ThreadUnderTest, count = 1): boolean =>
      under.status().filter(({ state }) => state === 'running').length === count;

    test(`owners die in the middle of transactions, one after the other: nothing twice, nothing missing, in order (${way})`, async () => {
      const name = `${tag}-deaths`;
      const items = await topic(name);
      let end = 0;
      for (const incarnation of ['d1', 'd2', 'd3']) {
        const under = owner(incarnation);
        under.assign([routeOf('r')], incarnation === 'd1' ? items : begun(items));
        await eventually(`${incarnation} runs`, () => isRunning(under));
        const filling = fill(name, end, 300);
        end += 300;
        // In the log, committed or not: somewhere in the middle of its work.
        await eventually('some are stored', async () => (await target().read(name, 0)).length > end - 200);
        under.die();
        await filling;
      }
      const last = owner('d4');
      last.assign([routeOf('r')], begun(items));
      await eventually('all are committed', async () => (await committed(name)).length >= end);
      assert.deepEqual(await committed(name), keys(end));
    });

    test(`two routes merge into one topic beside a local producer: each source’s records are there once, in its order (${way})`, async () => {
      const merged = `${tag}-merged`;
      const left = await topic(`${tag}-left`, { route: 'left', targetTopic: merged }, 2);
      const right = await topic(`${tag}-right`, { route: 'right', targetTopic: merged }, 2);
      const under = owner('m1');
      under.assign([routeOf('left'), routeOf('right')], [...left, ...right]);
      await eventually('all run', () => isRunning(under, 4));
      await Promise.all([
        fill(`${tag}-left`, 0, 300),
        fill(`${tag}-right`, 10_000, 300),
        fill(`${tag}-left`, 0, 100, 1),
        (async () => {
          for (let i = 0; i < 20; i++) await target().append(merged, 0, buildBatch(numbered(90_000 + i, 1)));
        })(),
      ]);
      // A new owner in between.
      under.die();
      const heir = owner('m2');
      heir.assign([routeOf('left'), routeOf('right')], begun([...left, ...right]));
      await eventually('all are committed', async () => (await committed(merged)).length >= 620);
      const found = await committed(merged);
      const numberOf = (key: string): number => Number(key.slice(4));
      assert.deepEqual(
        found.filter((key) => numberOf(key) < 10_000),
        keys(300),
      );
      assert.deepEqual(
        found.filter((key) => numberOf(key) >= 10_000 && numberOf(key) < 90_000),
        keys(300, 10_000),
      );
      assert.deepEqual(
        found.filter((key) => numberOf(key) >= 90_000),
        keys(20, 90_000),
      );
      await eventually('the other partition, too', async () => (await committed(merged, 1)).length >= 100);
      assert.deepEqual(await committed(merged, 1), keys(100));
    });

    // What follows does not differ between versions.
    if (sourceAt === 1) continue;

    test(`the next owner begins exactly behind what was committed (${way})`, async () => {
      const name = `${tag}-exact`;
      const items = await topic(name);
      const under = owner('e1');
      under.assign([routeOf('r')], items);
      await eventually('it runs', () => isRunning(under));
      await fill(name, 0, 200);
      await eventually('some are committed', async () => (await committed(name)).length > 20);
      under.die();
      const heir = owner('e2');
      heir.assign([routeOf('r')], begun(items));
      await eventually('it runs', () => isRunning(heir));
      await eventually('all are committed', async () => (await committed(name)).length >= 200);
      const loaded = await new CheckpointStore(target().client).loadTransactional(items);
      const found = loaded.get(`${name}-0`);
      assert.ok(found?.kind === 'found');
      assert.equal(found.checkpoint.sourceOffset, 200n);
      assert.deepEqual(await committed(name), keys(200));
    });

    test(`an owner that goes on though another has taken over is refused by the target, and told (${way})`, async () => {
      const name = `${tag}-zombie`;
      const items = await topic(name);
      const zombie = owner('z1');
      zombie.assign([routeOf('r')], items);
      await eventually('it runs', () => isRunning(zombie));
      await fill(name, 0, 100);
      await eventually('it copies', async () => (await committed(name)).length > 0);
      const heir = owner('z2');
      heir.assign([routeOf('r')], begun(items));
      let end = 100;
      await eventually('the old owner is told', async () => {
        await fill(name, end, 50);
        end += 50;
        return zombie.messages.some(({ type }) => type === 'lane-dead');
      });
      await eventually('all are committed', async () => (await committed(name)).length >= end);
      assert.deepEqual(await committed(name), keys(end));
      assert.ok(!heir.messages.some(({ type }) => type === 'lane-dead'));
    });

    test(`a partition that was let go needs no fence: its lane copies the others on (${way})`, async () => {
      const name = `${tag}-handoff`;
      const [first, second] = (await topic(name, {}, 2)) as [AssignmentItem, AssignmentItem];
      const giver = owner('h1');
      giver.assign([routeOf('r')], [first, second]);
      await eventually('both run', () => isRunning(giver, 2));
      await fill(name, 0, 100);
      giver.assign([routeOf('r')], [second]);
      await eventually('let go', () => giver.held()?.held.length === 1);
      const taker = owner('h2');
      taker.assign([routeOf('r')], begun([first]));
      await fill(name, 100, 100);
      await fill(name, 0, 10, 1);
      await eventually('the taker copies', async () => (await committed(name)).length >= 200);
      await eventually('the giver copies on', async () => (await committed(name, 1)).length === 10);
      assert.deepEqual(await committed(name), keys(200));
      assert.ok(!giver.messages.some(({ type }) => type === 'lane-dead'));
    });
  }
});
