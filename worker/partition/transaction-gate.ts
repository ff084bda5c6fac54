import type { MirroredPartition, Reason } from './mirrored-partition.js';

/** What a partition's outlet says to the transaction that it writes in. All calls are synchronous. */
export interface TransactionGate {
  /** A batch of so many bytes that was never sent may go out now, and will; otherwise the partition is told (`ready`) when it may. */
  admits(partition: MirroredPartition, bytes: number): boolean;
  /** An answer came in, and what follows from it is done. */
  answered(partition: MirroredPartition): void;
  /** What the partition sent cannot stand: the transaction is aborted, and it begins anew without the others. */
  broken(partition: MirroredPartition, reason: Reason): void;
}

/** Codes of a Produce answer by which the transaction, not the batch, is at fault: INVALID_TXN_STATE, INVALID_PRODUCER_ID_MAPPING, TRANSACTION_ABORTABLE. */
export const TRANSACTION_FAULTS: ReadonlySet<number> = new Set([48, 49, 120]);
