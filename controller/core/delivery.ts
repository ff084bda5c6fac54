import type { WorkerAssignment } from '../../common/model/assignment.js';
import type { Delivery, Route } from '../../common/model/route.js';
import type { Unproven } from './topic-facts.js';

/**
 * How an exactly-once route is delivered now (exactly-once.md 5.7). One whose target cannot fence runs at least once; but what runs exactly
 * once already is not made less by a trial that fails later: its walks go on finding what is there, and nothing more is begun.
 * @param before how its partitions are delivered; undefined: none is
 */
export function deliveryNow(unproven: Unproven | undefined, before: Delivery | undefined): Delivery {
  switch (unproven?.state) {
    case undefined:
      return 'exactly-once';
    case 'pending':
      // What a trial before showed stands until the next one shows something.
      return before === 'at-least-once' ? 'at-least-once' : 'exactly-once';
    case 'failed':
      return before === 'exactly-once' ? 'exactly-once' : 'at-least-once';
  }
}

/** How the workers deliver a route, by what they were told last; undefined: none has a partition of it. */
export function deliveryGivenOut(assignments: Iterable<WorkerAssignment>): Map<string, Delivery> {
  const given = new Map<string, Delivery>();
  for (const { routes, items } of assignments) {
    const held = new Set(items.map(({ route }) => route));
    for (const { name, delivery } of routes) {
      // One worker that was not told yet does not make the others' delivery exact.
      if (held.has(name) && given.get(name) !== 'at-least-once') given.set(name, delivery);
    }
  }
  return given;
}

/** Why a topic of the route is not delivered as the route says; undefined: it is, or nobody knows yet. */
export function deliveryProblem(now: Route, unproven: Unproven | undefined): string | undefined {
  if (unproven?.message === undefined) return undefined;
  if (now.delivery === 'at-least-once')
    return `${unproven.message}; the route is delivered at-least-once until a trial passes`;
  if (unproven.state === 'pending') return unproven.message;
  return `${unproven.message}; what runs goes on, and nothing more is begun before a trial passes or the route’s delivery is at-least-once`;
}
