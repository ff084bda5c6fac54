import { messageOf } from '../../common/errors/error.js';
import type { ByteAccount } from '../core/allowance.js';
import { batchImage, type ProducerIdentity, producerIdentity } from '../core/batch-image.js';
import type { QueuedBatch, Settled } from '../core/partition-queue.js';
import { type ProduceVerdict, produceVerdict } from '../core/produce-verdict.js';
import type { Lane } from '../lane/lane.js';
import type { MirroredPartition, Reason } from './mirrored-partition.js';
import type { PartitionPort } from './port.js';

/** From this many failures in a row the state says so. */
const FAILURES_TO_SHOW = 3;
/** A batch the target calls damaged is fetched again this often before the partition pauses. */
const MAX_REFETCHES = 3;

export interface OutletDeps {
  readonly budget: ByteAccount;
  readonly port: PartitionPort;
  readonly nowMs: () => number;
  readonly copied: (partition: MirroredPartition, records: number, bytes: number) => void;
  /** The target recognised a batch it already had. */
  readonly repeated: (partition: MirroredPartition) => void;
}

/** A batch that must not be sent again as it is. Older ones in doubt still are, until they have their answers. */
interface Fault {
  readonly kind: 'refetch' | 'refused' | 'out-of-sequence';
  readonly batch: QueuedBatch;
  readonly reason: Reason;
}

/** The target side of one partition: gives batches to send in order, and turns answers into settled positions. */
export class Outlet {
  readonly partition: MirroredPartition;
  readonly #deps: OutletDeps;
  #identity: { readonly lane: Lane; readonly producer: ProducerIdentity } | undefined;
  #fault: Fault | undefined;
  #broken = false;
  #draining = false;
  /** Called once when every batch that was sent has its final answer. */
  #quiet: (() => void) | undefined;
  #refetches = 0;

  constructor(partition: MirroredPartition, deps: OutletDeps) {
    this.partition = partition;
    this.#deps = deps;
  }

  /** A new life: what halted the old one is over. */
  reset(): void {
    this.#fault = undefined;
    this.#broken = false;
    this.#draining = false;
    this.#quiet = undefined;
  }

  /**
   * Drops what was never sent and sends nothing new; `quiet` is called, at the earliest at once, when every batch that was sent has its
   * final answer. A later call replaces the callback.
   */
  drain(quiet: () => void): void {
    this.#draining = true;
    this.#quiet = quiet;
    this.#deps.budget.release(this.partition.queue.dropUnsent());
    this.#whenAnswered();
  }

