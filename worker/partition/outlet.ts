import { batchImage, type ProducerIdentity, producerIdentity } from '../core/batch-image.js';
import type { ByteBudget } from '../core/byte-budget.js';
import type { QueuedBatch, Settled } from '../core/partition-queue.js';
import { type ProduceVerdict, produceVerdict } from '../core/produce-verdict.js';
import type { Lane } from '../lane/lane.js';
import type { MirroredPartition } from './mirrored-partition.js';
import type { PartitionPort } from './port.js';

/** From this many failures in a row the state says so. */
const FAILURES_TO_SHOW = 3;
/** A batch the target calls damaged is fetched again this often before the partition pauses. */
const MAX_REFETCHES = 3;

export interface OutletDeps {
  readonly budget: ByteBudget;
  readonly port: PartitionPort;
  readonly nowMs: () => number;
  readonly copied: (partition: MirroredPartition, records: number, bytes: number) => void;
  /** The target recognised a batch it already had. */
  readonly repeated: (partition: MirroredPartition) => void;
}

/** Why nothing more is sent until every answer is in, and what happens then. */
type Halt = 'drain' | 'refetch' | 'refused';

/** The target side of one partition: gives batches to send in order, and turns answers into settled positions. */
export class Outlet {
  readonly partition: MirroredPartition;
  readonly #deps: OutletDeps;
  #identity: { readonly lane: Lane; readonly producer: ProducerIdentity } | undefined;
  #halt: { readonly kind: Halt; readonly message: string } | undefined;
  #refetches = 0;

  constructor(partition: MirroredPartition, deps: OutletDeps) {
    this.partition = partition;
    this.#deps = deps;
  }

  /** A new life: what halted the old one is over. */
  reset(): void {
    this.#halt = undefined;
  }

  /** Stop sending anything new; `port.quiet` follows when every batch has its final answer. */
  drain(): void {
    this.#halt = { kind: 'drain', message: '' };
    this.#deps.budget.release(this.partition.queue.dropUnsent());
    this.#whenAnswered();
  }

