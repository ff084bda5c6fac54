import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { isCausewayError } from '../../../../common/errors/error.js';
import { type LaneRenewal, renewLane } from '../../../../common/kafka/fencing/renew-lane.js';
import { ApiKey } from '../../../../common/kafka/wire/api-keys.js';
import { heartbeatTopic } from '../../../../common/model/heartbeat.js';
import type { Clock } from '../../../../common/runtime/clock.js';
import { FakeTarget, hurriedClock, LANE } from './fake-target.js';

const HEARTBEAT = { topic: heartbeatTopic('f'), partition: 0 };
const running: FakeTarget[] = [];

afterEach(async () => {
  for (const target of running.splice(0)) await target.stop();
});

async function started(topic = HEARTBEAT.topic): Promise<FakeTarget> {
  const target = await FakeTarget.start({ [topic]: 1 });
  running.push(target);
  return target;
}

function renew(target: FakeTarget, clock?: Clock): Promise<LaneRenewal> {
  const signal = new AbortController().signal;
  return renewLane({ client: target.client(clock), lane: LANE, heartbeat: HEARTBEAT, signal });
}

test('2.6 a renewal is one empty aborted transaction on the heartbeat partition, under the lane’s own epoch', async () => {
  const target = await started();
  assert.deepEqual(await renew(target), { kind: 'renewed' });
  assert.deepEqual(target.markers, [{ partitions: ['causeway.f.renewals-0'], epoch: LANE.producerEpoch }]);
  assert.deepEqual([target.epoch, target.count(ApiKey.InitProducerId)], [LANE.producerEpoch, 0]);
});

test('2.4, 2.6 lost answers and a coordinator that moves are asked again; nothing raises the epoch', async () => {
  const target = await started();
  const mishaps = new Map<ApiKey, readonly ('lost-after' | number | undefined)[]>([
    [ApiKey.AddPartitionsToTxn, [16, 51, 'lost-after']],
    [ApiKey.EndTxn, [14, -1, undefined]],
  ]);
  target.mishap = ({ api }, nth) => mishaps.get(api)?.[nth];
  assert.deepEqual(await renew(target, hurriedClock()), { kind: 'renewed' });
  assert.equal(target.epoch, LANE.producerEpoch);
});

test('2.5 a lane that was fenced or forgotten is dead', async () => {
  for (const code of [47, 90, 49]) {
    const target = await started();
    target.mishap = ({ api }) => (api === ApiKey.AddPartitionsToTxn ? code : undefined);
    assert.deepEqual(await renew(target), { kind: 'dead', errorCode: code });
  }
  const target = await started();
  target.mishap = ({ api }) => (api === ApiKey.EndTxn ? 90 : undefined);
  assert.deepEqual(await renew(target), { kind: 'dead', errorCode: 90 });
});

test('2.6 nothing is begun over a partition that is not there', async () => {
  const target = await started('something.else');
  await assert.rejects(renew(target), (error) => isCausewayError(error, 'KAFKA_ERROR') && error.kafkaCode === 3);
  assert.equal(target.count(ApiKey.AddPartitionsToTxn), 0);
});
