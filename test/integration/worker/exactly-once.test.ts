import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { CheckpointStore } from '../../../common/kafka/checkpoints/checkpoint-store.js';
import { fenceLane } from '../../../common/kafka/fencing/fence-lane.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import type { AssignmentItem } from '../../../common/model/assignment.js';
import { type Checkpoint, checkpointGroup, firstTimelineGroup } from '../../../common/model/checkpoint.js';
import { heartbeatTopic } from '../../../common/model/heartbeat.js';
import type { Route } from '../../../common/model/route.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { ClusterPair } from './cluster-pair.js';
import { eventually, item, numbered, type TestCluster, ThreadUnderTest, testRoute } from './thread-kit.js';

/** No checkpoint but the first: whatever is copied lies behind it. */
const ONLY_THE_FIRST = { checkpointIntervalMs: 3_600_000 };

describe('exactly once, on real brokers', () => {
  let pair: ClusterPair;
  const threads: ThreadUnderTest[] = [];
  let source: TestCluster;
  let target: TestCluster;
  const route: Route = { ...testRoute('source', 'target'), delivery: 'exactly-once' };

  before(async () => {
    pair = await ClusterPair.start({ source: '3.9.1', target: '4.1.0' });
    ({ source, target } = pair);
  });

  after(async () => {
    await pair?.stop();
  });

  afterEach(async () => {
    await Promise.all(threads.splice(0).map(({ thread }) => thread.stop()));
  });

  async function topic(name: string, partitions = 1): Promise<AssignmentItem[]> {
    await Promise.all([source.createTopic(name, partitions), target.createTopic(name, partitions)]);
    const sourceTopicId = await source.topicId(name);
    return Array.from({ length: partitions }, (_, partition) => item(name, partition, { sourceTopicId }));
  }

  function owner(
    incarnation: string,
    settings: ConstructorParameters<typeof ThreadUnderTest>[2] = {},
    more: ConstructorParameters<typeof ThreadUnderTest>[3] = {},
  ): ThreadUnderTest {
    const under = new ThreadUnderTest([source.connection, target.connection], incarnation, settings, more);
    threads.push(under);
    return under;
  }

  const begun = (items: readonly AssignmentItem[]): AssignmentItem[] => items.map((own) => ({ ...own, started: true }));

  async function fill(name: string, from: number, count: number): Promise<void> {
    for (let at = from; at < from + count; at += 10) await source.append(name, 0, buildBatch(numbered(at, 10)));
  }

  const copied = async (name: string, partition = 0): Promise<string[]> =>
    (await target.read(name, partition)).map(({ key }) => String(key));
  const keys = (count: number): string[] => Array.from({ length: count }, (_, i) => `key-${i}`);

  test('6.1, 5.5, 6.3 owners die one after the other without a checkpoint: nothing twice, nothing missing, in order', async () => {
    const items = await topic('deaths');
    let end = 0;
    for (const incarnation of ['d1', 'd2', 'd3', 'd4']) {
      const under = owner(incarnation, ONLY_THE_FIRST);
      under.assign([route], incarnation === 'd1' ? items : begun(items));
      await eventually(`${incarnation} runs`, () => under.status()[0]?.state === 'running');
      await fill('deaths', end, 200);
      end += 200;
      // Somewhere in the middle of its work.
      await eventually('some are copied', async () => (await copied('deaths')).length > end - 150);
      await under.thread.stop();
    }
    const last = owner('d5');
    last.assign([route], begun(items));
    await eventually('all are copied', async () => (await copied('deaths')).length >= end);
    assert.deepEqual(await copied('deaths'), keys(end));
  });

  test('5.8, 2.5 an owner that goes on though another has taken over: its late batches are refused, and it is told', async () => {
    const items = await topic('zombie');
    const zombie = owner('z1', ONLY_THE_FIRST);
    zombie.assign([route], items);
    await eventually('it runs', () => zombie.status()[0]?.state === 'running');
    await fill('zombie', 0, 100);
    await eventually('it copies', async () => (await copied('zombie')).length > 0);
    const heir = owner('z2');
    heir.assign([route], begun(items));
    let end = 100;
    // It is told by what it still sends: there has to be something, however late the other one fences.
    await eventually('the old owner is told', async () => {
      await fill('zombie', end, 50);
      end += 50;
      return zombie.messages.some(({ type }) => type === 'lane-dead');
    });
    await fill('zombie', end, 50);
    end += 50;
    await eventually('all are copied', async () => (await copied('zombie')).length >= end);
    assert.deepEqual(await copied('zombie'), keys(end));
    const writers = await target.writers('zombie', 0);
    const producers = writers.map((line) => line.split(', ')[2]?.split('/')[0]);
    assert.ok(new Set(producers).size === 2, 'both wrote');
    const heirs = producers.indexOf(producers.at(-1));
    assert.ok(
      producers.slice(heirs).every((producer) => producer === producers.at(-1)),
      'none of the old behind the new',
    );
  });

  test('5.8 who has no session fences nobody: an old order does not end the owner in office', async () => {
    const items = await topic('stale');
    const office = owner('o1', ONLY_THE_FIRST);
    office.assign([route], items);
    await eventually('it runs', () => office.status()[0]?.state === 'running');
    await fill('stale', 0, 50);
    await eventually('copied', async () => (await copied('stale')).length === 50);
    const stale = owner('o2');
    new Float64Array(stale.lease)[0] = 0;
    stale.assign([route], begun(items));
    await eventually('it has tried', () => stale.status()[0]?.reason?.code === 'COORDINATION_SESSION_LOST');
    await fill('stale', 50, 50);
    await eventually('the owner in office copies on', async () => (await copied('stale')).length === 100);
    assert.ok(!office.messages.some(({ type }) => type === 'lane-dead'));
  });

  test('5.8, 2.5 who was fenced itself fences nobody: an order that was overtaken does not end the owner in office', async () => {
    const items = await topic('overtaken');
    const office = owner('v1', ONLY_THE_FIRST);
    office.assign([route], items);
    await eventually('it runs', () => office.status()[0]?.state === 'running');
    await fill('overtaken', 0, 50);
    await eventually('copied', async () => (await copied('overtaken')).length === 50);
    const others = await topic('overtaken-other');
    const late = owner('v2');
    late.assign([route], others);
    await eventually('the other runs', () => late.status()[0]?.state === 'running');
    const registered = late.messages.find((message) => message.type === 'register-lane');
    assert.ok(registered?.type === 'register-lane');
    const { signal } = new AbortController();
    await fenceLane({ client: target.client, lane: registered.lane, partitions: [], signal });
    late.assign([route], begun([...others, ...items]));
    await eventually('it is told', () => late.messages.some(({ type }) => type === 'lane-dead'));
    await fill('overtaken', 50, 50);
    await eventually('the owner in office copies on', async () => (await copied('overtaken')).length === 100);
    assert.ok(!office.messages.some(({ type }) => type === 'lane-dead'));
    assert.deepEqual(await copied('overtaken'), keys(100));
  });

  test('4.2 a late commit of an old timeline replaces no pair of a later one; pairs from before timelines had groups are read', async () => {
    const [owned] = (await topic('timelines')) as [AssignmentItem];
    const store = new CheckpointStore(target.client);
    const place = (timeline: number) => ({ ...owned, timeline });
    const pair = (timeline: number, at: bigint): Checkpoint => ({
      ...{ sourceOffset: at, targetOffset: at, sourceLeaderEpoch: 0, sourceTopicId: null, targetTopicId: null },
      ...{ timeline, runSourceStart: 0n, runTargetStart: 0n, rulesVersion: 1, released: false },
      lane: { transactionalId: 'causeway.test.w.i.0', producerId: 1n, producerEpoch: 0 },
    });
    const commit = async (group: string, checkpoint: Checkpoint): Promise<void> => {
      const failed = await store.commit(group, [{ targetTopic: owned.targetTopic, partition: 0, checkpoint }]);
      assert.equal(failed.size, 0);
    };
    const loaded = async (timeline: number): Promise<bigint | string> => {
      const [found] = [...(await store.load([place(timeline)])).values()];
      return found?.kind === 'found' ? found.checkpoint.sourceOffset : String(found?.kind);
    };
    await commit(checkpointGroup(place(1)), pair(1, 10n));
    assert.equal(await loaded(2), 'none', 'the old pair is void');
    await commit(firstTimelineGroup(owned), pair(2, 15n));
    assert.equal(await loaded(2), 15n, 'written before there were groups by timeline');
    await commit(checkpointGroup(place(2)), pair(2, 20n));
    await commit(checkpointGroup(place(1)), pair(1, 11n));
    assert.equal(await loaded(2), 20n);
    assert.equal(await loaded(1), 11n);
  });

  test('6.4, 5.8 a late commit of a former owner hides the last one: its lane is found in the log, fenced, and counts as ours', async () => {
    const items = await topic('hidden');
    const [owned] = items as [AssignmentItem];
    const store = new CheckpointStore(target.client);
    const former = owner('f1');
    former.assign([route], items);
    await eventually('it runs', () => former.status()[0]?.state === 'running');
    await fill('hidden', 0, 50);
    await eventually('copied', async () => (await copied('hidden')).length === 50);
    former.assign([route], []);
    await eventually('let go', () => former.held()?.held.length === 0);
    const [late] = [...(await store.load([owned])).values()];
    assert.ok(late?.kind === 'found' && late.checkpoint.released);
    const last = owner('f2', ONLY_THE_FIRST);
    last.assign([route], begun(items));
    await eventually('the next runs', () => last.status()[0]?.state === 'running');
    await fill('hidden', 50, 50);
    await eventually('copied', async () => (await copied('hidden')).length === 100);
    const entry = { targetTopic: owned.targetTopic, partition: 0, checkpoint: late.checkpoint };
    assert.equal((await store.commit(checkpointGroup(owned), [entry])).size, 0);
    // It goes on all the while: only a fence ends what it writes.
    const heir = owner('f3');
    heir.assign([route], begun(items));
    let end = 100;
    await eventually('the hidden owner is told', async () => {
      await fill('hidden', end, 50);
      end += 50;
      return last.messages.some(({ type }) => type === 'lane-dead');
    });
    await eventually('all are copied', async () => (await copied('hidden')).length >= end);
    assert.deepEqual(await copied('hidden'), keys(end));
    await eventually('the heir says so', () => heir.status()[0]?.state === 'running');
  });

  test('5.3 who takes a partition over closes the dead-letter topic, too, wherever the dead owner may have written there', async () => {
    const items = await topic('lettered');
    await target.createTopic('letters', 2);
    const lettered: Route = { ...route, onRefusedRecord: 'dead-letter', deadLetterTopic: 'letters' };
    const dead = owner('l1', ONLY_THE_FIRST);
    dead.assign([lettered], items);
    await eventually('it runs', () => dead.status()[0]?.state === 'running');
    await fill('lettered', 0, 20);
    await eventually('copied', async () => (await copied('lettered')).length === 20);
    await dead.thread.stop();
    const heir = owner('l2');
    heir.assign([lettered], begun(items));
    await eventually('the heir runs', () => heir.status()[0]?.state === 'running');
    const registered = dead.messages.find((message) => message.type === 'register-lane');
    assert.ok(registered?.type === 'register-lane');
    for (const partition of [0, 1]) {
      await eventually('the marker is there', async () => (await target.writers('letters', partition)).length === 1);
      const [marker] = await target.writers('letters', partition);
      assert.equal(marker, `0, 1, ${registered.lane.producerId}/${registered.lane.producerEpoch + 1}/-1`);
    }
  });

  test('4.3, 5.8 a partition that was let go needs no fence: its lane copies its other partitions on', async () => {
    const items = await topic('handoff', 2);
    const [first, second] = items as [AssignmentItem, AssignmentItem];
    const giver = owner('h1', ONLY_THE_FIRST);
    giver.assign([route], items);
    await eventually('both run', () => giver.status().filter(({ state }) => state === 'running').length === 2);
    await fill('handoff', 0, 100);
    await eventually('copied', async () => (await copied('handoff')).length === 100);
    giver.assign([route], [second]);
    await eventually('let go', () => giver.held()?.held.length === 1);
    const taker = owner('h2');
    taker.assign([route], begun([first]));
    await fill('handoff', 100, 100);
    await source.append('handoff', 1, buildBatch(numbered(0, 10)));
    await eventually('the taker copies', async () => (await copied('handoff')).length >= 200);
    await eventually('the giver copies on', async () => (await copied('handoff', 1)).length === 10);
    assert.deepEqual(await copied('handoff'), keys(200));
    assert.ok(!giver.messages.some(({ type }) => type === 'lane-dead'));
  });

  test('2.5, 2.6 a lane renews its id on the heartbeat topic, and learns there that it was fenced though it has nothing to write', async () => {
    const items = await topic('renewed');
    const heartbeats = heartbeatTopic('test');
    await target.createTopic(heartbeats, 1);
    const under = owner('r1', {}, { laneRenewalMs: 300 });
    under.assign([route], items);
    await eventually('it runs', () => under.status()[0]?.state === 'running');
    await eventually('its id is renewed', async () => (await target.writers(heartbeats, 0)).length >= 2);
    await fill('renewed', 0, 50);
    await eventually('copied', async () => (await copied('renewed')).length === 50);
    const registered = under.messages.find((message) => message.type === 'register-lane');
    assert.ok(registered?.type === 'register-lane');
    const { lane } = registered;
    const renewals = await target.writers(heartbeats, 0);
    const producer = (line: string): string | undefined => line.split(', ')[2]?.split('/').slice(0, 2).join('/');
    assert.ok(renewals.every((line) => producer(line) === `${lane.producerId}/${lane.producerEpoch}`));
    const { client } = target;
    const fence = await fenceLane({ client, lane, partitions: [], signal: new AbortController().signal });
    assert.equal(fence.kind, 'fenced');
    await eventually('it is told', () => under.messages.some(({ type }) => type === 'lane-dead'));
    assert.deepEqual(await copied('renewed'), keys(50));
  });

  test('3.2, 3.3, 5.6 records older than the target remembers producers, its broker killed under load: each once, in order', async () => {
    const items = await topic('aged', 2);
    const under = owner('a1', ONLY_THE_FIRST);
    under.assign([route], items);
    await eventually('both run', () => under.status().filter(({ state }) => state === 'running').length === 2);
    const longAgo = BigInt(Date.now() - 400 * 86_400_000);
    const aged = (from: number) => numbered(from, 10).map((record) => ({ ...record, timestamp: longAgo }));
    let [end, fresh] = [0, 0];
    let isLoading = true;
    const load = (async () => {
      for (; isLoading; end += 10) {
        await source.append('aged', 0, buildBatch(aged(end)));
        await systemClock.sleep(5);
      }
    })();
    const beside = (async () => {
      for (; isLoading; fresh += 10) {
        await source.append('aged', 1, buildBatch(numbered(fresh, 10)));
        await systemClock.sleep(5);
      }
    })();
    const broker = pair.handles[1].brokers[0];
    const lanes = (): number => under.messages.filter(({ type }) => type === 'register-lane').length;
    await eventually('records flow', async () => (await copied('aged')).length > 200);
    // A kill may come when every answer had just been given; the next one hardly does.
    for (let kills = 0; kills < 8 && lanes() < 2; kills += 1) {
      await broker?.kill();
      await broker?.start();
      const killed = (await copied('aged')).length;
      await eventually('they flow again', async () => (await copied('aged')).length > killed + 100);
    }
    isLoading = false;
    await Promise.all([load, beside]);
    await eventually('all are copied', async () => (await copied('aged')).length >= end);
    await eventually('those beside, too', async () => (await copied('aged', 1)).length >= fresh);
    assert.deepEqual(await copied('aged'), keys(end));
    assert.deepEqual(await copied('aged', 1), keys(fresh));
    assert.ok(lanes() >= 2, 'what was in doubt went on under another lane');
    assert.ok(!under.messages.some(({ type }) => type === 'lane-dead'));
  });

  test('3.4 somebody else writes into the target: the partition stops with the reason, and nothing follows', async () => {
    const items = await topic('shared');
    const under = owner('s1');
    under.assign([route], items);
    await eventually('it runs', () => under.status()[0]?.state === 'running');
    await fill('shared', 0, 50);
    await eventually('copied', async () => (await copied('shared')).length === 50);
    await target.append('shared', 0, buildBatch(numbered(9_000, 1)));
    await fill('shared', 50, 10);
    await eventually(
      'it stops',
      () => under.status()[0]?.reason?.code === 'TARGET_SHARED' && under.status()[0]?.state === 'paused',
    );
    await fill('shared', 60, 50);
    assert.match(under.status()[0]?.reason?.message ?? '', /none of ours/);
    assert.ok((await copied('shared')).length <= 61);
  });
});
