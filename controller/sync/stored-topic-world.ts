import { countedRemoval } from '../../common/coordination/counted-removal.js';
import type { CoordinationStore, StoreOp } from '../../common/coordination/ports.js';
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
import { CausewayError } from '../../common/errors/error.js';
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
    const names = await this.names(route);
    const found = await mapLimited(names, READ_CONCURRENCY, (topic) => this.entry(route, topic));
    return found.filter((entry) => entry !== undefined);
  }

  async names(route: string): Promise<readonly string[]> {
    return (await this.#store.children(topicsPath(route))) ?? [];
  }

  async remembered(route: string): Promise<readonly string[]> {
    return (await this.#store.children(progressRoutePath(route))) ?? [];
  }

  progress(route: string, topic: string): Promise<TopicProgress | undefined> {
    return this.#read(progressPath(route, topic), decodeTopicProgress);
  }

  /**
   * Both in one write: a leader that saw the entry without its old timeline would begin the next one with the topic that is gone. An entry that
   * was changed meanwhile stays: somebody wants something of it, and finds it gone at both ends.
   */
  async forget(route: string, topic: string): Promise<void> {
    const paths = { entry: topicPath(route, topic), progress: progressPath(route, topic) };
    const first = await this.#store.get(paths.entry);
    for (let attempt = 1; ; attempt++) {
      const [entry, progress] = await Promise.all([this.#store.get(paths.entry), this.#store.get(paths.progress)]);
      const isSame = entry !== undefined && entry.version === first?.version;
      const ops: StoreOp[] = isSame ? countedRemoval(paths.entry, entry.version) : [];
      if (progress !== undefined) {
        const data = encodeTopicProgress(closed(decodeTopicProgress(progress.data, paths.progress)));
        ops.push({ type: 'set', path: paths.progress, data, version: progress.version });
      }
      if (ops.length === 0) return;
      const outcome = await this.#store.multi(ops);
      if (outcome.applied) return;
      if (attempt === WRITE_ATTEMPTS) {
        const message = 'the copy is deleted, but what is remembered of it is changed all the time';
        const fix = 'Remove the topic from the route, and add it again if it is wanted.';
        throw new CausewayError('PRECONDITION_FAILED', message, { place: { route, topic }, fix });
      }
    }
  }

  async #read<T>(path: string, decode: (data: Buffer, path: string) => T): Promise<T | undefined> {
    const node = await this.#store.get(path);
    return node === undefined ? undefined : decode(node.data, path);
  }
}

/** Whatever comes by this name next is another topic: copied from its first record, on a timeline of its own. */
function closed(progress: TopicProgress): TopicProgress {
  const { route, topic, targetTopic, transactional } = progress;
  return {
    ...{ route, topic, targetTopic, sourceTopicId: null },
    ...(transactional === undefined ? {} : { transactional }),
    ...{ timeline: nextTimeline(progress), started: [], initialPartitions: 0 },
  };
}
