import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { isCausewayError } from '../../../../common/errors/error.js';
import { ApiKey } from '../../../../common/kafka/wire/api-keys.js';
import { buildBatch } from '../../../../common/kafka/wire/records/build-batch.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { LogCloser, type LogCloserDeps, type OpenLog } from '../../../../worker/partition/log-closer.js';
import type { MirroredPartition } from '../../../../worker/partition/mirrored-partition.js';
import { FakeTarget, hurriedClock, LANE } from '../../kafka/fencing/fake-target.js';
import { testPartition } from './partition-kit.js';

/** Where a log's reading begins tells the fake which log it is. */
const MARKED_FROM = 0;
const DAMAGED_FROM = 1_000;
const UNMARKED_FROM = 2_000;

const running: FakeTarget[] = [];
const ending: AbortController[] = [];

afterEach(async () => {
  for (const controller of ending.splice(0)) controller.abort();
  for (const target of running.splice(0)) await target.stop();
});

function marker(baseOffset: number): Buffer {
  const key = { key: Buffer.from('00000000', 'hex'), value: null, headers: [], timestamp: 1n };
  const flags = { transactional: true, control: true };
  const producer = { producerId: LANE.producerId, producerEpoch: LANE.producerEpoch + 1 };
  return buildBatch([key], { baseOffset: BigInt(baseOffset), ...flags, ...producer });
}

async function setUp() {
  const target = await FakeTarget.start({ topic: 1, 'causeway.f.gaps': 1 });
  running.push(target);
  const damaged = marker(DAMAGED_FROM);
  damaged.writeInt32BE(3, 8);
  target.fetch = (offset) => {
    if (offset >= UNMARKED_FROM) return { highWatermark: offset, records: Buffer.alloc(0) };
    const records = offset >= DAMAGED_FROM ? damaged : marker(MARKED_FROM);
    return { highWatermark: offset + 1, records };
  };
  // The fake answers for one log at a time: what is read over one client goes into one request.
  const sides = new Map<string, object>();
  const sideOf = ({ item }: MirroredPartition): object => {
    const known = sides.get(item.route);
    if (known !== undefined) return known;
    const lanes = { owns: () => false, living: () => Promise.reject(LOST) };
    const side = { target: { client: target.client(hurriedClock()), lanes } };
    sides.set(item.route, side);
    return side;
  };
  const aborting = new AbortController();
  ending.push(aborting);
  const closer = new LogCloser({
    fleet: 'f',
    mayWrite: () => false,
    laneDead: () => undefined,
    signal: aborting.signal,
    logger: silentLogger,
    sides: sideOf as LogCloserDeps['sides'],
    clock: hurriedClock(),
  });
  const log = (name: string, fromOffset: number): OpenLog => {
    return { partition: testPartition(name), lane: LANE, topicId: null, fromOffset: BigInt(fromOffset) };
  };
  return { target, closer, log, aborting };
}

const LOST = new Error('nobody may be asked');

test('a log that cannot be read keeps none of its lane’s other logs open', async () => {
  const { target, closer, log } = await setUp();
  const [marked, damaged] = [log('marked', MARKED_FROM), log('damaged', DAMAGED_FROM)];
  const open = await closer.close([damaged, marked]);
  assert.deepEqual(
    open.map((one) => [one.log.partition.item.route, one.error?.code]),
    [['damaged', 'BATCH_CORRUPT']],
  );
  assert.equal(target.count(ApiKey.InitProducerId), 0, 'nothing was left to be fenced for');
});

test('a fence that fails is the fault of the logs that need it, and not of one that has its marker', async () => {
  const { closer, log } = await setUp();
  const open = await closer.close([
    log('marked', MARKED_FROM),
    log('unmarked', UNMARKED_FROM),
    log('damaged', DAMAGED_FROM),
  ]);
  assert.deepEqual(open.map((one) => [one.log.partition.item.route, one.error?.code]).toSorted(), [
    ['damaged', 'BATCH_CORRUPT'],
    ['unmarked', 'COORDINATION_SESSION_LOST'],
  ]);
});

test('what ends the whole thread is nobody’s reason to wait', async () => {
  const { closer, log, aborting } = await setUp();
  aborting.abort();
  await assert.rejects(closer.close([log('marked', MARKED_FROM)]), (error) => isCausewayError(error, 'SHUTTING_DOWN'));
});
