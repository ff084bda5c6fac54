import type { DenialView, SelectionView } from '../../common/api/selection-shapes.js';
import { selectionFrom } from '../../common/config/route.js';
import type { CoordinationStore } from '../../common/coordination/ports.js';
import { CausewayError } from '../../common/errors/error.js';
import type { Route } from '../../common/model/route.js';
import type { Denial, TopicSelection } from '../../common/model/selection.js';
import { topicNameFault } from '../../common/model/topic-partition.js';
import { type Logger, silentLogger } from '../../common/observability/logger.js';
import { mapLimited } from '../../common/runtime/map-limited.js';
import type { ClusterIdentity } from '../core/cluster-identity.js';
import { type ListedTopic, SelectionWorld } from '../core/selection.js';
import { compareText } from '../core/text-order.js';
import { FleetRecords } from '../loop/fleet-records.js';
import type { RuleBook } from '../loop/rule-book.js';
import type { ClusterIdentities } from '../metadata/cluster-identities.js';
import type { SourceMetadata } from '../metadata/ports.js';
import type { DenialStore } from './denial-store.js';
import type { RouteService } from './route-service.js';

/** Names in one list of an answer. */
const MAX_LISTED = 1_000;
const READ_CONCURRENCY = 32;

export interface SelectionServiceDeps {
  readonly store: CoordinationStore;
  readonly routes: RouteService;
  readonly denials: DenialStore;
  readonly metadata: SourceMetadata;
  readonly rules: RuleBook;
  readonly clusters: readonly string[];
  readonly identities: ClusterIdentities;
  readonly logger: Logger;
}

/** Shows what a selection makes of the source's topics, the route's own or one to try; keeps the list of denied topics. */
export class SelectionService {
  readonly #deps: SelectionServiceDeps;

  constructor(deps: SelectionServiceDeps) {
    this.#deps = deps;
  }

  /**
   * What the leader would do, from the topics and entries as they are now. Nothing is done.
   * @param tried instead of the route's own
   * @throws ROUTE_UNKNOWN, CLUSTER_UNREACHABLE
   */
  async preview(routeName: string, tried?: TopicSelection): Promise<SelectionView> {
    const { route: stored } = await this.#deps.routes.get(routeName);
    const route: Route = tried === undefined ? stored : { ...stored, selection: selectionFrom(tried) };
    const listing = await this.#list(route.source);
    const targets = route.selection?.targetMustExist === true ? await this.#list(route.target) : undefined;
    const records = await this.#read();
    const identity = await this.#deps.identities.learn();
    return judgeAll(route, { listing, targets, records, deps: this.#deps, identity });
  }

  /** @throws ROUTE_UNKNOWN */
  async denied(route: string): Promise<readonly string[]> {
    await this.#deps.routes.get(route);
    return await this.#deps.denials.names(route);
  }

  async read(route: string, topics: readonly string[]): Promise<readonly DenialView[]> {
    const found = await mapLimited(topics, READ_CONCURRENCY, (topic) => this.#deps.denials.find(route, topic));
    return found.filter((denial) => denial !== undefined);
  }

  /** From now on the topic is never selected, and stops where it is mirrored. @throws ROUTE_UNKNOWN, TOPIC_NAME_ILLEGAL */
  async deny(route: string, topic: string, reason: string): Promise<Denial> {
    const { denials, logger } = this.#deps;
    await this.#check(route, topic);
    await denials.deny(route, topic, reason);
    logger.warn('audit.topic-denied', { route, topic, reason });
    return (await denials.find(route, topic)) ?? { route, topic, reason, at: '' };
  }

  /** @throws ROUTE_UNKNOWN, TOPIC_NAME_ILLEGAL */
  async allow(route: string, topic: string): Promise<void> {
    const { denials, logger } = this.#deps;
    await this.#check(route, topic);
    await denials.allow(route, topic);
    logger.warn('audit.topic-allowed', { route, topic });
  }

  async #check(route: string, topic: string): Promise<void> {
    await this.#deps.routes.get(route);
    const fault = topicNameFault(topic);
    if (fault === undefined) return;
    throw new CausewayError('TOPIC_NAME_ILLEGAL', `the topic name is illegal: ${fault}`, {
      place: { route, topic: topic.slice(0, 249) },
    });
  }

  async #list(cluster: string): Promise<ReadonlyMap<string, ListedTopic>> {
    return (await this.#deps.metadata.list?.(cluster)) ?? new Map();
  }

  async #read(): Promise<FleetRecords> {
    const records = new FleetRecords(this.#deps.store, silentLogger);
    for (const area of ['routes', 'topics', 'denials'] as const) await records[area].refresh();
    return records;
  }
}

interface Material {
  readonly listing: ReadonlyMap<string, ListedTopic>;
  readonly targets: ReadonlyMap<string, ListedTopic> | undefined;
  readonly records: FleetRecords;
  readonly deps: Pick<SelectionServiceDeps, 'rules' | 'clusters'>;
  readonly identity: ClusterIdentity;
}

function judgeAll(route: Route, { listing, targets, records, deps, identity }: Material): SelectionView {
  const entries = [...records.topics.entries.values()].map(({ value }) => value);
  const world = new SelectionWorld({
    routes: new Map([...records.routes.entries].map(([name, { value }]) => [name, value])),
    entries,
    denials: new Set([...records.denials.entries.keys(), ...records.denials.unreadable.keys()]),
    clusters: deps.clusters,
    identity,
  });
  const rules = deps.rules.rulesOf(route.selection);
  const selected: string[] = [];
  const left: SelectionView['left'] = [];
  let notIncluded = 0;
  let mirrored = 0;
  for (const topic of [...listing.keys()].sort(compareText)) {
    const key = `${route.name}/${topic}`;
    if (records.topics.entries.has(key) || records.topics.unreadable.has(key)) {
      mirrored++;
      continue;
    }
    const internal = listing.get(topic)?.internal === true;
    const hasTarget = (name: string): boolean => targets?.has(name) === true;
    const verdict = world.judge(route, { topic, internal, rules, hasTarget });
    if (verdict.kind === 'selected') {
      selected.push(topic);
      world.take(route, topic);
    } else if (verdict.kind === 'not-included') notIncluded++;
    else left.push({ topic, why: verdict.kind, by: 'by' in verdict ? verdict.by : null });
  }
  const unmatched = entries.flatMap((entry) => {
    const standing = entry.route === route.name ? world.standing(route, entry, rules) : undefined;
    return standing === undefined ? [] : [{ topic: entry.topic, stops: standing.stops, message: standing.message }];
  });
  return {
    route: route.name,
    selection: route.selection === undefined ? null : selectionSettingsOf(route.selection),
    atSource: listing.size,
    mirrored,
    notIncluded,
    selected: selected.slice(0, MAX_LISTED),
    left: left.slice(0, MAX_LISTED),
    unmatched: unmatched.slice(0, MAX_LISTED),
    truncated: [selected, left, unmatched].some((list) => list.length > MAX_LISTED),
    counts: { selected: selected.length, left: left.length, unmatched: unmatched.length },
  };
}

/** As the schema has it: lists that may be changed. */
export function selectionSettingsOf({
  include,
  exclude,
  ...rest
}: TopicSelection): NonNullable<SelectionView['selection']> {
  return { include: [...include], exclude: [...exclude], ...rest };
}
