import type { PartitionRef } from './assignment.js';

/**
 * One mirrored partition as its worker sees it.
 * `starting`: finding its position · `running`: copying or caught up · `backing-off`: a retriable fault, will try again ·
 * `paused`: by an operator, or by a fault that needs one (see `reason`) · `draining`: being handed over.
 */
export type PartitionState = 'starting' | 'running' | 'backing-off' | 'paused' | 'draining';

export interface PartitionStatus extends PartitionRef {
  readonly state: PartitionState;
  /** Why it is not running: an error code, then a sentence. Absent when running. */
  readonly reason?: { readonly code: string; readonly message: string };
  readonly targetTopic: string;
  /** Next source offset to settle; -1 unknown. */
  readonly sourceOffset: bigint;
  /** Next target offset; -1 unknown. */
  readonly targetOffset: bigint;
  /** End of what may be read at the source (last stable offset under read_committed); -1 unknown. */
  readonly sourceEndOffset: bigint;
  /** sourceEndOffset - sourceOffset; -1 unknown. */
  readonly lagRecords: number;
  /** Age of the oldest record not yet copied, estimated; 0 when caught up, -1 unknown. */
  readonly lagSeconds: number;
  readonly recordsCopied: number;
  readonly bytesCopied: number;
  /** Source records declared as gaps since the worker took the partition up. */
  readonly gapRecords: number;
  /** Moving averages. */
  readonly recordsPerS: number;
  readonly bytesPerS: number;
}

/** Answer of a worker's `GET /status`. */
export interface WorkerStatus {
  readonly worker: string;
  readonly incarnation: string;
  readonly epoch: number;
  readonly generation: number;
  readonly partitions: readonly PartitionStatus[];
}
