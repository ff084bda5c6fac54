import assert from 'node:assert/strict';
import type { FetchedPartition } from '../../../common/kafka/wire/apis/fetch.js';
import { BufferPool } from '../../../common/kafka/wire/buffer-pool.js';
import { CODEC_NAMES, MAX_DECOMPRESSED_BYTES } from '../../../common/kafka/wire/records/compression.js';
import type { Clock } from '../../../common/runtime/clock.js';
import { seededRandom } from '../../../common/runtime/random.js';
import { UNBOUNDED } from '../../../worker/core/allowance.js';
import { batchImage, producerIdentity } from '../../../worker/core/batch-image.js';
import { VerdictCounts } from '../../../worker/core/batch-verdict.js';
import { ByteBudget } from '../../../worker/core/byte-budget.js';
import { ResponseBody } from '../../../worker/fetch/response-body.js';
import { Intake } from '../../../worker/partition/intake.js';
import type { MirroredPartition } from '../../../worker/partition/mirrored-partition.js';
import { RecordingPort, testPartition } from '../../unit/worker/partition/partition-kit.js';
import type { Dice } from '../dice.js';
import type { FuzzTarget } from '../fuzz-target.js';
import { OLD_SETS, VALID_SETS } from '../valid-batches.js';
import { damageBatches, hostileAborted } from './batches.js';

/** More often than a damaged batch is fetched again. */
const MAX_FETCHES = 6;
/** Decoding takes a few turns of the event loop's microtasks per batch. */
const MAX_TURNS = 5_000;
const PRODUCER = producerIdentity(1n, 0);
/** The intake takes whatever its decoders throw for damage: what they must not throw shows in the reason alone. */
const OUR_OWN_FAULT =
  /undefined|not a function|not iterable|Cannot read|must lie|may not be produced|out of range|Invalid (array|typed)/;

/** Nothing here waits for time. */
const standing: Clock = {
  wallMs: () => 0,
  monotonicMs: () => 0,
  after: () => ({ cancel: () => undefined }),
  sleep: async () => undefined,
};

/** A partition at some position whose route and target ask for anything that they may ask for. */
function hostilePartition(dice: Dice, position: number): MirroredPartition {
  const partition = testPartition();
  partition.route = {
    ...partition.route,
    isolation: dice.oneIn(4) ? 'read_uncommitted' : 'read_committed',
    compression: dice.oneIn(3) ? dice.pick(CODEC_NAMES) : 'source',
    onRefusedRecord: dice.pick(['pause', 'skip', 'dead-letter'] as const),
    deadLetterTopic: 'letters',
  };
  partition.begin({ source: position, target: 0, runSource: position, runTarget: 0 });
  partition.on({ type: 'copy' });
  if (dice.oneIn(3)) partition.shaping.tooLarge(200 + dice.below(1_000), 0);
  for (let refused = dice.below(4); refused > 0; refused -= 1)
    partition.shaping.refuse(dice.below(20), { reason: 'invalid', detail: 'fuzzed' });
  if (dice.oneIn(4)) partition.shaping.search(dice.below(20), 2 + dice.below(1_000));
  if (dice.oneIn(5)) partition.shaping.codec = 'gzip';
  if (dice.oneIn(3)) {
    const from = dice.below(20);
    const skip = { partition: 0, from: BigInt(from), to: BigInt(from + 1 + dice.below(10)), reason: 'fuzzed', at: '' };
    partition.item = { ...partition.item, skip };
  }
  return partition;
}

function fetched(records: Buffer, dice: Dice): FetchedPartition {
  return {
    partition: 0,
    errorCode: 0,
    highWatermark: 1_000,
    lastStableOffset: 1_000,
    logStartOffset: 0,
    abortedTransactions: hostileAborted(dice),
    preferredReadReplica: -1,
    records,
  };
}

async function decoded(intake: Intake, partition: MirroredPartition): Promise<void> {
  for (let turn = 0; turn < MAX_TURNS; turn += 1) {
    if (partition.state !== 'running' || intake.wanted() !== undefined) return;
    await Promise.resolve();
  }
}

/** What lies in the queue must be what a target takes, in order. */
function checkQueue(partition: MirroredPartition, position: number): void {
  const { queue } = partition;
  let next = position;
  for (;;) {
    const batch = queue.next(Number.POSITIVE_INFINITY);
    if (batch === undefined) break;
    queue.markSent(batch);
    assert.ok(batch.sourceNext >= next && batch.sourceFirst >= position, 'offsets ascend');
    next = batch.sourceNext;
    if (batch.gap !== undefined) continue;
    assert.ok(batch.recordCount > 0 && batch.bytes === batch.source.length, 'batches have records and their bytes');
    const { header } = batchImage(batch.source, PRODUCER, 0);
    assert.equal(header.readInt32BE(57), batch.recordCount);
    assert.equal(header.readInt32BE(23), batch.recordCount - 1, 'batches are dense');
  }
  assert.ok(queue.fetchNext >= next, 'nothing queued is fetched again');
}

async function feed(input: Buffer, dice: Dice): Promise<void> {
  const position = dice.below(8);
  const partition = hostilePartition(dice, position);
  const budget = new ByteBudget(1 << 30);
  const intake = new Intake(partition, {
    budget,
    allowance: UNBOUNDED,
    counts: new VerdictCounts(),
    fetchMaxPartitionBytes: 1 << 20,
    crcCheckEvery: dice.below(3),
    port: new RecordingPort(),
    treatment: () => undefined,
    treated: () => undefined,
    clock: standing,
    random: seededRandom(1),
  });
  const answer = fetched(input, dice);
  for (let fetches = 0; fetches < MAX_FETCHES && partition.state === 'running'; fetches += 1) {
    const from = partition.queue.fetchNext;
    intake.accept(answer, new ResponseBody(new BufferPool(0), input));
    await decoded(intake, partition);
    assert.ok(partition.queue.fetchNext >= from, 'the position never goes back');
  }
  assert.equal(budget.usedBytes, partition.queue.bytes, 'what is charged is what is queued');
  const { reason } = partition;
  if (reason !== undefined) {
    assert.match(reason.code, /^BATCH_(CORRUPT|UNSUPPORTED)$/);
    assert.doesNotMatch(reason.message, OUR_OWN_FAULT);
  }
  checkQueue(partition, position);
}

/** The source side of a partition, as a fetch response reaches it. */
export function intakeTarget(): FuzzTarget {
  return {
    name: 'intake/partition',
    weight: 100,
    codes: [],
    valid: [...VALID_SETS, ...OLD_SETS],
    limitBytes: MAX_DECOMPRESSED_BYTES * MAX_FETCHES,
    damage: damageBatches,
    run: feed,
  };
}
