import type { PlanItem } from '../../common/model/plan-item.js';
import type { Route, TopicEntry } from '../../common/model/route.js';

/** One difference, and the hand that ends it. */
export interface SyncStep {
  readonly item: PlanItem;
  /** Present exactly where `item.applies`. Repeating it does no harm. */
  readonly run?: (signal: AbortSignal) => Promise<void>;
}

/** Whose metadata is compared. */
export interface SyncSubject {
  readonly route: Route;
  /** The route's topics, those that are paused included. */
  readonly entries: readonly TopicEntry[];
}

/**
 * A part of the metadata that a route keeps in step: topics, configs, ACLs, quotas, schemas. The drift report asks all of them, `plan` as well,
 * and `apply` runs the steps of a plan that has not changed since. Whatever a part does by itself, it does with the same steps.
 */
export interface SyncPart {
  /** For reports, metrics and logs: `topics`, `acls`. */
  readonly name: string;
  /** What differs now, read from both clusters. Equal worlds give equal items in an equal order. @throws CausewayError when a cluster does not answer */
  plan(subject: SyncSubject, signal: AbortSignal): Promise<readonly SyncStep[]>;
}
