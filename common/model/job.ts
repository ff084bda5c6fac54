import type { Delivery, Isolation, RateLimits } from './route.js';

/**
 * `running`: its partitions are with workers, or on their way to some · `paused`: they are kept where they are, and not copied ·
 * `cancelled`: they are taken off the workers; what was copied stays · `done`: every partition has reached its end.
 */
export type JobState = 'running' | 'paused' | 'cancelled' | 'done';

/** Source offsets [from, until) of one partition, resolved when the job was made. */
export interface JobRange {
  readonly partition: number;
  readonly from: bigint;
  readonly until: bigint;
}

export interface JobTopic {
  readonly topic: string;
  readonly targetTopic: string;
  /** Partitions of the source topic when the job was made: the target topic gets as many. */
  readonly partitions: number;
  /** One per partition at most, ascending; empty ranges are left out. */
  readonly ranges: readonly JobRange[];
}

/** What is known of one partition for good: workers come and go. */
export interface JobProgress {
  readonly topic: string;
  readonly partition: number;
  readonly isDone: boolean;
  /** Everything of its range before this source offset is settled at the target. */
  readonly position: bigint;
  /** As workers told; what one copied between its last word and its death is not among it. */
  readonly records: number;
  readonly bytes: number;
  /** Source records of the range that were gone, or left out, and declared. */
  readonly gapRecords: number;
  /** The part of these that the present stay at a worker has brought. */
  readonly stay?: JobStay;
}

export interface JobStay {
  readonly incarnation: string;
  readonly records: number;
  readonly bytes: number;
  readonly gapRecords: number;
}

/** A copy of ranges of topics that comes to an end: the content of its node. */
export interface Job {
  readonly id: string;
  /** Tells it from an earlier job of the same id: what is remembered of that one, at the target too, is none of its own. */
  readonly run: string;
  readonly source: string;
  readonly target: string;
  readonly topics: readonly JobTopic[];
  readonly delivery: Delivery;
  readonly isolation: Isolation;
  /** `fresh`: the target topics give their own append time. */
  readonly timestamps: 'keep' | 'fresh';
  readonly limits: RateLimits;
  readonly state: JobState;
  /** ISO 8601. */
  readonly createdAt: string;
  /** ISO 8601; present when it is done. */
  readonly finishedAt?: string;
  /** Partitions without an entry have not begun. */
  readonly progress: readonly JobProgress[];
}

/** A node that names them all stays well below what the store takes. */
export const MAX_PARTITIONS_PER_JOB = 2_000;
/** Finished ones are kept until they are deleted. */
export const MAX_JOBS = 200;

const ROUTE_PREFIX = 'job.';

/** The route that a job is copied by: `job.<id>.<run>`. No operator's route can have such a name. */
export function jobRouteName({ id, run }: Pick<Job, 'id' | 'run'>): string {
  return `${ROUTE_PREFIX}${id}.${run}`;
}

/** It is a job's, not an operator's. */
export function isJobRoute(route: string): boolean {
  return route.startsWith(ROUTE_PREFIX);
}

export function jobPartitionKey({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}/${partition}`;
}
