import type { PlanItemBase } from './plan-item-base.js';
import type { RightsPlanItem } from './rights-item.js';
import type { SchemaPlanItem } from './schema-item.js';

/* What a route's metadata lacks or has otherwise at its target, as drift reports, plans and their application tell it. */

interface TopicItem extends PlanItemBase {
  /** At the target. */
  readonly topic: string;
  /** Null: there is none that it would be a copy of. */
  readonly sourceTopic: string | null;
}

export const TOPIC_ITEM_KINDS = [
  /** The target has no such topic. */
  'topic-create',
  /** The source has more partitions. */
  'partitions',
  /** The target has more partitions: their records come from somebody else, and keys are dealt differently. */
  'partitions-extra',
  /** The source topic is gone. */
  'topic-delete',
  /** Named as this route names, without a source topic, and not this route's. */
  'topic-orphan',
  'replication-factor',
  /** Records go earlier at the target than at the source. */
  'retention-shorter',
] as const;

/** About topics, their partitions and configs. */
export interface TopicPlanItem extends TopicItem {
  readonly kind: (typeof TOPIC_ITEM_KINDS)[number];
}

/** One config of a target topic. */
export interface ConfigPlanItem extends TopicItem {
  readonly kind: 'config';
  readonly name: string;
}

export type PlanItem = TopicPlanItem | ConfigPlanItem | RightsPlanItem | SchemaPlanItem;
export type PlanItemKind = PlanItem['kind'];
