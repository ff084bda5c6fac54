/* What operators order about workers and single partitions; kept in the coordination store, whatever comes and goes. */

/**
 * `active`: takes its share · `standby`: takes partitions only where too few active ones are there ·
 * `excluded`: keeps what it has and is given nothing more · `drained`: gives everything to others.
 */
export type WorkerRole = 'active' | 'standby' | 'excluded' | 'drained';

/** An order stands beside what the worker says of itself: what it leaves open is as the worker's configuration has it. */
export interface WorkerOrder {
  readonly worker: string;
  readonly role?: WorkerRole;
  /** The routes it copies, and nobody else while it is there; none: any. */
  readonly routes?: readonly string[];
  /** ISO 8601: until then it may go and come back under its id, and its partitions wait for it. */
  readonly restartUntil?: string;
  readonly reason: string;
  /** ISO 8601. */
  readonly at: string;
}

/** Nothing moves from one worker to another while this stands. */
export interface FreezeOrder {
  readonly reason: string;
  /** ISO 8601. */
  readonly at: string;
}

/** Partitions of a topic that are not to be copied, by whichever worker, until they are taken off the list. */
export interface Exclusion {
  readonly route: string;
  readonly topic: string;
  /** Ascending. */
  readonly partitions: readonly number[];
  readonly reason: string;
  /** ISO 8601. */
  readonly at: string;
}
