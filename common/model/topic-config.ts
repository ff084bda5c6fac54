/** A config of a topic as its cluster tells it (DescribeConfigs). */
export interface TopicConfig {
  readonly name: string;
  /** Null: sensitive, or it has none. */
  readonly value: string | null;
  /** Set on the topic itself; otherwise the value is its cluster's default. */
  readonly isOwn: boolean;
  readonly isReadOnly: boolean;
  readonly isSensitive: boolean;
}

/** By name. */
export type TopicConfigs = ReadonlyMap<string, TopicConfig>;
