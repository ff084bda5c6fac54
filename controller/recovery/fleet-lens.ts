import type { CoordinationStore, StoreNode } from '../../common/coordination/ports.js';
import { decodeRoute, decodeTopicEntry, decodeTopicProgress } from '../../common/coordination/records/desired.js';
import { decodeExclusion } from '../../common/coordination/records/orders.js';
import { exclusionPath, progressPath, routePath, topicPath, topicsPath } from '../../common/coordination/znodes.js';
import { CausewayError } from '../../common/errors/error.js';
import type { Route, TopicEntry } from '../../common/model/route.js';
import type { PartitionStatus } from '../../common/model/status.js';
import type { TopicProgress } from '../../common/model/topic-progress.js';
import { identifierFault } from '../../common/model/worker.js';
import { silentLogger } from '../../common/observability/logger.js';
import { mapLimited } from '../../common/runtime/map-limited.js';
import { FleetRecords } from '../loop/fleet-records.js';
import type { StatusSource } from '../loop/load-watch.js';

const READ_CONCURRENCY = 32;

/** A record with the version that a write of it has to name. */
export interface Stored<T> {
  readonly value: T;
  readonly version: number;
}

/** Workers that still have a part of a route. */
export interface Holding {
  readonly worker: string;
  readonly partitions: number;
}

/** The fleet as it is in the store and as workers tell it now: read anew with each question. */
export class FleetLens {
  readonly #store: CoordinationStore;
  readonly #statuses: StatusSource;

  constructor(store: CoordinationStore, statuses: StatusSource) {
    this.#store = store;
    this.#statuses = statuses;
  }

  /** @throws ROUTE_UNKNOWN */
  async expectRoute(name: string): Promise<Route> {
    const stored = identifierFault(name) === undefined ? await this.route(name) : undefined;
    if (stored !== undefined) return stored.value;
    throw new CausewayError('ROUTE_UNKNOWN', `there is no route "${name.slice(0, 100)}"`, {
      fix: 'GET /api/v1/routes lists the routes; PUT /api/v1/routes/{route} makes one.',
    });
  }

  route(name: string): Promise<Stored<Route> | undefined> {
    return this.#one(routePath(name), decodeRoute);
  }

  async entries(route: string): Promise<readonly Stored<TopicEntry>[]> {
    const names = (await this.#store.children(topicsPath(route))) ?? [];
    const found = await mapLimited(names, READ_CONCURRENCY, (name) => this.entry(route, name));
    return found.filter((entry) => entry !== undefined);
  }

  entry(route: string, topic: string): Promise<Stored<TopicEntry> | undefined> {
    return this.#one(topicPath(route, topic), decodeTopicEntry);
  }

  progress(route: string, topic: string): Promise<Stored<TopicProgress> | undefined> {
    return this.#one(progressPath(route, topic), decodeTopicProgress);
  }

  /** Partitions that nobody is to copy. */
  async excluded(route: string, topic: string): Promise<ReadonlySet<number>> {
    const found = await this.#one(exclusionPath(route, topic), decodeExclusion);
    return new Set(found?.value.partitions ?? []);
  }

  /** What living workers say of the route's partitions; those of a worker that does not answer are missing. */
  async statuses(route: string): Promise<readonly PartitionStatus[]> {
    return (await this.allStatuses()).filter((one) => one.route === route);
  }

  async allStatuses(): Promise<readonly PartitionStatus[]> {
    const records = new FleetRecords(this.#store, silentLogger);
    await records.live.refresh();
    const live = [...records.live.entries.values()].map(({ value }) => value);
    const answers = await this.#statuses.ask(live);
    return [...answers.values()].flatMap(({ partitions }) => partitions);
  }

  /**
   * Who has any of these topics in its node. An item goes from there only when its worker has reported it released, or is fenced
   * (exactly-once.md 7.2, 7.3): where nobody has one, nobody copies.
   */
  async holders(route: string, topics: ReadonlySet<string>): Promise<readonly Holding[]> {
    const records = new FleetRecords(this.#store, silentLogger);
    await records.assignments.refresh();
    const holding: Holding[] = [];
    for (const [worker, { value }] of records.assignments.entries) {
      const items = value.assignment.items.filter((item) => item.route === route && topics.has(item.topic));
      if (items.length > 0) holding.push({ worker, partitions: items.length });
    }
    // What cannot be read may say anything.
    for (const worker of records.assignments.unreadable.keys()) holding.push({ worker, partitions: 0 });
    return holding;
  }

  async #one<T>(path: string, decode: (data: Buffer, path: string) => T): Promise<Stored<T> | undefined> {
    const node: StoreNode | undefined = await this.#store.get(path);
    return node === undefined ? undefined : { value: decode(node.data, path), version: node.version };
  }
}
