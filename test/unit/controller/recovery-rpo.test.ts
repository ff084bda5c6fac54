import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isRetired, type Route, type TopicEntry } from '../../../common/model/route.js';
import type { PartitionStatus } from '../../../common/model/status.js';
import { Metrics } from '../../../common/observability/metrics.js';
import { RpoWatch } from '../../../controller/recovery/rpo-watch.js';
import { ManualClock } from '../worker/manual-clock.js';
import { routeOf } from './kit.js';

function world() {
  const clock = new ManualClock();
  const metrics = new Metrics({ version: 'test', role: 'controller' });
  let statuses: PartitionStatus[] = [];
  const watch = new RpoWatch({ allStatuses: () => Promise.resolve(statuses) }, clock, metrics);
  const entry = (topic: string): TopicEntry => {
    return { route: 'r', topic, partitions: 'all', paused: false, skips: [], limits: {}, addedAt: '' };
  };
  let entries = [entry('t')];
  let partitions: readonly number[] | undefined = [0, 1];
  const term = {
    routes: (): readonly Route[] => [routeOf('r')],
    entries: () => entries,
    wanted: () =>
      new Map(entries.flatMap((one) => (isRetired(one) ? [] : [['r/t', partitions && new Set(partitions)]]))),
  };
  const seen = (partition: number, lagRecords: number, end: number, state = 'running') => {
    const place = { route: 'r', topic: 't', partition, state, targetTopic: 't' };
    return {
      ...place,
      lagRecords,
      lagSeconds: lagRecords / 10,
      sourceEndOffset: BigInt(end),
    } as unknown as PartitionStatus;
  };
  return {
    ...{ clock, metrics, watch, seen },
    wanted: (now: readonly number[] | undefined) => (partitions = now),
    remove: () => (entries = []),
    retire: () => (entries = entries.map((one) => ({ ...one, retired: { by: 'x', at: '' } }))),
    look: async (told: PartitionStatus[]) => {
      statuses = told;
      await watch.look(term);
      return watch.picture('r');
    },
  };
}

describe('what a loss of the source would cost', () => {
  test('is unknown until every partition was reported, and never 0 for what nobody reports on', async () => {
    const { look, seen, metrics } = world();
    assert.equal((await look([]))?.now.records, null);
    const known = await look([seen(0, 3, 100), seen(1, 4, 50)]);
    assert.deepEqual([known?.now.records, known?.now.seconds], [7, 0.4]);
    assert.match(await metrics.text(), /causeway_rpo_records\{route="r"\} 7\n/);
  });

  test('outlasts a missed answer, becomes unknown after a few seconds, and the source’s ends are remembered all the same', async () => {
    const { look, seen, clock, metrics } = world();
    await look([seen(0, 3, 100), seen(1, 4, 50)]);
    clock.pass(2_000);
    assert.equal((await look([seen(0, 5, 102)]))?.now.records, 9);
    clock.pass(4_000);
    const lost = await look([seen(0, 5, 102, 'backing-off')]);
    assert.equal(lost?.now.records, null);
    assert.doesNotMatch(await metrics.text(), /causeway_rpo_records\{/);
    assert.deepEqual(
      lost?.known.map(({ end }) => end),
      [102n, 50n],
    );
    assert.equal(lost?.p99Records, 9);
  });

  test('is unknown to a leader that never heard of a partition which the store knows: its worker died with the leader before', async () => {
    const { look, seen, metrics } = world();
    const half = await look([seen(0, 3, 100)]);
    assert.deepEqual([half?.now.records, half?.now.seconds, half?.contactMs], [null, null, undefined]);
    assert.deepEqual(
      half?.now.topics.map(({ partitions, unknown }) => [partitions, unknown]),
      [[2, 1]],
    );
    assert.doesNotMatch(await metrics.text(), /causeway_rpo_records\{/);
    const starting = await look([seen(0, 3, 100), seen(1, -1, -1, 'starting')]);
    assert.equal(starting?.now.records, null, 'its new worker has not seen the source yet');
    assert.equal((await look([seen(0, 3, 100), seen(1, 9, 60)]))?.now.records, 12);
  });

  test('is unknown where nobody knows how many partitions there are; those that nobody is to copy cost nothing', async () => {
    const { look, seen, wanted, clock } = world();
    wanted(undefined);
    assert.equal((await look([seen(0, 3, 100), seen(1, 4, 50)]))?.now.records, null);
    wanted([0]);
    clock.pass(60_000);
    const now = await look([seen(0, 3, 100)]);
    assert.deepEqual([now?.now.records, now?.now.topics[0]?.partitions], [3, 1]);
  });

  test('of a topic that was removed nothing is remembered', async () => {
    const { look, seen, remove } = world();
    await look([seen(0, 3, 100)]);
    remove();
    assert.deepEqual((await look([seen(0, 3, 100)]))?.known, []);
  });

  test('a retired topic costs nothing, and is remembered: a failover asks for it after the stop', async () => {
    const { look, seen, retire } = world();
    await look([seen(0, 3, 100)]);
    retire();
    const after = await look([]);
    assert.deepEqual([after?.now.topics, after?.known.length], [[], 1]);
  });
});
