import type { Mm2ImportView, Mm2ImportWish } from './mm2-shapes.js';
import type { RestTransport } from './rest-transport.js';

/** Going on where MirrorMaker 2 stood, over REST. */
export class Mm2Client {
  readonly #transport: RestTransport;

  constructor(transport: RestTransport) {
    this.#transport = transport;
  }

  /** Part of it: as long as `more` is not 0, ask again. @throws TAKEOVER_REFUSED, ROUTE_UNKNOWN, CLUSTER_UNKNOWN, CLUSTER_UNREACHABLE */
  import(route: string, body: Mm2ImportWish): Promise<Mm2ImportView> {
    return this.#transport.json('POST', `/routes/${encodeURIComponent(route)}/mm2-import`, { body });
  }
}
