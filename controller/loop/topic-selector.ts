import { type CoordinationStore, MAX_MULTI_OPS, type StoreOp } from '../../common/coordination/ports.js';
import { encodeTopicEntry } from '../../common/coordination/records/desired.js';
import { encodeSelectionProgress } from '../../common/coordination/records/selection.js';
import { denialRoutePath, routePath, selectionPath, topicPath, topicsPath } from '../../common/coordination/znodes.js';
import { isCausewayError } from '../../common/errors/error.js';
import type { Route, TopicEntry } from '../../common/model/route.js';
import { selectionText } from '../../common/model/selection.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import { byName, type ClusterIdentity } from '../core/cluster-identity.js';
import { type ListedTopic, SelectionWorld, type Standing } from '../core/selection.js';
import { compareText } from '../core/text-order.js';
import type { FleetRecords } from './fleet-records.js';
import type { Reign } from './reign.js';
import type { RuleBook } from './rule-book.js';

/** Topics taken up by one route at once: other work of the leader gets its turn in between. */
const MAX_ADDITIONS = 1_000;
/** The route's check, and the epoch's, go with the entries. */
const BATCH = MAX_MULTI_OPS - 2;
/** Topics of one pass that are logged by their names. */
const LOGGED_TOPICS = 20;

/** Which topics there are, as far as somebody wants to know. */
export interface Listings {
  /** Grows with each change of a list. */
  readonly listingRevision: number;
  /** From now on the topics of these clusters are listed. */
  list(clusters: ReadonlySet<string>): void;
  /** Undefined: not known yet. */
  listing(cluster: string): ReadonlyMap<string, ListedTopic> | undefined;
  /** Absent: every name is a cluster of its own. */
  readonly identity?: ClusterIdentity;
}

export interface TopicSelectorOptions {
  readonly reign: Reign;
  readonly store: Pick<CoordinationStore, 'sync' | 'children'>;
  readonly records: FleetRecords;
  readonly listings: Listings;
  readonly rules: RuleBook;
  /** Names of the configured clusters. */
  readonly clusters: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Takes up the topics that the routes' selections choose: writes an entry for each, as an operator would. Removes none. */
export class TopicSelector {
  readonly #options: TopicSelectorOptions;
  /** The world as it was when nothing was left to choose. */
  #settledAt: string | undefined;
  #standings: ReadonlyMap<string, Standing> = new Map();
  /** By route: what its source had when everything was last gone through. */
  readonly #known = new Map<string, ReadonlyMap<string, ListedTopic>>();

  constructor(options: TopicSelectorOptions) {
    this.#options = options;
  }

  /** Mirrored topics (`route/topic`) that the rules speak against. */
  get standings(): ReadonlyMap<string, Standing> {
    return this.#standings;
  }

  /** True when something was written: the world looks different now. */
  async advance(): Promise<boolean> {
    const { records, listings } = this.#options;
    const routes = this.#routes();
    listings.list(new Set(routes.flatMap((route) => clustersOf(route))));
    const names = new Set(routes.map(({ name }) => name));
    for (const name of this.#known.keys()) if (!names.has(name)) this.#known.delete(name);
    const { topics, denials, selections } = records;
    const areas = [records.routes, topics, denials, selections].map(({ revision }) => revision);
    const { identity = byName } = listings;
    const identities = this.#options.clusters.map(identity);
    const at = [...areas, listings.listingRevision, ...identities].join('|');
    if (at === this.#settledAt) return false;
    const world = this.#world();
    this.#standings = this.#judgeStandings(world);
    for (const route of routes) if (await this.#choose(route, world)) return true;
    this.#settledAt = at;
    return false;
  }

  /** Those that select, in the order of their names. */
  #routes(): Route[] {
    const routes = [...this.#options.records.routes.entries.values()].map(({ value }) => value);
    return routes.filter(({ selection }) => selection !== undefined).sort((a, b) => compareText(a.name, b.name));
  }

  #world(): SelectionWorld {
    const { records, clusters } = this.#options;
    const { routes, topics, denials } = records;
    return new SelectionWorld({
      routes: new Map([...routes.entries].map(([name, { value }]) => [name, value])),
      entries: [...topics.entries.values()].map(({ value }) => value),
      denials: new Set(denials.entries.keys()),
      clusters,
      identity: this.#options.listings.identity ?? byName,
    });
  }

  #judgeStandings(world: SelectionWorld): Map<string, Standing> {
    const { records, rules } = this.#options;
    const standings = new Map<string, Standing>();
    for (const [key, { value }] of records.topics.entries) {
      const route = records.routes.entries.get(value.route)?.value;
      if (route === undefined) continue;
      const standing = world.standing(route, value, rules.rulesOf(route.selection));
      if (standing !== undefined) standings.set(key, standing);
    }
    return standings;
  }

  async #choose(route: Route, world: SelectionWorld): Promise<boolean> {
    const { records, listings, rules } = this.#options;
    const { selection } = route;
    const listing = listings.listing(route.source);
    const targets = listings.listing(route.target);
    if (selection === undefined || listing === undefined) return false;
    if (selection.targetMustExist && targets === undefined) return false;
    const compiled = rules.rulesOf(selection);
    const chosen: string[] = [];
    for (const topic of [...listing.keys()].sort(compareText)) {
      const internal = listing.get(topic)?.internal === true;
      const key = `${route.name}/${topic}`;
      if (
        records.topics.entries.has(key) ||
        records.topics.unreadable.has(key) ||
        records.denials.unreadable.has(key)
      ) {
        continue;
      }
      const hasTarget = (name: string): boolean => targets?.has(name) === true;
      const verdict = world.judge(route, { topic, internal, rules: compiled, hasTarget });
      if (verdict.kind !== 'selected') continue;
      chosen.push(topic);
      // What comes after it may not have the same target topic.
      world.take(route, topic);
    }
    const made = records.routes.entries.get(route.name)?.createdAt ?? 0n;
    const applied = `${made}/${selectionText(selection)}`;
    if (chosen.length > 0) {
      if (await this.#areDenied(route, chosen)) return true;
      return await this.#add(route, chosen.sort(compareText), applied);
    }
    this.#known.set(route.name, listing);
    return await this.#remember(route, applied);
  }

  /** Of a denial that was just written, the hint may come after the list that shows its topic. */
  async #areDenied(route: Route, topics: readonly string[]): Promise<boolean> {
    const { store, records } = this.#options;
    await store.sync();
    const denied = new Set(await store.children(denialRoutePath(route.name)));
    if (!topics.some((topic) => denied.has(topic))) return false;
    records.denials.invalidate();
    return true;
  }

