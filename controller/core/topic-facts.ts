/* What is known of a topic at its clusters. */

/** A topic as its cluster shows it. `unknown`: the cluster has not answered (yet), which is not the same as absent. */
export type TopicFact =
  | { readonly state: 'unknown' }
  | { readonly state: 'absent' }
  | {
      readonly state: 'present';
      readonly topicId: string | null;
      readonly partitions: number;
      /** Broker that leads each partition, by number; -1 or absent: not known. */
      readonly leaders?: readonly number[];
    };

/**
 * The target of an exactly-once route has not shown that it refuses what a fenced lane still sends (exactly-once.md 5.7). `pending`: it
 * has not been asked to the end; `failed`: it cannot.
 */
export interface Unproven {
  readonly state: 'pending' | 'failed';
  /** For people; absent while there is nothing to say. */
  readonly message?: string;
}

export interface TopicFacts {
  readonly source: TopicFact;
  readonly target: TopicFact;
  readonly unproven?: Unproven;
}
