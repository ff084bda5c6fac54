import type { PartitionRef } from './assignment.js';
import type { BreakRequest } from './continuity.js';

/** A worker process that is alive: the content of its ephemeral node. */
export interface LiveWorker {
  readonly worker: string;
  /** Fresh at every process start and after every lost session. */
  readonly incarnation: string;
  readonly zone: string;
  /** Relative share of the load; 1 unless the operator says otherwise. */
  readonly capacity: number;
  /** `http://host:port`: status, metrics, probes. */
  readonly http: string;
  readonly version: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Set when the worker is on its way out: hand its partitions over, give it nothing new. */
  readonly leaving: boolean;
  /** By its own configuration; an operator's order (`orders.ts`) wins. */
  readonly standby?: boolean;
  /** The routes it is for, by its own configuration; absent: any. */
  readonly routes?: readonly string[];
  /** The highest epoch its process was ever ruled under in this fleet; absent: none yet. */
  readonly seenEpoch?: number;
}

/** A partition that has begun, and in which timeline: with another it begins anew (exactly-once.md 4.2). */
export interface StartedRef extends PartitionRef {
  readonly timeline: number;
}

/** What a worker holds, as of one applied generation (exactly-once.md 7.3). Partitions absent from both lists are released. */
export interface WorkerReport {
  readonly worker: string;
  readonly incarnation: string;
  readonly epoch: number;
  readonly generation: number;
  /** Being copied, or still draining. */
  readonly held: readonly PartitionRef[];
  /** Given up with a produce whose outcome is unknown: the leader must fence before anybody continues. */
  readonly doubtful: readonly PartitionRef[];
  /** Held and begun: their first checkpoint is committed at the target. */
  readonly started: readonly StartedRef[];
  /** Held, and copied up to their ends (jobs); absent: none. */
  readonly finished?: readonly PartitionRef[];
  /** Held, and waiting for a new timeline; absent: none. */
  readonly breaks?: readonly BreakRequest[];
}

/** `active` -> `fencing` (point of no return, exactly-once.md 5.1); the node goes when fenced or fully released. */
export type LaneState = 'active' | 'fencing';

/** One fenced producer identity of one worker thread for one target cluster: the content of its persistent node (2.2). */
export interface LaneRecord {
  readonly transactionalId: string;
  readonly worker: string;
  readonly incarnation: string;
  /** Number within the incarnation. */
  readonly index: number;
  readonly target: string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly state: LaneState;
  /** Where the owner's process answers (`http://host:port`): a refused connection there proves that it is gone. */
  readonly http: string;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** At most this many partitions ride one lane (exactly-once.md 2.1): one fence, one blast radius. */
export const MAX_PARTITIONS_PER_LANE = 250;

/** `causeway.<fleet>.<worker>.<incarnation>.<n>` (exactly-once.md 2.1). */
export function laneTransactionalId(fleet: string, worker: string, incarnation: string, index: number): string {
  return `causeway.${fleet}.${worker}.${incarnation}.${index}`;
}

/** Why the id cannot name a worker, controller or fleet: it becomes part of a znode's and a transactional id's name. */
export function identifierFault(id: string): string | undefined {
  if (!/^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$/.test(id)) {
    return 'use 1 to 63 letters, digits, "-" or "_", beginning and ending with a letter or digit';
  }
  return undefined;
}
