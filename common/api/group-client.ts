import type { GroupList, GroupSyncBody, GroupSyncView } from './group-shapes.js';
import { type RestTransport, routeUrl } from './rest-transport.js';

export interface GroupListOptions {
  readonly limit?: number;
  readonly cursor?: string;
  /** Only this one. */
  readonly group?: string;
  /** The controller that is asked asks nobody else. */
  readonly own?: boolean;
}

/** Positions of consumer groups, over the transport of a client. */
export class GroupClient {
  readonly #transport: RestTransport;

  constructor(transport: RestTransport) {
    this.#transport = transport;
  }

  async list(route: string, { own, ...query }: GroupListOptions = {}): Promise<GroupList> {
    const sent = { query: { ...query, ...(own === true ? { own: 'true' } : {}) } };
    return await this.#transport.json('GET', `${routeUrl(route)}/groups`, sent);
  }

  async sync(
    route: string,
    body: GroupSyncBody = {},
    options: { readonly own?: boolean } = {},
  ): Promise<GroupSyncView> {
    const query = options.own === true ? { own: 'true' } : {};
    return await this.#transport.json('POST', `${routeUrl(route)}/groups/sync`, { body, query });
  }
}
