import type { QueuedBatch } from '../core/partition-queue.js';
import { type ProduceVerdict, produceVerdict } from '../core/produce-verdict.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';
import { Outlet } from '../partition/outlet.js';
import type { OutletDeps } from '../partition/outlet-deps.js';
import { TRANSACTION_FAULTS, type TransactionGate } from '../partition/transaction-gate.js';

/** The target side of a partition whose batches belong to transactions. */
export class TransactionalOutlet extends Outlet {
  readonly #gate: TransactionGate;
  readonly #clock: OutletDeps['clock'];

  constructor(partition: MirroredPartition, deps: OutletDeps, gate: TransactionGate) {
    super(partition, deps);
    this.#gate = gate;
    this.#clock = deps.clock;
  }

  /** What was sent before goes out again in its own transaction; anything else only when that takes it in. */
  override next(roundTripMs: number): QueuedBatch | undefined {
    const { partition } = this;
    const { lane, queue, targetKey } = partition;
    if (lane === undefined || lane.dead) return undefined;
    const batch = queue.next(lane.window(targetKey, this.#clock.monotonicMs()));
    if (batch === undefined) return undefined;
    if (!batch.resend && !this.#gate.admits(partition, batch.bytes)) return undefined;
    return super.next(roundTripMs);
  }

  override answered(
    batch: QueuedBatch,
    code: number,
    baseOffset: number,
    logAppendTimeMs: number,
    blamed?: readonly number[],
  ): ProduceVerdict {
    const { partition } = this;
    const fault = this.#faultOf(batch, code);
    if (fault !== undefined) {
      // It stays in doubt until it is dropped with everything else of the transaction.
      partition.queue.requeue(batch);
      this.#gate.broken(partition, { code: 'SEQUENCE_BROKEN', message: fault });
      return { kind: 'follow' };
    }
    const verdict = super.answered(batch, code, baseOffset, logAppendTimeMs, blamed);
    if (batch.asides?.isWritten === true && (verdict.kind === 'refused' || verdict.kind === 'damaged')) {
      // It is read again, and with it what went elsewhere before it: that must not stay.
      const message = `the target refuses the batch at source offset ${batch.sourceFirst} (error ${code})`;
      this.#gate.broken(partition, { code: 'TARGET_REFUSED', message });
    }
    this.#gate.answered(partition);
    return verdict;
  }

  /** An answer by which the target's idea of the transaction, or of our sequence numbers, is not ours. */
  #faultOf(batch: QueuedBatch, code: number): string | undefined {
    if (TRANSACTION_FAULTS.has(code)) return `the target answered error ${code} to a batch of the transaction`;
    const verdict = produceVerdict(code, this.partition.queue.behindRefused(batch));
    if (verdict.kind !== 'out-of-sequence') return undefined;
    return `the target answered error ${code} to the next sequence number`;
  }
}