  /** The batch to put into the next request, its image made, or undefined. The caller must send it. */
  next(): QueuedBatch | undefined {
    const { partition } = this;
    const { lane, queue, targetKey } = partition;
    if (lane === undefined || lane.dead || this.#broken) return undefined;
    const batch = queue.next(lane.window(targetKey, this.#deps.nowMs()));
    if (batch === undefined) return undefined;
    if (this.#fault !== undefined && batch.sourceFirst >= this.#fault.batch.sourceFirst) return undefined;
    if (this.#draining && !batch.resend) return undefined;
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
        this.#faulty('out-of-sequence', batch, {
          code: 'SEQUENCE_BROKEN',
          message: `the target answered error ${code} to the next sequence number`,
        });
        break;
      case 'lane-dead':
        queue.requeue(batch);
        this.#deps.port.laneDead(this.partition);
        break;
      case 'damaged':
        queue.requeue(batch);
        this.#faulty('refetch', batch, {
          code: 'BATCH_CORRUPT',
          message: `the target found the batch at source offset ${batch.sourceFirst} damaged`,
        });
        break;
      case 'refused':
        queue.requeue(batch);
        this.#faulty('refused', batch, { code: 'TARGET_REFUSED', message: refusal(code, batch) });
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

  /** Our own code failed with this partition: it stops here, the others go on. */
  failed(error: unknown): void {
    this.#broken = true;
    this.#deps.port.pause(this.partition, { code: 'INTERNAL_INVARIANT', message: messageOf(error) });
  }

  #stored(batch: QueuedBatch, baseOffset: number, logAppendTimeMs: number): void {
    const { partition } = this;
    partition.lane?.acked(partition.targetKey, this.#deps.nowMs());
    if (batch.resend && logAppendTimeMs !== -1) this.#deps.repeated(partition);
    partition.failures = 0;
    this.#refetches = 0;
    const wasFull = partition.queue.bytes;
    const settled = partition.queue.ack(batch, baseOffset);
    if (settled.batches.length > 0) this.#settle(settled, wasFull - partition.queue.bytes);
    if (partition.state !== 'backing-off') return;
    partition.setState('running');
    this.#deps.port.freed(partition);
  }

  #settle(settled: Settled, freedBytes: number): void {
    const { partition } = this;
    let records = 0;
    for (const batch of settled.batches) {
      // target = source + constant while nothing is skipped; any change of the constant opens a new run (exactly-once.md 8.1).
      // A duplicate that is too old to be remembered is acknowledged without its offset.
      const targetBase = batch.targetBase < 0 ? partition.targetNext : batch.targetBase;
      if (targetBase - batch.sourceFirst !== partition.runTargetStart - partition.runSourceStart) {
        partition.runSourceStart = batch.sourceFirst;
        partition.runTargetStart = targetBase;
      }
      partition.targetNext = targetBase + batch.recordCount;
      partition.sourceLeaderEpoch = batch.leaderEpoch;
      partition.lastTimestampMs = batch.maxTimestampMs;
      records += batch.recordCount;
    }
    partition.recordsCopied += records;
    partition.bytesCopied += freedBytes;
    partition.rate.add(records, freedBytes);
    this.#deps.budget.release(freedBytes);
    this.#deps.copied(partition, records, freedBytes);
    this.#deps.port.freed(partition);
  }

  #retry(batch: QueuedBatch, message: string): void {
    const { partition } = this;
    // One broken connection takes a whole window along, and counts once.
    if (partition.queue.oldest === batch) partition.failures += 1;
    partition.queue.requeue(batch);
    if (partition.failures >= FAILURES_TO_SHOW && partition.state === 'running') {
      partition.setState('backing-off', { code: 'KAFKA_ERROR', message });
      // A target that does not take anything must not hold the memory that others could use: it is fetched again in time.
      this.#deps.budget.release(partition.queue.dropUnsent());
      this.#deps.port.freed(partition);
    }
  }

  /** The oldest such batch counts: what lies behind it cannot be stored before it. */
  #faulty(kind: Fault['kind'], batch: QueuedBatch, reason: Reason): void {
    if (this.#fault === undefined || batch.sourceFirst < this.#fault.batch.sourceFirst) {
      this.#fault = { kind, batch, reason };
    }
  }

  /** Acts once no answer is outstanding and nothing is in doubt any more. */
  #whenAnswered(): void {
    const { queue } = this.partition;
    if (queue.unanswered > 0) return;
    const fault = this.#fault;
    // Older batches in doubt go out again first; their answers lead here.
    if (fault !== undefined && queue.oldest === fault.batch) {
      this.#drop(fault);
      if (!this.#draining) {
        this.#act(fault);
        return;
      }
    }
    if (!queue.drained) return;
    const quiet = this.#quiet;
    this.#quiet = undefined;
    quiet?.();
  }

  /** The faulty batch is the oldest and surely not stored, nor is anything behind it. */
  #drop({ kind, batch }: Fault): void {
    const { queue, lane, targetKey, brokenLanes } = this.partition;
    // The range goes back to the lane, other bytes may take it; unless the lane has lost count.
    if (kind !== 'out-of-sequence') lane?.rewindSequence(targetKey, batch.baseSequence);
    else if (lane !== undefined) brokenLanes.add(lane);
    this.#deps.budget.release(queue.dropAll());
    this.#fault = undefined;
  }

  #act({ kind, reason }: Fault): void {
    const { partition } = this;
    const { port } = this.#deps;
    if (kind === 'out-of-sequence') {
      port.restart(partition, reason);
      return;
    }
    this.#refetches += 1;
    if (kind === 'refused' || this.#refetches > MAX_REFETCHES) port.pause(partition, reason);
    port.freed(partition);
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
