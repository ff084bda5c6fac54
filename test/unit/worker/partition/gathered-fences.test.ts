import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { isCausewayError } from '../../../../common/errors/error.js';
import type { LaneIdentity } from '../../../../common/kafka/fencing/fencing-client.js';
import { ApiKey } from '../../../../common/kafka/wire/api-keys.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { Lane } from '../../../../worker/lane/lane.js';
import { GatheredFences } from '../../../../worker/partition/gathered-fences.js';
import { FakeTarget, LANE } from '../../kafka/fencing/fake-target.js';

/** The fake knows one id only: whoever fences does it in this name, too. */
const STRANGER: LaneIdentity = LANE;
const PARTITION = { topic: 't', partition: 0 };
const running: FakeTarget[] = [];

afterEach(async () => {
  for (const target of running.splice(0)) await target.stop();
});

async function setUp(mayWrite: () => boolean = () => true) {
  const target = await FakeTarget.start({ t: 2, letters: 2, 'causeway.f.gaps': 1, 'causeway.f.renewals': 1 });
  running.push(target);
  const dead: Lane[] = [];
  const own = new Lane({
    ...LANE,
    ...{ worker: 'w', incarnation: 'i', index: 0, target: 'target', state: 'active', http: '', createdAt: '' },
  });
  const fences = new GatheredFences({
    fleet: 'f',
    mayWrite,
    laneDead: (lane) => void dead.push(lane),
    signal: new AbortController().signal,
    logger: silentLogger,
  });
  const side = { client: target.client(), lanes: { living: () => Promise.resolve(own) } };
  return { target, dead, own, fences, side };
}

test('5.8 whoever fences a lane asks about its own first; what is taken together is fenced once', async () => {
  const { target, dead, fences, side } = await setUp();
  const [first, second] = await Promise.all([
    fences.fence(side, STRANGER, [PARTITION]),
    fences.fence(side, STRANGER, [{ topic: 't', partition: 1 }]),
  ]);
  assert.equal(first.kind, 'fenced');
  assert.equal(first, second);
  const order = target.asked.map(({ api }) => api);
  assert.ok(order.indexOf(ApiKey.DescribeTransactions) < order.indexOf(ApiKey.InitProducerId));
  assert.deepEqual(target.markers[0]?.partitions.toSorted(), ['t-0', 't-1']);
  assert.deepEqual(dead, []);
});

test('5.8, 2.5 whose own lane is fenced fences nobody, and is over', async () => {
  const { target, dead, own, fences, side } = await setUp();
  target.epoch += 1;
  await assert.rejects(fences.fence(side, STRANGER, [PARTITION]), (error) => isCausewayError(error, 'LANE_DEAD'));
  assert.deepEqual(dead, [own]);
  assert.equal(target.count(ApiKey.InitProducerId), 0);
  assert.deepEqual(target.markers, []);
});

test('5.8 a session that ends while the own lane is asked about fences nobody', async () => {
  let looks = 0;
  const { target, fences, side } = await setUp(() => {
    looks += 1;
    return looks === 1;
  });
  await assert.rejects(fences.fence(side, STRANGER, [PARTITION]), (error) =>
    isCausewayError(error, 'COORDINATION_SESSION_LOST'),
  );
  assert.equal(target.count(ApiKey.InitProducerId), 0);
});
