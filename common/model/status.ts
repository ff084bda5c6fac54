import type { PartitionRef } from './assignment.js';
import type { RULE_OUTCOMES } from './record-rules.js';
import type { Stall } from './stalls.js';

/**
 * One mirrored partition as its worker sees it.
 * `starting`: finding its position · `running`: copying or caught up · `declaring-gap`: records that are left out are being written down ·
 * `backing-off`: a retriable fault, will try again · `stalled`: there is something to do and nothing has moved for `stallAfterMs` (see
 * `stall`) · `paused`: by an operator, or by a fault that needs one (see `reason`) · `draining`: being handed over.
 */
export const PARTITION_STATES = [
  'starting',
  'running',
  'declaring-gap',
  'backing-off',
  'stalled',
  'paused',
  'draining',
] as const;
export type PartitionState = (typeof PARTITION_STATES)[number];

/** What a rate limit is set on. */
export type LimitScope = 'worker' | 'route' | 'topic';

export interface PartitionStatus extends PartitionRef {
  readonly state: PartitionState;
  /** Why it is not running: an error code, then a sentence. Absent when running. */
  readonly reason?: { readonly code: string; readonly message: string };
  /** What blocks it; set when it is stalled, and then alone. */
  readonly stall?: Stall;
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
  /** A rate limit held it back lately; nothing is wrong with it. Absent: none did. */
  readonly throttledBy?: LimitScope;
  /** Data thread of its worker. */
  readonly thread: number;
}

/** One data thread of a worker. */
export interface ThreadStatus {
  readonly thread: number;
  readonly partitions: number;
  /** Share of the last second its loop was busy, 0 to 1. */
  readonly utilization: number;
  /** Longest its loop was late in the last second. */
  readonly loopDelayMs: number;
  readonly inflightBytes: number;
}

/** Answer of a worker's `GET /status`. */
export interface WorkerStatus {
  readonly worker: string;
  readonly incarnation: string;
  readonly epoch: number;
  readonly generation: number;
  readonly partitions: readonly PartitionStatus[];
  readonly threads: readonly ThreadStatus[];
  /** What rules did to records since the worker started; absent: nothing, or an earlier version. */
  readonly rules?: readonly RuleCount[];
}

export interface RuleCount {
  readonly route: string;
  /** Empty with outcome `returned`: no rule, the record has been at the target. */
  readonly rule: string;
  readonly outcome: (typeof RULE_OUTCOMES)[number] | 'returned';
  readonly count: number;
}
