import type { ResolveOrder, TimelineOrigin } from './continuity.js';
import type { SkipOrder } from './gap.js';
import type { RateLimits, Route } from './route.js';
import { partitionKey } from './topic-partition.js';

/** One source partition of a route, and the target partition it is mirrored into (the same number). */
export interface PartitionRef {
  readonly route: string;
  readonly topic: string;
  readonly partition: number;
}

/** `route/topic-3`: the key of a mirrored partition within a fleet. */
export function refKey(ref: PartitionRef): string {
  return `${ref.route}/${partitionKey(ref.topic, ref.partition)}`;
}

/**
 * `own`: copy it. `revoke`: stop, drain, checkpoint, report; the item stays so until released or fenced
 * (exactly-once.md 7.2).
 */
export type ItemState = 'own' | 'revoke';

export interface AssignmentItem extends PartitionRef {
  readonly state: ItemState;
  /** Kept, but not copied: an operator's pause. */
  readonly paused: boolean;
  /** Topic id at the source when the leader assigned it (canonical UUID text); null where the source has none. */
  readonly sourceTopicId: string | null;
  readonly targetTopic: string;
  /** Grows with every act that breaks continuity; checkpoints of other timelines are void (exactly-once.md 4.2). */
  readonly timeline: number;
  /** The store knows that this partition has started: a missing checkpoint is then never a first start (4.4). */
  readonly started: boolean;
  /** Where it begins if it never started: the route's start, or `beginning` for partitions added to a running topic (4.5). */
  readonly start: 'earliest' | 'latest' | 'beginning';
  /** The source offset at which it begins if it never started, instead. */
  readonly startOffset?: bigint;
  /** Of a job's: the source offset before which it ends. Absent: it goes on for ever. */
  readonly until?: bigint;
  /** An operator's order to leave something out; without effect behind it. */
  readonly skip?: SkipOrder;
  /** How its timeline begins, where it is not the first. */
  readonly origin?: TimelineOrigin;
  /** An operator lets it go on where the policy would stop it, in this timeline. */
  readonly resolve?: Pick<ResolveOrder, 'action' | 'at'>;
  /** An operator wants what is missing of its offset map found in the logs; ISO 8601, of the order. */
  readonly mapRebuildAt?: string;
  /** Why the leader keeps it from being copied; it is `paused` then. */
  readonly hold?: { readonly code: string; readonly message: string };
}

/** What one worker may take of a route's or a topic's limits, by the partitions it holds; all workers' shares add up to the limit. */
export interface LimitShare extends RateLimits {
  readonly route: string;
  /** Null: of the whole route. */
  readonly topic: string | null;
}

/** Everything one worker incarnation is told. Replaced as a whole; the highest (epoch, generation) wins (7.4). */
export interface WorkerAssignment {
  readonly worker: string;
  /** The process run this is for; another incarnation ignores it (7.1). */
  readonly incarnation: string;
  /** The reign that wrote it. */
  readonly epoch: number;
  /** Grows with every write to this worker. */
  readonly generation: number;
  /** The routes its items name, as they stood. */
  readonly routes: readonly Route[];
  readonly items: readonly AssignmentItem[];
  readonly limits: readonly LimitShare[];
}

/** Orders two writes to the same worker: negative when `a` is older. */
export function compareAssignments(
  a: { readonly epoch: number; readonly generation: number },
  b: { readonly epoch: number; readonly generation: number },
): number {
  return a.epoch - b.epoch || a.generation - b.generation;
}
