import type { PlanItemBase } from './plan-item-base.js';

/** About a schema registry. */
export interface SchemaPlanItem extends PlanItemBase {
  readonly kind: /** A version that the target lacks, or offers though it is deleted at the source. */
    | 'schema-version'
    /** The same id, or the same version of a subject, is another schema at the target. */
    | 'schema-conflict'
    /** A version at the target only. */
    | 'schema-extra'
    | 'schema-compatibility'
    | 'schema-mode';
  /** At the source; null: the whole registry. */
  readonly subject: string | null;
  readonly version: number | null;
  readonly id: number | null;
}
