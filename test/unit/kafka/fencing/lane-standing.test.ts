import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { type LaneStanding, laneStanding } from '../../../../common/kafka/fencing/lane-standing.js';
import { ApiKey } from '../../../../common/kafka/wire/api-keys.js';
import { heartbeatTopic } from '../../../../common/model/heartbeat.js';
import { FakeTarget, hurriedClock, LANE } from './fake-target.js';

const HEARTBEAT = { topic: heartbeatTopic('f'), partition: 0 };
const running: FakeTarget[] = [];

afterEach(async () => {
  for (const target of running.splice(0)) await target.stop();
});

async function started(): Promise<FakeTarget> {
  const target = await FakeTarget.start({ [HEARTBEAT.topic]: 1 });
  running.push(target);
  return target;
}

function standing(target: FakeTarget): Promise<LaneStanding> {
  const { signal } = new AbortController();
  return laneStanding({ client: target.client(hurriedClock()), lane: LANE, heartbeat: HEARTBEAT, signal });
}

const changed = (target: FakeTarget): number =>
  target.markers.length + target.count(ApiKey.InitProducerId) + target.count(ApiKey.AddPartitionsToTxn);

test('5.8 a lane is asked about without changing anything: no epoch, no transaction, no marker', async () => {
  const target = await started();
  target.mishap = ({ api }, nth) =>
    api === ApiKey.DescribeTransactions ? ([16, 'lost-before', 14] as const)[nth] : undefined;
  assert.deepEqual(await standing(target), { kind: 'alive' });
  assert.deepEqual([target.epoch, changed(target)], [LANE.producerEpoch, 0]);
});

test('5.8, 2.5 a lane whose epoch is a later one, whose id is another’s or forgotten, is dead', async () => {
  const fenced = await started();
  fenced.epoch += 1;
  assert.equal((await standing(fenced)).kind, 'dead');
  const replaced = await started();
  replaced.producerId += 1n;
  assert.equal((await standing(replaced)).kind, 'dead');
  const forgotten = await started();
  forgotten.mishap = ({ api }) => (api === ApiKey.DescribeTransactions ? 105 : undefined);
  assert.equal((await standing(forgotten)).kind, 'dead');
  for (const target of [fenced, replaced, forgotten]) assert.equal(changed(target), 0);
});

test('5.8 where the target cannot or may not tell, the lane is renewed, and dead when that is refused', async () => {
  const old = await started();
  old.withheld.add(ApiKey.DescribeTransactions);
  assert.deepEqual(await standing(old), { kind: 'alive' });
  assert.deepEqual(old.markers, [{ partitions: ['causeway.f.renewals-0'], epoch: LANE.producerEpoch }]);
  const denied = await started();
  denied.mishap = ({ api }) =>
    api === ApiKey.DescribeTransactions ? 53 : api === ApiKey.AddPartitionsToTxn ? 90 : undefined;
  assert.equal((await standing(denied)).kind, 'dead');
});
