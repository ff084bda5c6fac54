import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { ApiKey } from '../../../../common/kafka/wire/api-keys.js';
import type { LaneRecord } from '../../../../common/model/worker.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { type Clock, systemClock } from '../../../../common/runtime/clock.js';
import { seededRandom } from '../../../../common/runtime/random.js';
import { Lane } from '../../../../worker/lane/lane.js';
import { LaneRenewals } from '../../../../worker/lane/lane-renewals.js';
import { until } from '../../controller/kit.js';
import { FakeTarget, LANE } from '../../kafka/fencing/fake-target.js';

/** So many times as fast as the real one. */
const HASTE = 200;
const hasty: Clock = {
  wallMs: () => systemClock.wallMs(),
  monotonicMs: () => systemClock.monotonicMs() * HASTE,
  after: (delayMs, callback) => systemClock.after(delayMs / HASTE, callback),
  sleep: (delayMs, signal) => systemClock.sleep(delayMs / HASTE, signal),
};
const INTERVAL_MS = 10_000;
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function laneOf(index: number): Lane {
  const record: LaneRecord = {
    ...LANE,
    worker: 'w',
    incarnation: 'i',
    index,
    target: 'target',
    state: 'active',
    http: '',
    createdAt: '',
  };
  return new Lane(record);
}

async function setUp(topic = 'causeway.f.renewals') {
  const target = await FakeTarget.start({ [topic]: 1 });
  closers.push(() => target.stop());
  const lanes = [laneOf(0)];
  const dead: Lane[] = [];
  const logged: string[] = [];
  const revived: Lane[] = [];
  const state = { isDue: true, maxUnconfirmedMs: Number.POSITIVE_INFINITY };
  const note = (event: string): void => void logged.push(event);
  const logger = Object.assign(Object.create(silentLogger), { info: note, warn: note, error: note });
  const renewals = new LaneRenewals({
    client: target.client(),
    fleet: 'f',
    intervalMs: INTERVAL_MS,
    lanes: () => lanes,
    maxUnconfirmedMs: () => state.maxUnconfirmedMs,
    revived: (lane) => void revived.push(lane),
    isDue: () => state.isDue,
    dead: (lane) => {
      lane.markDead();
      dead.push(lane);
    },
    clock: hasty,
    random: seededRandom(1),
    logger,
  });
  closers.push(() => renewals.close());
  return { target, lanes, dead, revived, logged, state, renewals };
}

const intervals = (count: number): Promise<void> => systemClock.sleep((count * INTERVAL_MS) / HASTE);

test('2.6 every living lane is renewed once an interval, on the fleet’s heartbeat partition, under its own epoch', async () => {
  const { target, lanes, dead } = await setUp();
  lanes.push(laneOf(1));
  await until(() => target.markers.length >= 6);
  for (const marker of target.markers) {
    assert.deepEqual(marker, { partitions: ['causeway.f.renewals-0'], epoch: LANE.producerEpoch });
  }
  assert.equal(target.count(ApiKey.InitProducerId), 0);
  assert.deepEqual(dead, []);
});

test('2.6 nothing is asked while no exactly-once route is served; nothing after the end', async () => {
  const { target, state, renewals } = await setUp();
  state.isDue = false;
  await intervals(4);
  assert.equal(target.asked.length, 0);
  state.isDue = true;
  await until(() => target.markers.length > 0);
  await renewals.close();
  const asked = target.asked.length;
  await intervals(4);
  assert.equal(target.asked.length, asked);
});

test('2.5 a lane that the target has fenced or forgotten is told to be dead, once, and left alone', async () => {
  const { target, lanes, dead } = await setUp();
  const other = laneOf(1);
  other.markDead();
  lanes.push(other);
  target.mishap = ({ api }) => (api === ApiKey.AddPartitionsToTxn ? 90 : undefined);
  await until(() => dead.length > 0);
  const asked = target.asked.length;
  await intervals(4);
  assert.deepEqual([dead, target.asked.length], [[lanes[0]], asked]);
});

test('2.6 a failure is logged once, tried again, and its end is told; other lanes are renewed meanwhile', async () => {
  const { target, lanes, dead, logged } = await setUp();
  const tried = (): number => target.count(ApiKey.AddPartitionsToTxn);
  target.mishap = ({ api }, nth) => (api === ApiKey.AddPartitionsToTxn && nth < 4 ? 53 : undefined);
  await until(() => tried() === 4);
  assert.deepEqual(
    logged.filter((event) => event === 'lane.renewal-failed'),
    ['lane.renewal-failed'],
  );
  lanes.push(laneOf(1));
  await until(() => target.markers.length >= 4);
  assert.deepEqual([logged, dead], [['lane.renewal-failed', 'lane.renewed'], []]);
});

test('2.6 a lane whose renewal nobody confirms for too long is stopped, also where nobody refuses it', async () => {
  const { target, lanes, dead, state, logged } = await setUp();
  const [lane] = lanes as [Lane];
  lane.confirmed(hasty.monotonicMs());
  state.maxUnconfirmedMs = 3 * INTERVAL_MS;
  target.mishap = ({ api }) => (api === ApiKey.AddPartitionsToTxn ? 53 : undefined);
  await until(() => dead.length > 0);
  assert.ok(hasty.monotonicMs() - lane.confirmedMs >= 3 * INTERVAL_MS);
  assert.deepEqual([dead, logged.at(-1)], [[lane], 'lane.unconfirmed']);
});

test('2.6 a lane that was not known to be alive for too long is asked about at once, and goes on when it is', async () => {
  const { lanes, dead, revived, state, renewals } = await setUp();
  const [lane] = lanes as [Lane];
  state.isDue = false;
  lane.confirmed(hasty.monotonicMs());
  state.maxUnconfirmedMs = 2 * INTERVAL_MS;
  assert.ok(renewals.confirms(lane, hasty.monotonicMs()));
  await intervals(3);
  state.isDue = true;
  assert.ok(!renewals.confirms(lane, hasty.monotonicMs()));
  await until(() => revived.length > 0);
  assert.ok(renewals.confirms(lane, hasty.monotonicMs()));
  assert.deepEqual(dead, []);
});

test('5.6 a lane that we retired is not renewed any more', async () => {
  const { target, lanes } = await setUp();
  lanes[0]?.retire();
  await intervals(4);
  assert.equal(target.count(ApiKey.AddPartitionsToTxn), 0);
});
