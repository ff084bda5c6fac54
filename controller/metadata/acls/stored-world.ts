import type { CoordinationStore } from '../../../common/coordination/ports.js';
import { decodeRoute, decodeTopicEntry } from '../../../common/coordination/records/desired.js';
import { ROUTES, routePath, topicPath, topicsPath } from '../../../common/coordination/znodes.js';
import { isRetired, type Route, type TopicEntry } from '../../../common/model/route.js';
import { mapLimited } from '../../../common/runtime/map-limited.js';

const READ_CONCURRENCY = 64;

/** Topics that are copied now. What belongs to the others is left as it is: the target may be on its own by then. */
export function activeTopics(entries: readonly TopicEntry[]): readonly string[] {
  return entries.filter((entry) => !entry.paused && !isRetired(entry)).map(({ topic }) => topic);
}

/** Routes and their topics, for those who have to know of other routes than their own. */
export interface RouteWorld {
  routes(): Promise<readonly Route[]>;
  entries(route: string): Promise<readonly TopicEntry[]>;
}

/** As the store has them now. @throws NODE_CORRUPT: nobody decides on half of the routes */
export class StoredWorld implements RouteWorld {
  readonly #store: CoordinationStore;

  constructor(store: CoordinationStore) {
    this.#store = store;
  }

  async routes(): Promise<readonly Route[]> {
    const names = (await this.#store.children(ROUTES)) ?? [];
    return await this.#read(names.map(routePath), decodeRoute);
  }

  async entries(route: string): Promise<readonly TopicEntry[]> {
    const topics = (await this.#store.children(topicsPath(route))) ?? [];
    const paths = topics.map((topic) => topicPath(route, topic));
    return await this.#read(paths, decodeTopicEntry);
  }

  async #read<T>(paths: readonly string[], decode: (data: Buffer, path: string) => T): Promise<T[]> {
    const nodes = await mapLimited(paths, READ_CONCURRENCY, async (path) => ({
      path,
      node: await this.#store.get(path),
    }));
    return nodes.flatMap(({ path, node }) => (node === undefined ? [] : [decode(node.data, path)]));
  }
}
