import { countedRemoval } from '../../common/coordination/counted-removal.js';
import type { CoordinationStore } from '../../common/coordination/ports.js';
import {
  decodeRoute,
  decodeTopicEntry,
  decodeTopicProgress,
  encodeTopicProgress,
} from '../../common/coordination/records/desired.js';
import {
  progressPath,
  progressRoutePath,
  ROUTES,
  routePath,
  topicPath,
  topicsPath,
} from '../../common/coordination/znodes.js';
import { isCausewayError } from '../../common/errors/error.js';
import type { Route, TopicEntry } from '../../common/model/route.js';
import type { TopicProgress } from '../../common/model/topic-progress.js';
import { mapLimited } from '../../common/runtime/map-limited.js';
import { nextTimeline } from '../core/continuity.js';
import type { TopicWorld } from './topic-ports.js';

const READ_CONCURRENCY = 32;
/** The leader writes the same nodes. */
const WRITE_ATTEMPTS = 5;

/** Read from the store as it is now, from whichever controller. */
export class StoredTopicWorld implements TopicWorld {
  readonly #store: CoordinationStore;

  constructor(store: CoordinationStore) {
    this.#store = store;
  }

  async routes(): Promise<readonly Route[]> {
    const names = (await this.#store.children(ROUTES)) ?? [];
    const found = await mapLimited(names, READ_CONCURRENCY, (name) => this.#read(routePath(name), decodeRoute));
    return found.filter((route) => route !== undefined);
  }

  entry(route: string, topic: string): Promise<TopicEntry | undefined> {
    return this.#read(topicPath(route, topic), decodeTopicEntry);
  }

  async entries(route: string): Promise<readonly TopicEntry[]> {
    const names = (await this.#store.children(topicsPath(route))) ?? [];
    const found = await mapLimited(names, READ_CONCURRENCY, (topic) => this.entry(route, topic));
    return found.filter((entry) => entry !== undefined);
  }

  async remembered(route: string): Promise<readonly string[]> {
    return (await this.#store.children(progressRoutePath(route))) ?? [];
  }

  progress(route: string, topic: string): Promise<TopicProgress | undefined> {
    return this.#read(progressPath(route, topic), decodeTopicProgress);
  }

  async forget(route: string, topic: string): Promise<void> {
    await this.#closeTimeline(route, topic);
    const node = await this.#store.get(topicPath(route, topic));
    if (node === undefined) return;
    // Changed meanwhile: somebody wants something of it, and finds it gone at both ends.
    await this.#store.multi(countedRemoval(topicPath(route, topic), node.version));
  }

  /** Whatever comes by this name next is another topic: copied from its first record, on a timeline of its own. */
  async #closeTimeline(route: string, topic: string): Promise<void> {
    const path = progressPath(route, topic);
    for (let attempt = 1; ; attempt++) {
      const node = await this.#store.get(path);
      if (node === undefined) return;
      const before = decodeTopicProgress(node.data, path);
      const { targetTopic, transactional } = before;
      const next: TopicProgress = {
        ...{ route, topic, targetTopic, sourceTopicId: null },
        ...(transactional === undefined ? {} : { transactional }),
        ...{ timeline: nextTimeline(before), started: [], initialPartitions: 0 },
      };
      try {
        await this.#store.set(path, encodeTopicProgress(next), node.version);
        return;
      } catch (error) {
        if (!isCausewayError(error, 'BAD_VERSION') || attempt === WRITE_ATTEMPTS) throw error;
      }
    }
  }

  async #read<T>(path: string, decode: (data: Buffer, path: string) => T): Promise<T | undefined> {
    const node = await this.#store.get(path);
    return node === undefined ? undefined : decode(node.data, path);
  }
}
