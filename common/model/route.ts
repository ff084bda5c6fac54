/** How a target topic is named: `identity` keeps the name, `default` is MM2's DefaultReplicationPolicy (`<source><separator><topic>`). */
export type NamingPolicy = { readonly policy: 'identity' } | { readonly policy: 'default'; readonly separator: string };

/** exactly-once.md section 1. */
export type Delivery = 'exactly-once' | 'transactional' | 'at-least-once';

export type StartPosition = 'earliest' | 'latest';
export type Isolation = 'read_committed' | 'read_uncommitted';

/** What to do about the target topic. */
export interface TargetTopicPolicy {
  /** Create missing topics and grow short ones. */
  readonly create: boolean;
  /** Replication factor of created topics; the source topic's, bounded by the target's brokers, when absent. */
  readonly replicationFactor?: number;
}

/** A route mirrors chosen topics of a source cluster into a target cluster. Clusters are names of the operators' configuration. */
export interface Route {
  readonly name: string;
  readonly source: string;
  readonly target: string;
  readonly naming: NamingPolicy;
  readonly delivery: Delivery;
  /** Where partitions that existed before the topic was added begin; partitions added later always begin at 0. */
  readonly start: StartPosition;
  readonly isolation: Isolation;
  readonly targetTopics: TargetTopicPolicy;
}

/** The target topic's name. Pure; a change of it is a change of identity (exactly-once.md 6.5). */
export function targetTopicOf(route: Pick<Route, 'naming' | 'source'>, topic: string): string {
  const { naming } = route;
  switch (naming.policy) {
    case 'identity':
      return topic;
    case 'default':
      return `${route.source}${naming.separator}${topic}`;
  }
}

/** What an operator asked for: mirror this topic on this route. */
export interface TopicEntry {
  readonly route: string;
  readonly topic: string;
  /** Mirror partitions [0, partitions); `all` follows the source as it grows. */
  readonly partitions: number | 'all';
  readonly paused: boolean;
  /** ISO 8601. */
  readonly addedAt: string;
}
