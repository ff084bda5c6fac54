import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { ApiKey } from '../../../common/kafka/wire/api-keys.js';
import type { AssignmentItem } from '../../../common/model/assignment.js';
import { mapPartitionsOf } from '../../../common/model/offset-map-record.js';
import type { Route } from '../../../common/model/route.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { Metrics } from '../../../common/observability/metrics.js';
import { systemClock } from '../../../common/runtime/clock.js';
import type { FenceRequest, Fencer } from '../../../controller/loop/fencer.js';
import { TargetFencer } from '../../../controller/loop/target-fencer.js';
import type { TargetClient } from '../../../controller/metadata/ports.js';
import { FakeTarget, LANE } from '../kafka/fencing/fake-target.js';
import { CLUSTERS, routeOf } from './kit.js';

const EXACT = routeOf('x', { delivery: 'exactly-once' });
const LOOSE = routeOf('r');
const running: FakeTarget[] = [];
const never = new AbortController().signal;

afterEach(async () => {
  for (const target of running.splice(0)) await target.stop();
});

class Waiting implements Fencer {
  readonly lanes: string[] = [];
  async fence({ lane }: FenceRequest): Promise<void> {
    this.lanes.push(lane.transactionalId);
  }
}

function item(route: string, topic: string, partition: number, state: 'own' | 'revoke' = 'own'): AssignmentItem {
  const identity = { sourceTopicId: null, targetTopic: topic, timeline: 1 } as const;
  return { route, topic, partition, state, paused: false, ...identity, started: true, start: 'earliest' };
}

function request(items: readonly AssignmentItem[], routes: readonly Route[]): FenceRequest {
  const owner = { worker: 'w', incarnation: 'i', index: 0, target: 'west', http: 'http://127.0.0.1:1', createdAt: '' };
  return { lane: { ...LANE, ...owner, state: 'fencing' }, items, routes, silentSinceMs: undefined, isReplaced: false };
}

async function setUp(limitMs = 5_000) {
  const target = await FakeTarget.start({
    t: 3,
    u: 1,
    dead: 2,
    'causeway.f.gaps': 1,
    'causeway.f.offset-map': 16,
  });
  running.push(target);
  const otherwise = new Waiting();
  const metrics = new Metrics({ version: 'test', role: 'controller' });
  const opened: TargetClient[] = [];
  const open = (): TargetClient => {
    const client = target.client() as TargetClient;
    opened.push(client);
    return client;
  };
  const common = { clusters: CLUSTERS, fleet: 'f', clock: systemClock, logger: silentLogger, metrics };
  const fencer = new TargetFencer({ ...common, open, otherwise, limitMs });
  const counted = async (way: string): Promise<number> => {
    const line = new RegExp(`causeway_lane_fences_total\\{target="west",way="${way}"\\} (\\d+)`);
    return Number((await metrics.text()).match(line)?.[1] ?? 0);
  };
  return { target, otherwise, fencer, opened, counted };
}

test('5.3, 5.5 a lane of an exactly-once route is fenced at the target at once, over all it may have written', async () => {
  const { target, otherwise, fencer, counted } = await setUp();
  const refused = { ...EXACT, onRefusedRecord: 'dead-letter', deadLetterTopic: 'dead' } as const;
  const items = [item('x', 't', 0), item('x', 't', 2, 'revoke'), item('r', 'u', 0)];
  await fencer.fence(request(items, [refused, LOOSE]), never);
  const maps = mapPartitionsOf('f', items).map(({ topic, partition }) => `${topic}-${partition}`);
  assert.deepEqual(target.markers, [
    {
      partitions: ['t-0', 't-2', 'u-0', 'dead-0', 'dead-1', 'causeway.f.gaps-0', ...maps],
      epoch: LANE.producerEpoch + 1,
    },
  ]);
  assert.deepEqual(otherwise.lanes, []);
  assert.equal(await counted('transaction'), 1);
});

