import type { Outcome } from './ledger.js';
import type { AuditRecord } from './record.js';

/** Records for one partition, in the order they are to be appended. */
export interface PreparedBatch {
  readonly partition: number;
  readonly firstSequence: number;
  readonly records: readonly AuditRecord[];
}

export interface BatchOutcome {
  readonly batch: PreparedBatch;
  /** -1 where the outcome is unknown. */
  readonly baseOffset: number;
  readonly outcome: Outcome;
}

/** Appends batches to one topic. Never two batches of one partition in a call. */
export interface TopicWriter {
  open(): Promise<void>;
  /** @throws when the topic cannot be written any more in a way that keeps the ledger exact. */
  write(batches: readonly PreparedBatch[]): Promise<BatchOutcome[]>;
  close(): Promise<void>;
}
