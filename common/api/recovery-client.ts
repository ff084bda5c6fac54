import type { RecoveryBody, RecoveryList, RecoveryView, RpoView } from './recovery-shapes.js';
import type { RestTransport } from './rest-transport.js';

/** Recovery programs over REST. */
export class RecoveryClient {
  readonly #transport: RestTransport;

  constructor(transport: RestTransport) {
    this.#transport = transport;
  }

  list(): Promise<RecoveryList> {
    return this.#transport.json('GET', '/recoveries');
  }

  /** @throws ROUTE_UNKNOWN, RECOVERY_UNDER_WAY, INVALID_REQUEST */
  begin(body: RecoveryBody): Promise<RecoveryView> {
    return this.#transport.json('POST', '/recoveries', { body });
  }

  /** @throws RECOVERY_UNKNOWN */
  get(id: string): Promise<RecoveryView> {
    return this.#transport.json('GET', url(id));
  }

  /** @throws RECOVERY_UNKNOWN, RECOVERY_NOT_POSSIBLE; as do the others */
  confirm(id: string, reason = ''): Promise<RecoveryView> {
    return this.#transport.json('POST', `${url(id)}/confirm`, { body: { reason } });
  }

  resume(id: string, reason = ''): Promise<RecoveryView> {
    return this.#transport.json('POST', `${url(id)}/resume`, { body: { reason } });
  }

  abort(id: string, reason = ''): Promise<RecoveryView> {
    return this.#transport.json('POST', `${url(id)}/abort`, { body: { reason } });
  }

  /** @throws ROUTE_UNKNOWN, NO_LEADER */
  rpo(route: string, options: { readonly own?: boolean } = {}): Promise<RpoView> {
    const query = options.own === true ? { own: 'true' } : {};
    return this.#transport.json('GET', `/routes/${encodeURIComponent(route)}/rpo`, { query });
  }
}

function url(id: string): string {
  return `/recoveries/${encodeURIComponent(id)}`;
}
