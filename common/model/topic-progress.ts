/**
 * What the leader remembers of one mirrored topic beyond the checkpoints: which partitions ever started and on which timeline.
 * Survives the topic's removal and re-adding, so that re-adding resumes (exactly-once.md 4.2, 4.4).
 */
export interface TopicProgress {
  readonly route: string;
  readonly topic: string;
  /** The incarnation of the source topic this is about (canonical UUID text), null where the source has no topic ids. */
  readonly sourceTopicId: string | null;
  readonly targetTopic: string;
  /** Timeline of every partition; 1 at first. */
  readonly timeline: number;
  /** Partitions whose first checkpoint was reported committed, ascending. */
  readonly started: readonly number[];
  /** Partitions of the topic when it was first mirrored: those beyond begin at offset 0 whatever the route's start says (4.5). */
  readonly initialPartitions: number;
}