  async #add(route: Route, chosen: readonly string[], applied: string): Promise<boolean> {
    const { records, clock } = this.#options;
    const known = this.#known.get(route.name);
    const stood = records.selections.entries.get(route.name)?.value.applied === applied;
    const addedAt = new Date(clock.wallMs()).toISOString();
    const entries = chosen.slice(0, MAX_ADDITIONS).map((topic): TopicEntry => {
      // What was there before the selection stood, or was kept from it, begins where the route says.
      const origin = stood && known?.has(topic) !== true ? 'appeared' : 'selected';
      return { route: route.name, topic, partitions: 'all', paused: false, skips: [], limits: {}, addedAt, origin };
    });
    // A read that brings them, and the order in which they were made.
    records.topics.invalidate(new Set(entries.map(({ topic }) => topicPath(route.name, topic))));
    await this.#makeParent(route.name);
    for (let from = 0; from < entries.length; from += BATCH) await this.#write(entries.slice(from, from + BATCH));
    this.#say(route, entries);
    return true;
  }

  /** With the route as it was read: a route that is removed or changed meanwhile takes no topic. */
  async #write(entries: readonly TopicEntry[]): Promise<void> {
    const { reign, records } = this.#options;
    const route = entries[0]?.route ?? '';
    const version = records.routes.entries.get(route)?.version ?? -1;
    await reign.write([
      { type: 'check', path: routePath(route), version },
      ...entries.map(
        (entry): StoreOp => ({ type: 'create', path: topicPath(route, entry.topic), data: encodeTopicEntry(entry) }),
      ),
    ]);
  }

  async #remember(route: Route, applied: string): Promise<boolean> {
    const { reign, records } = this.#options;
    const before = records.selections.entries.get(route.name);
    if (before?.value.applied === applied || records.selections.unreadable.has(route.name)) return false;
    const path = selectionPath(route.name);
    const data = encodeSelectionProgress({ route: route.name, applied });
    records.selections.invalidate(new Set([path]));
    const { version } = before ?? {};
    await reign.write([version === undefined ? { type: 'create', path, data } : { type: 'set', path, data, version }]);
    return true;
  }

  async #makeParent(route: string): Promise<void> {
    try {
      await this.#options.reign.write([{ type: 'create', path: topicsPath(route), data: Buffer.alloc(0) }]);
    } catch (error) {
      if (!isCausewayError(error, 'NODE_EXISTS')) throw error;
    }
  }

  #say(route: Route, entries: readonly TopicEntry[]): void {
    const { logger, metrics } = this.#options;
    metrics.inc('causeway_topics_selected_total', entries.length, { route: route.name });
    for (const { topic, origin } of entries.slice(0, LOGGED_TOPICS)) {
      logger.info('topic.selected', { route: route.name, topic, appeared: origin === 'appeared' });
    }
    if (entries.length > LOGGED_TOPICS) {
      logger.info('topic.selected-more', { route: route.name, topics: entries.length });
    }
  }
}

/** The clusters whose topics decide about a selection. */
function clustersOf({ source, target, selection }: Route): string[] {
  return selection?.targetMustExist === true ? [source, target] : [source];
}
