import type { ContinuityPolicy, ResolveOrder } from './continuity.js';
import type { SkipOrder } from './gap.js';
import type { GroupSyncPolicy } from './group-sync.js';
import type { Mm2Settings } from './mm2.js';
import { type NamingPolicy, sourceName, targetName } from './naming.js';
import type { PartitionMapping, RecordRules } from './record-rules.js';
import type { AclPolicy, QuotaMode } from './rights-policy.js';
import type { SchemaIdPolicy } from './schema-id-policy.js';
import type { SchemaPolicy } from './schema-policy.js';
import type { TopicSelection } from './selection.js';
import { topicNameFault } from './topic-partition.js';
import type { TopicSync } from './topic-sync.js';

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
  /** Others write into the target topics, too. */
  readonly shared?: true;
}

/** What becomes of a record that the target will never take (too large, without a key for a compacted topic, its timestamp refused). */
export type RefusalPolicy =
  /** The partition stops in front of it until an operator acts. */
  | 'pause'
  /** It is left out, declared as a gap. */
  | 'skip'
  /** It is written to the route's dead-letter topic, and declared as a gap. */
  | 'dead-letter';

/** How the target's batches are compressed: as the source's are (they pass as they are), or anew. */
export type RouteCompression = 'source' | 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

/** Upper bounds of what is copied; absent: no bound. Hold for the whole fleet's share of the thing they are set on. */
export interface RateLimits {
  readonly bytesPerS?: number;
  readonly recordsPerS?: number;
}

export function limitsSet({ bytesPerS, recordsPerS }: RateLimits): boolean {
  return bytesPerS !== undefined || recordsPerS !== undefined;
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
  readonly compression: RouteCompression;
  /** Source batches smaller than this are merged where they queue up; 0 never, absent: decided by the target's round trip. */
  readonly coalesceBelowBytes?: number;
  readonly onRefusedRecord: RefusalPolicy;
  /** At the target; present with `dead-letter`. */
  readonly deadLetterTopic?: string;
  /** Absent: DEFAULT_CONTINUITY. */
  readonly continuity?: ContinuityPolicy;
  readonly limits: RateLimits;
  /** Zones whose workers copy it, while any is there; absent: that of the target cluster. */
  readonly zones?: readonly string[];
  /** Absent: only the topics that operators add. */
  readonly selection?: TopicSelection;
  /** Absent: records are copied as they are. */
  readonly rules?: RecordRules;
  /** Absent: every source partition into the target partition of its number. */
  readonly partitionMapping?: PartitionMapping;
  /** Copied records say in headers where they come from, and none goes where it has been. */
  readonly provenance?: true;
  /** Absent: the ids of schemas in front of keys and values stay as they are. */
  readonly schemaIds?: SchemaIdPolicy;
  /** Absent: positions of consumer groups are not kept at the target. */
  readonly groups?: GroupSyncPolicy;
  /** Absent: none of MirrorMaker 2's own topics. */
  readonly mm2?: Mm2Settings;
  /** Absent: topics and what belongs to them are made and changed as soon as they differ. `manual`: only by `apply`. */
  readonly metadata?: 'manual';
  /** Absent: DEFAULT_TOPIC_SYNC. */
  readonly topicSync?: TopicSync;
  /** Absent: off. */
  readonly acls?: AclPolicy;
  /** Absent: off. */
  readonly quotas?: Exclude<QuotaMode, 'off'>;
  /** Absent: SCRAM users are not compared. */
  readonly users?: 'report';
  /** Absent: off. */
  readonly schemas?: SchemaPolicy;
}

/** The target topic's name. Pure; a change of it is a change of identity (exactly-once.md 6.5). */
export function targetTopicOf(route: Pick<Route, 'naming' | 'source'>, topic: string): string {
  return targetName(route, topic);
}

/** The source topic that the route mirrors into `targetTopic`; undefined: none, or its naming cannot be inverted (`isInvertible`). */
export function sourceTopicOf(route: Pick<Route, 'naming' | 'source'>, targetTopic: string): string | undefined {
  const topic = sourceName(route, targetTopic);
  return topic === undefined || topicNameFault(topic) !== undefined ? undefined : topic;
}

/** Where one partition begins, whatever its route's start is: a source offset, or an end of the log as it is then. */
export interface PartitionStart {
  readonly partition: number;
  readonly from: bigint | StartPosition;
}

/** Where one partition of a job ends: the source offset behind its last record. */
export interface PartitionEnd {
  readonly partition: number;
  readonly until: bigint;
}

/** Who took a topic off its workers. */
export interface Retirement {
  /** Id of the recovery program. */
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
}

/** Not to be copied by anybody, until the program that retired it, or another one, brings it back. */
export function isRetired({ retired }: Pick<TopicEntry, 'retired'>): boolean {
  return retired !== undefined;
}

/** What an operator asked for: mirror this topic on this route. */
export interface TopicEntry {
  readonly route: string;
  readonly topic: string;
  /** Mirror partitions [0, partitions); `all` follows the source as it grows. */
  readonly partitions: number | 'all';
  readonly paused: boolean;
  /** At most one order per partition, the latest. */
  readonly skips: readonly SkipOrder[];
  /** At most one per partition, and one for the topic; absent: none. */
  readonly resolutions?: readonly ResolveOrder[];
  /** Beside those of the route: both hold. */
  readonly limits: RateLimits;
  /** ISO 8601. */
  readonly addedAt: string;
  /**
   * Absent: an operator added it. `selected`: the route's selection chose it among those that were there · `appeared`: it came to be
   * while the selection stood, so it is copied from its first record, whatever the route's start is.
   */
  readonly origin?: 'selected' | 'appeared';
  /** One per partition at most, ascending; hold for a partition's first start only, and not for partitions that came to be later. */
  readonly starts?: readonly PartitionStart[];
  /** Of a job's topic, one per partition; not among what the store keeps of ordinary entries. Absent: it goes on for ever. */
  readonly ends?: readonly PartitionEnd[];
  /** An operator wants what is missing of its offset maps found in the logs; ISO 8601. */
  readonly mapRebuildAt?: string;
  /** It is not copied: a recovery program has taken it off its workers, and keeps its settings. Absent: it is. */
  readonly retired?: Retirement;
}
