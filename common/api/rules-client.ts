import { type RestTransport, routeUrl } from './rest-transport.js';
import type { RulesTestBody, RulesTestView, RulesView } from './rules-shapes.js';

/** Rules over REST; they are set with the route. */
export class RulesClient {
  readonly #transport: RestTransport;

  constructor(transport: RestTransport) {
    this.#transport = transport;
  }

  get(route: string): Promise<RulesView> {
    return this.#transport.json('GET', `${routeUrl(route)}/rules`);
  }

  /** @throws ROUTE_UNKNOWN, ROUTE_INVALID, TOPIC_UNKNOWN_AT_SOURCE, CLUSTER_UNREACHABLE */
  test(route: string, body: RulesTestBody): Promise<RulesTestView> {
    return this.#transport.json('POST', `${routeUrl(route)}/rules/test`, { body });
  }
}
