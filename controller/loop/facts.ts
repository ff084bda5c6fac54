import type { Route } from '../../common/model/route.js';
import type { TargetNeed } from '../core/desired.js';
import type { Problem } from '../core/problem.js';
import type { TopicFacts, Unproven } from '../core/topic-facts.js';
import type { Listings } from './topic-selector.js';

/** What the leader knows of the clusters. */
export interface Facts extends Listings {
  /** The same text means that nothing else is known. */
  readonly revision: string;
  readonly problems: readonly Problem[];
  follow(entries: readonly { readonly route: Route; readonly topic: string }[]): void;
  facts(route: Route, topic: string, targetTopic: string): TopicFacts;
  /** Why nothing may be begun at the target exactly once; undefined: it may. */
  unproven(target: string): Unproven | undefined;
  /** Starts making what is missing; false while something is. */
  ensureTargets(needs: readonly TargetNeed[]): boolean;
}