  /** The batch to put into the next request, its image made, or undefined. The caller must send it. */
  next(): QueuedBatch | undefined {
    const { partition } = this;
    const { lane, queue, targetKey } = partition;
    const repeatsOnly = this.#halt?.kind === 'drain';
    if (lane === undefined || lane.dead || (this.#halt !== undefined && !repeatsOnly)) return undefined;
    const batch = queue.next(lane.window(targetKey, this.#deps.nowMs()));
    if (batch === undefined) return undefined;
    if (batch.image === undefined) {
      batch.baseSequence = lane.takeSequence(targetKey, batch.recordCount);
      const { header, payload } = batchImage(batch.source, this.#producer(lane), batch.baseSequence);
      batch.image = [header, payload];
    }
    queue.markSent(batch);
    return batch;
  }

  /** The leader answered for a batch of this life. */
  answered(batch: QueuedBatch, code: number, baseOffset: number, logAppendTimeMs: number): ProduceVerdict {
    const { queue } = this.partition;
    const verdict = produceVerdict(code, queue.behindRefused(batch));
    switch (verdict.kind) {
      case 'stored':
        this.#stored(batch, baseOffset, logAppendTimeMs);
        break;
      case 'retry':
        this.#retry(batch, `the target answered error ${code}`);
        if (verdict.refreshMetadata) this.#deps.port.refreshTarget(this.partition);
        break;
      case 'follow':
        queue.requeue(batch);
        break;
      case 'out-of-sequence':
        queue.requeue(batch);
        this.#outOfSequence(code);
        break;
      case 'lane-dead':
        queue.requeue(batch);
        this.#deps.port.laneDead(this.partition);
        break;
      case 'damaged':
        queue.requeue(batch);
        this.#halt ??= {
          kind: 'refetch',
          message: `the target found the batch at source offset ${batch.sourceFirst} damaged`,
        };
        break;
      case 'refused':
        queue.requeue(batch);
        this.#halt = { kind: 'refused', message: refusal(code, batch) };
        break;
    }
    this.#whenAnswered();
    return verdict;
  }

  /** The answer will never come: the same bytes have to go out again. */
  lost(batch: QueuedBatch): void {
    this.#retry(batch, 'the connection to the target broker ended before the answer');
    this.#whenAnswered();
  }

  #stored(batch: QueuedBatch, baseOffset: number, logAppendTimeMs: number): void {
    const { partition } = this;
    partition.lane?.acked(partition.targetKey, this.#deps.nowMs());
    if (batch.resend && logAppendTimeMs !== -1) this.#deps.repeated(partition);
    partition.failures = 0;
    if (partition.state === 'backing-off') partition.setState('running');
    this.#refetches = 0;
    const wasFull = partition.queue.bytes;
    const settled = partition.queue.ack(batch, baseOffset);
    if (settled.batches.length > 0) this.#settle(settled, wasFull - partition.queue.bytes);
  }

  #settle(settled: Settled, freedBytes: number): void {
    const { partition } = this;
    let records = 0;
    for (const batch of settled.batches) {
      // target = source + constant while nothing is skipped; any change of the constant opens a new run (exactly-once.md 8.1).
      if (batch.targetBase - batch.sourceFirst !== partition.runTargetStart - partition.runSourceStart) {
        partition.runSourceStart = batch.sourceFirst;
        partition.runTargetStart = batch.targetBase;
      }
      partition.targetNext = batch.targetBase + batch.recordCount;
      partition.sourceLeaderEpoch = batch.leaderEpoch;
      partition.lastTimestampMs = batch.maxTimestampMs;
      records += batch.recordCount;
    }
    partition.recordsCopied += records;
    partition.bytesCopied += freedBytes;
    partition.rate.add(records, freedBytes);
    this.#deps.budget.release(freedBytes);
    this.#deps.copied(partition, records, freedBytes);
    this.#deps.port.freed(partition, freedBytes);
  }

  #retry(batch: QueuedBatch, message: string): void {
    const { partition } = this;
    partition.queue.requeue(batch);
    partition.failures += 1;
    if (partition.failures >= FAILURES_TO_SHOW && partition.state === 'running') {
      partition.setState('backing-off', { code: 'KAFKA_ERROR', message });
    }
  }

  #outOfSequence(code: number): void {
    const { partition } = this;
    if (partition.lane !== undefined) partition.brokenLanes.add(partition.lane);
    const message = `the target answered error ${code} to the next sequence number`;
    this.#deps.port.restart(partition, { code: 'SEQUENCE_BROKEN', message });
  }

  /** Acts on a halt once no answer is outstanding; every unanswered range is then surely not stored, so it may be used again. */
  #whenAnswered(): void {
    const halt = this.#halt;
    const { partition } = this;
    const { queue, lane } = partition;
    if (halt === undefined || queue.unanswered > 0) return;
    if (halt.kind === 'drain') {
      if (queue.drained) this.#deps.port.quiet(partition);
      return;
    }
    const oldest = queue.oldest;
    if (oldest !== undefined && oldest.baseSequence >= 0)
      lane?.rewindSequence(partition.targetKey, oldest.baseSequence);
    this.#deps.budget.release(queue.dropAll());
    this.#refetches += 1;
    if (halt.kind === 'refused') this.#deps.port.pause(partition, { code: 'TARGET_REFUSED', message: halt.message });
    else if (this.#refetches > MAX_REFETCHES)
      this.#deps.port.pause(partition, { code: 'BATCH_CORRUPT', message: halt.message });
    else this.#halt = undefined;
    this.#deps.port.freed(partition, 0);
  }

  #producer(lane: Lane): ProducerIdentity {
    if (this.#identity?.lane !== lane) {
      this.#identity = { lane, producer: producerIdentity(lane.record.producerId, lane.record.producerEpoch) };
    }
    return this.#identity.producer;
  }
}

const REFUSALS: ReadonlyMap<number, string> = new Map([
  [10, 'it is larger than the target topic’s max.message.bytes'],
  [18, 'it is larger than the target topic’s segment.bytes'],
  [32, 'a record’s timestamp is outside what the target topic allows'],
  [76, 'the target does not know its compression'],
  [87, 'a record breaks a rule of the target topic (a compacted topic refuses records without a key)'],
]);

function refusal(code: number, batch: QueuedBatch): string {
  const why = REFUSALS.get(code) ?? `error ${code}`;
  return `the target refuses the batch at source offset ${batch.sourceFirst} (${batch.recordCount} records, ${batch.bytes} bytes): ${why}`;
}
