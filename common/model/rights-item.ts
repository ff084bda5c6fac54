import type { AclBinding } from './acl.js';
import type { PlanItemBase } from './plan-item-base.js';

/** One right: at the target; at the source where it has no place at the target. */
export interface AclPlanItem extends PlanItemBase {
  readonly kind: 'acl';
  readonly acl: AclBinding;
}

/** One quota of one entity. */
export interface QuotaPlanItem extends PlanItemBase {
  readonly kind: 'quota';
  readonly user: string | null;
  readonly clientId: string | null;
  /** Kafka's name: `producer_byte_rate`; null: all that the entity has. */
  readonly quota: string | null;
}

/** A user with a password (SCRAM) at the source that the target does not know. */
export interface UserPlanItem extends PlanItemBase {
  readonly kind: 'user';
  readonly user: string;
}

/** A cluster has no authorizer, so that there are no rights to compare. */
export interface AuthorizerPlanItem extends PlanItemBase {
  readonly kind: 'authorizer';
}

export type RightsPlanItem = AclPlanItem | QuotaPlanItem | UserPlanItem | AuthorizerPlanItem;
