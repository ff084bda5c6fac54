/**
 * What to do when a log is not what it was (design.md 5.3). `pause`: the partitions stop and an operator decides. Whatever is chosen, what
 * that costs is declared before anything that follows it is copied.
 */
export interface ContinuityPolicy {
  /** The source topic was deleted and made anew. `restart`: the new one is copied from its first record, behind what is at the target. */
  readonly sourceRecreated: 'pause' | 'restart';
  /** The source topic was deleted. `wait`: its partitions stay with their workers · `stop`: they are taken off them. */
  readonly sourceDeleted: 'wait' | 'stop';
  /** The source lost records that were copied. `continue`: where the new log begins to differ. */
  readonly sourceTruncated: 'pause' | 'continue';
  /** The source's log begins behind the position. `continue`: there, with a gap. */
  readonly retentionOverrun: 'pause' | 'continue';
  /**
   * The target topic was deleted, or made anew. `restart`: copied again from where the route starts · `continue`: from the position that was
   * reached. With both a topic that is missing is made anew, where the route makes topics.
   */
  readonly targetRecreated: 'pause' | 'restart' | 'continue';
  /** The target lost records that it had acknowledged. `continue`: they are copied again. */
  readonly targetTruncated: 'pause' | 'continue';
}

/** Nothing that needs a judgement is judged here; what is gone for good at the source is declared and passed. */
export const DEFAULT_CONTINUITY: ContinuityPolicy = {
  sourceRecreated: 'pause',
  sourceDeleted: 'wait',
  sourceTruncated: 'pause',
  retentionOverrun: 'continue',
  targetRecreated: 'pause',
  targetTruncated: 'pause',
};

/** Why a timeline ended (exactly-once.md 4.2). */
export const BREAK_CAUSES = [
  'source-recreated',
  'source-truncated',
  'target-recreated',
  'target-truncated',
  'operator',
] as const;
export type BreakCause = (typeof BREAK_CAUSES)[number];

/** How a timeline begins that is not a partition's first. */
export interface TimelineOrigin {
  readonly cause: BreakCause;
  /** The route's start, the position of the timeline before, or a source offset. */
  readonly from: 'start' | 'position' | bigint;
  /** The timeline that ended. */
  readonly former: number;
}

/** One partition whose timeline is another than its topic's. */
export interface PartitionBreak extends TimelineOrigin {
  readonly partition: number;
  readonly timeline: number;
}

/** A worker found that a partition cannot go on in its timeline, and may go on in another: only the leader gives those. */
export interface BreakRequest {
  readonly route: string;
  readonly topic: string;
  readonly partition: number;
  /** The one that ends; without effect once the partition has another. */
  readonly timeline: number;
  readonly cause: BreakCause;
  /** Source offset at which the next one begins. */
  readonly from: bigint;
}

/** An operator's word on what stopped: once, where the policy says `pause`. */
export interface ResolveOrder {
  /** Null: the whole topic. */
  readonly partition: number | null;
  readonly action: 'continue' | 'restart';
  /** The timeline it ends, of the partition or of the topic; without effect in later ones. */
  readonly timeline: number;
  readonly reason: string;
  /** ISO 8601. */
  readonly at: string;
}
