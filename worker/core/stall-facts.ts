import type { LimitScope } from '../../common/model/status.js';
import type { PartitionPhase, Reason } from './partition-state.js';

/*
 * What the parts of a data thread know about one partition that does not move. Times are monotonic milliseconds.
 */

/** One connection to a broker, as its user sees it. */
export interface LineFacts {
  readonly broker: number;
  /** `host:port`; undefined: there is no connection. */
  readonly address: string | undefined;
  /** Why there is none, or the last one ended; since when nothing has gone well. */
  readonly fault: { readonly message: string; readonly sinceMs: number } | undefined;
  /** The broker reads nothing for this long (KIP-219). */
  readonly throttledMs: number;
}

export interface TargetFacts {
  readonly hasLeader: boolean;
  /** Undefined while it is on none. */
  readonly line: LineFacts | undefined;
  /** It will be asked for a batch when the connection has room. */
  readonly isInTurn: boolean;
  /** Requests on that connection, its own and others’, and since when no answer has come. */
  readonly requests: number;
  readonly requestsSinceMs: number | undefined;
  /** After an error it is sent again then. */
  readonly retryAtMs: number | undefined;
}

/** Transactions of the lane that a partition rides. */
export interface LaneTransactionFacts {
  readonly transactionalId: string;
  readonly isDead: boolean;
  readonly phase: 'idle' | 'open' | 'closing' | 'ending' | 'aborting';
  /** The one under way began, or the last one ended. */
  readonly sinceMs: number;
  /** In a row. */
  readonly aborted: number;
}

export interface SourceFacts {
  readonly hasLeader: boolean;
  /** The leader has confirmed what was read under the one before. */
  readonly isConfirmed: boolean;
  readonly line: LineFacts | undefined;
  /** The connection asks for this partition, or is about to. */
  readonly isAsked: boolean;
  /** The connection asks for nothing at all for want of memory. */
  readonly isStarved: boolean;
  /** The broker last answered on that connection, about whatever partition; or nothing was asked before. */
  readonly answeredMs: number;
  /** Longer ago than a long poll may take. */
  readonly isSilent: boolean;
}

export interface IntakeFacts {
  /** Could be asked for. */
  readonly isWanted: boolean;
  readonly isDecoding: boolean;
  /** The leader’s last answer about the partition was this error; undefined: none, or it is over. */
  readonly errorCode: number | undefined;
}

export interface MemoryFacts {
  readonly usedBytes: number;
  readonly freeBytes: number;
  /** `route/topic` and what it holds, the most first. */
  readonly holders: readonly (readonly [name: string, bytes: number])[];
}

export interface OpenTransaction {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly startOffset: bigint;
  /** Of its newest record here, ms since 1970. */
  readonly lastTimestampMs: number;
}

export type StartStep = 'waiting' | 'finding' | 'closing' | 'beginning';

export interface StallFacts {
  readonly nowMs: number;
  readonly phase: PartitionPhase;
  readonly reason: Reason | undefined;
  /** Why its last start did not come about; for phases of the start. */
  readonly startFault: Reason | undefined;
  readonly startStep: StartStep;
  readonly isLaneDead: boolean;
  /** Nothing may be sent before the target has confirmed that the lane lives. */
  readonly isLaneUnconfirmed: boolean;
  readonly mayWrite: boolean;
  /** A refused batch is being looked into. */
  readonly isJudging: boolean;
  /** Between source and target: all, and those that were sent. */
  readonly batches: number;
  readonly unanswered: number;
  /** Since when no answer has come to those. */
  readonly unansweredSinceMs: number | undefined;
  /** Stored at the target, but in a transaction that has not ended. */
  readonly isUncommitted: boolean;
  /** Where its batches belong to transactions. */
  readonly laneTransaction: LaneTransactionFacts | undefined;
  /** A gap has its turn. */
  readonly isDeclaring: boolean;
  readonly checkpointFault: { readonly message: string; readonly sinceMs: number } | undefined;
  readonly position: number;
  /** -1 unknown. */
  readonly lastStableOffset: number;
  readonly highWatermark: number;
  readonly target: TargetFacts;
  readonly intake: IntakeFacts;
  readonly source: SourceFacts;
  readonly limit: { readonly scope: LimitScope; readonly untilMs: number } | undefined;
  /** Set while the partition waits for memory. */
  readonly memory: MemoryFacts | undefined;
  /** Undefined: not known (yet). */
  readonly transaction: OpenTransaction | undefined;
}
