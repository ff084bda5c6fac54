import type { WorkerAssignment } from '../../common/model/assignment.js';
import type { Delivery, Route } from '../../common/model/route.js';
import type { Logger } from '../../common/observability/logger.js';
import { deliveryGivenOut, deliveryNow, deliveryProblem } from '../core/delivery.js';
import type { Problem } from '../core/problem.js';
import type { Unproven } from '../core/topic-facts.js';

export interface DeliveriesDeps {
  /** Why nothing can be begun at the target exactly once. */
  readonly unproven: (target: string) => Unproven | undefined;
  readonly logger: Logger;
}

/** Routes as they are delivered now: as operators want them, or at least once where the target cannot fence (exactly-once.md 5.7). */
export class Deliveries {
  readonly #deps: DeliveriesDeps;
  /** How exactly-once routes were seen to be delivered in this reign. */
  readonly #seen = new Map<string, Delivery>();
  readonly #now = new Map<string, Delivery>();

  constructor(deps: DeliveriesDeps) {
    this.#deps = deps;
  }

  update(routes: Iterable<Route>, assignments: readonly WorkerAssignment[]): void {
    const given = deliveryGivenOut(assignments);
    this.#now.clear();
    for (const route of routes) {
      const { name, target, delivery } = route;
      if (delivery !== 'exactly-once') {
        this.#seen.delete(name);
        continue;
      }
      const before = given.get(name) ?? this.#seen.get(name);
      const now = deliveryNow(this.#deps.unproven(target), before);
      if (now !== this.#seen.get(name)) this.#say(route, now, before);
      // Nothing was begun yet: a trial that fails may still decide.
      if (now === 'at-least-once' || before === 'exactly-once') this.#seen.set(name, now);
      else if (before === 'at-least-once') this.#seen.delete(name);
      this.#now.set(name, now);
    }
  }

  of(route: Route): Route {
    const delivery = this.#now.get(route.name) ?? route.delivery;
    return delivery === route.delivery ? route : { ...route, delivery };
  }

  problems(entries: readonly { readonly route: Route; readonly topic: string }[]): Problem[] {
    return entries.flatMap(({ route, topic }): Problem[] => {
      if (route.delivery !== 'exactly-once') return [];
      const message = deliveryProblem(this.of(route), this.#deps.unproven(route.target));
      return message === undefined ? [] : [{ route: route.name, topic, code: 'DELIVERY_UNPROVEN', message }];
    });
  }

  #say({ name, target }: Route, now: Delivery, before: Delivery | undefined): void {
    if (now === 'at-least-once') {
      const msg = this.#deps.unproven(target)?.message;
      this.#deps.logger.warn('delivery.at-least-once', { route: name, target, msg });
    } else if (before === 'at-least-once') this.#deps.logger.info('delivery.exactly-once', { route: name, target });
  }
}
