import { countedRemoval } from '../../common/coordination/counted-removal.js';
import type { CoordinationStore, StoreNode } from '../../common/coordination/ports.js';
import { decodeTopicEntry, encodeTopicEntry } from '../../common/coordination/records/desired.js';
import { routePath, topicPath, topicsPath } from '../../common/coordination/znodes.js';
import { CausewayError, isCausewayError } from '../../common/errors/error.js';
import type { PartitionStart, RateLimits, Route, TopicEntry } from '../../common/model/route.js';
import { topicNameFault } from '../../common/model/topic-partition.js';
import type { Clock } from '../../common/runtime/clock.js';
import { mapLimited } from '../../common/runtime/map-limited.js';
import type { RuleBook } from '../loop/rule-book.js';
import type { ClusterIdentities } from '../metadata/cluster-identities.js';
import type { SourceMetadata, TopicInfo } from '../metadata/ports.js';
import { checkConflicts } from './conflict-check.js';
import type { DenialStore } from './denial-store.js';
import { checkPreconditions, failed, type Preconditions, requireIfMatch } from './etag.js';
import type { RouteService } from './route-service.js';
import { partitionsAtSource, topicAtSource } from './topic-at-source.js';
import { checkDenied, checkName, checkPartitions, checkStarts, exists } from './topic-checks.js';

const READ_CONCURRENCY = 32;

export interface StoredTopic {
  readonly entry: TopicEntry;
  readonly route: Route;
  readonly node: Pick<StoreNode, 'createdAt' | 'version'>;
}

/** What an operator may decide about a mirrored topic. */
export interface TopicWish {
  readonly partitions: number | 'all';
  readonly paused: boolean;
  readonly limits: RateLimits;
  /** Absent: as they are, or none. */
  readonly starts?: readonly PartitionStart[];
}

export interface TopicServiceDeps {
  readonly store: CoordinationStore;
  readonly routes: RouteService;
  readonly metadata: SourceMetadata;
  readonly denials: DenialStore;
  readonly rules: RuleBook;
  /** Absent: every name is a cluster of its own. */
  readonly identities?: ClusterIdentities;
  readonly clock: Clock;
}

/** Topic entries as operators write them: compare-and-set nodes, accepted on any controller, checked before anything is written. */
export class TopicService {
  readonly #store: CoordinationStore;
  readonly #routes: RouteService;
  readonly #metadata: SourceMetadata;
  readonly #denials: DenialStore;
  readonly #rules: RuleBook;
  readonly #identities: ClusterIdentities | undefined;
  readonly #clock: Clock;

  constructor({ store, routes, metadata, denials, rules, identities, clock }: TopicServiceDeps) {
    this.#store = store;
    this.#routes = routes;
    this.#metadata = metadata;
    this.#denials = denials;
    this.#rules = rules;
    this.#identities = identities;
    this.#clock = clock;
  }

