import { type RestTransport, routeUrl } from './rest-transport.js';
import type { ApplyView, SyncPlan } from './sync-shapes.js';

/** Metadata at a route's target: what differs, what would be done about it, and the doing. */
export class SyncClient {
  readonly #transport: RestTransport;

  constructor(transport: RestTransport) {
    this.#transport = transport;
  }

  /** Everything that differs. @throws ROUTE_UNKNOWN */
  drift(route: string): Promise<SyncPlan> {
    return this.#transport.json('GET', `${routeUrl(route)}/drift`);
  }

  /** What `apply` would do. @throws ROUTE_UNKNOWN */
  plan(route: string): Promise<SyncPlan> {
    return this.#transport.json('POST', `${routeUrl(route)}/plan`);
  }

  /** @param hash of a plan @throws ROUTE_UNKNOWN, PRECONDITION_FAILED when something else would be done now */
  apply(route: string, hash: string): Promise<ApplyView> {
    return this.#transport.json('POST', `${routeUrl(route)}/apply`, { body: { hash } });
  }
}
