import { assertNever } from '../errors/assert.js';
import { mergesPartitions } from './record-rules.js';
import type { Delivery, Route } from './route.js';

type Delivered = Pick<Route, 'delivery' | 'targetTopics' | 'rules' | 'partitionMapping' | 'provenance' | 'schemaIds'>;

/** How a route is delivered that does not say it: exactly once, in the way that its writers allow. */
export function defaultDelivery(route: Omit<Delivered, 'delivery'>): Delivery {
  const isShared = route.targetTopics.shared === true;
  return isShared || transactionsFor(route) !== undefined ? 'transactional' : 'exactly-once';
}

/** The setting that asks for transactions: what is written is then not what a comparison of both logs finds (docs/adr/013). */
function transactionsFor(route: Omit<Delivered, 'delivery'>): string | undefined {
  const { rules, partitionMapping, provenance, schemaIds } = route;
  if (rules !== undefined) return 'rules';
  if (schemaIds !== undefined) return 'schemaIds';
  if (mergesPartitions(partitionMapping)) return 'partitionMapping';
  return provenance === true ? 'provenance' : undefined;
}

/** Why the route must not be delivered as it says (exactly-once.md section 1); undefined: nothing is known against it. */
export function deliveryFault(route: Delivered): string | undefined {
  const { delivery, targetTopics } = route;
  const asking = transactionsFor(route);
  if (asking !== undefined && delivery !== 'transactional') {
    return `${asking} needs delivery transactional: what a new owner goes by is the position that was committed with the records, because the target’s log cannot be compared with the source’s any more`;
  }
  if (delivery !== 'exactly-once' || targetTopics.shared !== true) return undefined;
  return 'targetTopics.shared says that others write into its target topics, and an exactly-once route has to be the only writer there; transactional delivery need not be';
}

/** Why it is delivered the way it is, for people. */
export function deliveryReason({ delivery, targetTopics }: Delivered): string {
  switch (delivery) {
    case 'exactly-once':
      return 'each target partition has one source and no other writer: the target’s log itself tells what was copied';
    case 'transactional':
      return targetTopics.shared === true
        ? 'others write into the target topics, too: records and positions are committed together'
        : 'records and positions are committed together: other transactional routes may write into the same topics';
    case 'at-least-once':
      return 'nothing is asked of the target’s transactional ids: what was copied since the last checkpoint comes again after a worker’s death';
    default:
      return assertNever(delivery, 'delivery');
  }
}

/** Where the positions of both are kept differs, and with it what a new owner goes by: no way leads from one to the other. */
export function keepsPositionsAlike(a: Pick<Route, 'delivery'>, b: Pick<Route, 'delivery'>): boolean {
  return (a.delivery === 'transactional') === (b.delivery === 'transactional');
}