  /** Names of the route's topics, sorted. @throws ROUTE_UNKNOWN */
  async names(routeName: string): Promise<readonly string[]> {
    await this.#routes.get(routeName);
    return (await this.#store.children(topicsPath(routeName))) ?? [];
  }

  async read(routeName: string, names: readonly string[]): Promise<readonly StoredTopic[]> {
    const { route } = await this.#routes.get(routeName);
    const found = await mapLimited(names, READ_CONCURRENCY, (name) => this.#read(route, name));
    return found.filter((topic) => topic !== undefined);
  }

  /** @throws ROUTE_UNKNOWN, TOPIC_UNKNOWN */
  async get(routeName: string, topic: string): Promise<StoredTopic> {
    const { route } = await this.#routes.get(routeName);
    const stored = await this.#read(route, topic);
    if (stored !== undefined) return stored;
    throw new CausewayError('TOPIC_UNKNOWN', 'the route does not mirror this topic', {
      place: { route: routeName, topic: topic.slice(0, 249) },
    });
  }

  async find(routeName: string, topic: string): Promise<StoredTopic | undefined> {
    const { route } = await this.#routes.get(routeName);
    return await this.#read(route, topic);
  }

  /**
   * A denial of the topic is lifted with it.
   * @throws ROUTE_UNKNOWN, TOPIC_NAME_ILLEGAL, TOPIC_DENIED, TOPIC_EXISTS, TOPIC_UNKNOWN_AT_SOURCE, PARTITIONS_BEYOND_SOURCE,
   *   TARGET_CONFLICT, CLUSTER_UNREACHABLE
   */
  async add(
    routeName: string,
    topic: string,
    wish: TopicWish,
    options: { readonly lenientPartitions?: boolean } = {},
  ): Promise<StoredTopic> {
    const { route, node } = await this.#routes.get(routeName);
    checkName(route, topic);
    checkDenied(route, topic, this.#rules.rulesOf(undefined));
    if ((await this.#read(route, topic)) !== undefined) throw exists(route, topic);
    const info = await this.source(route, topic);
    if (options.lenientPartitions !== true) checkPartitions(route, topic, wish.partitions, info);
    checkStarts(route, topic, wish.starts, info);
    const identity = await this.#identities?.learn();
    await checkConflicts(this.#store, await this.#routes.all(), route, topic, identity);
    const addedAt = new Date(this.#clock.wallMs()).toISOString();
    await this.#create({ route: route.name, topic, ...wish, skips: [], addedAt }, node.version);
    return await this.get(route.name, topic);
  }

  /** Creates or replaces; `created` tells which. */
  async put(
    routeName: string,
    topic: string,
    wish: TopicWish,
    preconditions: Preconditions,
  ): Promise<StoredTopic & { readonly created: boolean }> {
    const before = await this.find(routeName, topicNameFault(topic) === undefined ? topic : '');
    checkPreconditions(preconditions, before?.node);
    if (before === undefined) return { ...(await this.add(routeName, topic, wish)), created: true };
    const { entry } = before;
    const same = encodeTopicEntry({ ...entry, ...wish }).equals(encodeTopicEntry(entry));
    if (same) return { ...before, created: false };
    requireIfMatch(preconditions);
    return { ...(await this.#change(before, wish)), created: false };
  }

  /** @throws TOPIC_UNKNOWN, PARTITIONS_BELOW_CURRENT, PARTITIONS_BEYOND_SOURCE, CLUSTER_UNREACHABLE, PRECONDITION_FAILED */
  async patch(
    routeName: string,
    topic: string,
    wish: Partial<TopicWish>,
    preconditions: Preconditions,
    options: { readonly lenientPartitions?: boolean } = {},
  ): Promise<StoredTopic> {
    const before = await this.get(routeName, topic);
    checkPreconditions(preconditions, before.node);
    return await this.#change(before, { ...before.entry, ...wish }, options);
  }

  /**
   * What is copied stays at the target; adding the topic again resumes. On a route that selects topics it is denied from then on, or
   * the selection would bring it back.
   * @throws TOPIC_UNKNOWN, PRECONDITION_FAILED
   */
  async remove(routeName: string, topic: string, preconditions: Preconditions): Promise<void> {
    const { route, node } = await this.get(routeName, topic);
    checkPreconditions(preconditions, node);
    const denying =
      route.selection === undefined ? undefined : await this.#denials.denying(routeName, topic, 'removed');
    const version = preconditions.ifMatch === undefined ? -1 : node.version;
    const removal = countedRemoval(topicPath(routeName, topic), version);
    // The denial first: whoever hears of the removal has heard of it.
    const outcome = await this.#store.multi(denying === undefined ? removal : [denying, ...removal]);
    // Somebody else was quicker: it is gone, as wished.
    if (outcome.applied || outcome.code === 'NODE_MISSING') return;
    throw failed('it changed since it was read');
  }

  /** uReplicator’s removal of what is not mirrored: its automatic whitelisting is not to take it up. @throws ROUTE_UNKNOWN */
  async denyUnserved(routeName: string, topic: string): Promise<void> {
    const { route } = await this.#routes.get(routeName);
    if (route.selection === undefined || topicNameFault(topic) !== undefined) return;
    await this.#denials.deny(routeName, topic, 'removed');
  }

  /** The topic as the source shows it. @throws TOPIC_UNKNOWN_AT_SOURCE, CLUSTER_UNREACHABLE */
  source(route: Route, topic: string): Promise<TopicInfo> {
    return topicAtSource(this.#metadata, route, topic);
  }

  /** Partitions at the source of each mirrored topic; undefined: it has no such topic. @throws CLUSTER_UNREACHABLE */
  async partitionsAtSource(route: Route): Promise<ReadonlyMap<string, number | undefined>> {
    return await partitionsAtSource(this.#metadata, route, await this.names(route.name));
  }

  async #change(
    before: StoredTopic,
    { partitions, paused, limits, starts }: TopicWish,
    options: { readonly lenientPartitions?: boolean } = {},
  ): Promise<StoredTopic> {
    const { route, entry, node } = before;
    if (partitions !== entry.partitions)
      await this.#checkGrowth(before, partitions, options.lenientPartitions === true);
    try {
      const path = topicPath(route.name, entry.topic);
      const next = { ...entry, partitions, paused, limits, ...(starts === undefined ? {} : { starts }) };
      const version = await this.#store.set(path, encodeTopicEntry(next), node.version);
      return { route, entry: next, node: { ...node, version } };
    } catch (error) {
      if (isCausewayError(error, 'BAD_VERSION') || isCausewayError(error, 'NODE_MISSING')) {
        throw failed('it changed since it was read');
      }
      throw error;
    }
  }

  async #checkGrowth({ route, entry }: StoredTopic, partitions: number | 'all', lenient: boolean): Promise<void> {
    if (partitions === 'all') return;
    const info = await this.source(route, entry.topic);
    const current = entry.partitions === 'all' ? info.partitions : entry.partitions;
    if (partitions < current) {
      throw new CausewayError(
        'PARTITIONS_BELOW_CURRENT',
        `${partitions} partitions are fewer than the ${current} mirrored now`,
        {
          place: { route: route.name, topic: entry.topic },
          fix: 'Partition counts only grow; remove the topic to stop mirroring it.',
        },
      );
    }
    if (!lenient) checkPartitions(route, entry.topic, partitions, info);
  }

  async #create(entry: TopicEntry, routeVersion: number): Promise<void> {
    try {
      await this.#store.create(topicsPath(entry.route), Buffer.alloc(0));
    } catch (error) {
      if (!isCausewayError(error, 'NODE_EXISTS')) throw error;
    }
    // With the route as it was checked: a route that is removed or changed meanwhile takes no topic.
    const allowing = await this.#denials.allowing(entry.route, entry.topic);
    const outcome = await this.#store.multi([
      { type: 'check', path: routePath(entry.route), version: routeVersion },
      { type: 'create', path: topicPath(entry.route, entry.topic), data: encodeTopicEntry(entry) },
      ...allowing,
    ]);
    if (outcome.applied) return;
    if (outcome.index === 1 && outcome.code === 'NODE_EXISTS') {
      throw new CausewayError('TOPIC_EXISTS', 'the route mirrors this topic already', {
        place: { route: entry.route, topic: entry.topic },
      });
    }
    throw failed('its route changed meanwhile');
  }

  async #read(route: Route, topic: string): Promise<StoredTopic | undefined> {
    if (topicNameFault(topic) !== undefined) return undefined;
    const path = topicPath(route.name, topic);
    const node = await this.#store.get(path);
    return node === undefined ? undefined : { entry: decodeTopicEntry(node.data, path), route, node };
  }
}