test('a lane without an exactly-once route, or of a target that is not configured, is waited for; no target is asked', async () => {
  const { target, otherwise, fencer } = await setUp();
  await fencer.fence(request([item('r', 't', 0)], [LOOSE]), never);
  const elsewhere = request([item('x', 't', 0)], [EXACT]);
  await fencer.fence({ ...elsewhere, lane: { ...elsewhere.lane, target: 'gone' } }, never);
  assert.deepEqual([otherwise.lanes.length, target.asked.length], [2, 0]);
});

test('5.2 a lane whose id the coordinator has forgotten is waited for and counted, unless markers can be written past it', async () => {
  const { target, otherwise, fencer, counted } = await setUp();
  target.producerId = 99n;
  target.markerCode = 31;
  await fencer.fence(request([item('x', 't', 0)], [EXACT]), never);
  assert.deepEqual([otherwise.lanes.length, await counted('waited')], [1, 1]);
  target.markerCode = 0;
  await fencer.fence(request([item('x', 't', 0)], [EXACT]), never);
  assert.deepEqual([otherwise.lanes.length, await counted('markers')], [1, 1]);
});

test('5.3 a topic that is gone needs no marker; one that we may not write into is waited for', async () => {
  const { target, otherwise, fencer } = await setUp();
  target.codes.set('t-1', 3);
  await fencer.fence(request([item('x', 't', 0), item('x', 't', 1)], [EXACT]), never);
  assert.deepEqual(otherwise.lanes, []);
  target.codes.set('t-1', 29);
  await fencer.fence(request([item('x', 't', 0), item('x', 't', 1)], [EXACT]), never);
  assert.equal(otherwise.lanes.length, 1);
});

test('5.5 a fence that is ending is enough for who looks for the marker, not for partitions copied at least once', async () => {
  const { target, otherwise, fencer, counted } = await setUp(20_000);
  target.epoch += 1;
  target.stuck = { partitions: [{ topic: 't', partition: 0 }] };
  await Promise.all([
    fencer.fence(request([item('x', 't', 0)], [EXACT]), never),
    fencer.fence(request([item('x', 't', 0), item('r', 'u', 0)], [EXACT, LOOSE]), never),
  ]);
  assert.deepEqual([otherwise.lanes.length, await counted('ending'), await counted('waited')], [1, 1, 1]);
});

test('a target that does not answer is waited for after the limit, the next lane there at once; an ended reign is told', async () => {
  const { target, otherwise, fencer } = await setUp(300);
  target.mishap = () => 'silent';
  await fencer.fence(request([item('x', 't', 0)], [EXACT]), never);
  const asked = target.asked.length;
  assert.ok(asked > 0);
  await Promise.all(Array.from({ length: 40 }, () => fencer.fence(request([item('x', 't', 0)], [EXACT]), never)));
  assert.deepEqual([otherwise.lanes.length, target.asked.length], [41, asked]);
  await assert.rejects(fencer.fence(request([item('x', 't', 0)], [EXACT]), AbortSignal.abort()), /reign is over/);
  assert.equal(otherwise.lanes.length, 41);
});

test('several fences of one lane at once do no harm; what was opened is closed with the reign, and opened anew in the next', async () => {
  const { target, otherwise, fencer, opened } = await setUp();
  await Promise.all(Array.from({ length: 3 }, () => fencer.fence(request([item('x', 't', 0)], [EXACT]), never)));
  await fencer.release();
  assert.equal(opened.length, 1);
  await assert.rejects(opened[0]?.metadata(['t']) ?? Promise.resolve(), /closed/);
  await fencer.fence(request([item('x', 't', 0)], [EXACT]), never);
  assert.deepEqual([opened.length, otherwise.lanes.length], [2, 0]);
  assert.ok(target.count(ApiKey.EndTxn) >= 2);
  await fencer.release();
});
