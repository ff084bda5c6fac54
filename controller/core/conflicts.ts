import { asideTopics, mergesPartitions } from '../../common/model/record-rules.js';
import { type Route, type TopicEntry, targetTopicOf } from '../../common/model/route.js';
import { byName, type ClusterIdentity } from './cluster-identity.js';
import { compareText } from './text-order.js';

/** A topic entry with the route it is on, and the order in which entries were made. */
export interface PlacedEntry {
  readonly route: Route;
  readonly entry: TopicEntry;
  /** Earlier entries win conflicts. */
  readonly order: bigint;
}

/** Why an entry must not be mirrored beside another one. */
export interface Conflict {
  readonly kind: 'same-target' | 'alike-target' | 'loop';
  readonly with: { readonly route: string; readonly topic: string };
  readonly message: string;
}

const node = (cluster: string, topic: string): string => `${cluster}\u0000${topic}`;

/**
 * Entries that must stay unassigned, keyed `route/topic`: a target partition has one source partition over all routes, but for transactional
 * ones (exactly-once.md section 1), no cluster takes two names that its metrics could not tell apart, and a record must not travel in circles.
 * The earliest entry keeps its place.
 */
export function findConflicts(
  entries: readonly PlacedEntry[],
  identity: ClusterIdentity = byName,
): Map<string, Conflict> {
  const conflicts = new Map<string, Conflict>();
  /** Accepted edges by target, by their targets' names as metrics have them, and by source: (cluster, topic) -> entry. */
  const byTarget = new Map<string, PlacedEntry>();
  const byMetricName = new Map<string, PlacedEntry>();
  const bySource = new Map<string, Edge[]>();
  /** Where accepted entries' routes send records aside, by rules or as dead letters. */
  const diverted = new Map<string, PlacedEntry>();
  for (const placed of inOrder(entries)) {
    const { route, entry } = placed;
    const targetTopic = targetTopicOf(route, entry.topic);
    const target = identity(route.target);
    const from = node(identity(route.source), entry.topic);
    const to = node(target, targetTopic);
    const alike = node(target, metricName(targetTopic));
    const sides = asideTopics(route).map((topic) => node(target, topic));
    const conflict =
      clash(placed, byTarget.get(to)) ??
      crossing(diverted.get(to)) ??
      sides.map((side) => crossing(byTarget.get(side))).find((found) => found !== undefined) ??
      collision(targetTopic, byMetricName.get(alike)) ??
      (from === to ? intoItself(placed) : undefined) ??
      [to, ...sides].map((end) => loop(bySource, placed, from, end)).find((found) => found !== undefined);
    if (conflict !== undefined) {
      conflicts.set(`${route.name}/${entry.topic}`, conflict);
      continue;
    }
    byTarget.set(to, placed);
    byMetricName.set(alike, placed);
    for (const side of sides) diverted.set(side, placed);
    const edges = [to, ...sides].map((end) => ({ placed, to: end }));
    bySource.set(from, [...(bySource.get(from) ?? []), ...edges]);
  }
  return conflicts;
}

/** Records of a topic reach another one, mirrored or sent aside. */
interface Edge {
  readonly placed: PlacedEntry;
  readonly to: string;
}

/** A lane’s sequence numbers in a partition are one series: what is sent aside there cannot be told from what is mirrored there. */
function crossing(other: PlacedEntry | undefined): Conflict | undefined {
  if (other === undefined) return undefined;
  const { route, entry } = other;
  const message = `neither rules nor dead letters may go into a topic that is mirrored into, or the other way round; that is what topic ${entry.topic} on route ${route.name} does`;
  return { kind: 'same-target', with: { route: route.name, topic: entry.topic }, message };
}

/**
 * The one circle that is none: two topics of one name mirrored into each other, by routes that drop what has been at the target before. Over
 * more clusters records could arrive by two ways.
 */
export function isGuardedPair(
  there: { readonly route: Route; readonly topic: string },
  back: { readonly route: Route; readonly topic: string },
): boolean {
  const isGuarded = ({ route, topic }: typeof there): boolean =>
    route.provenance === true && route.targetTopics.shared === true && targetTopicOf(route, topic) === topic;
  return isGuarded(there) && isGuarded(back) && there.topic === back.topic;
}

/** Brokers refuse a topic whose name differs from another's only there (org.apache.kafka.common.internals.Topic.hasCollision). */
export function metricName(topic: string): string {
  return topic.replaceAll('.', '_');
}

function inOrder(entries: readonly PlacedEntry[]): readonly PlacedEntry[] {
  return [...entries].sort(
    (a, b) =>
      Number(a.order > b.order) - Number(a.order < b.order) ||
      compareText(a.route.name, b.route.name) ||
      compareText(a.entry.topic, b.entry.topic),
  );
}

/** In transactions, records of several sources may meet; every one of them has to be. */
function clash(placed: PlacedEntry, other: PlacedEntry | undefined): Conflict | undefined {
  if (other === undefined) return undefined;
  const { route, entry } = other;
  const isOneRoute = route.name === placed.route.name && !mergesPartitions(route.partitionMapping);
  if (!isOneRoute && route.delivery === 'transactional' && placed.route.delivery === 'transactional') return undefined;
  const target = `topic ${targetTopicOf(route, entry.topic)} of cluster ${route.target}`;
  const who = isOneRoute
    ? 'one route cannot mirror two topics into one'
    : 'only routes with delivery transactional may share a target topic';
  return {
    kind: 'same-target',
    with: { route: route.name, topic: entry.topic },
    message: `${target} is already the target of topic ${entry.topic} on route ${route.name}; ${who}`,
  };
}

function collision(targetTopic: string, other: PlacedEntry | undefined): Conflict | undefined {
  if (other === undefined) return undefined;
  const { route, entry } = other;
  const taken = targetTopicOf(route, entry.topic);
  if (taken === targetTopic) return undefined;
  return {
    kind: 'alike-target',
    with: { route: route.name, topic: entry.topic },
    message: `its target topic ${targetTopic} and ${taken}, the target of topic ${entry.topic} on route ${route.name}, differ only in "." and "_": Kafka does not take both`,
  };
}

function intoItself({ route, entry }: PlacedEntry): Conflict {
  return {
    kind: 'loop',
    with: { route: route.name, topic: entry.topic },
    message: `clusters ${route.source} and ${route.target} are one cluster: the topic would be written into itself`,
  };
}

/** Follows the accepted edges from `to`; reaching `from` would close a circle. */
function loop(
  bySource: ReadonlyMap<string, readonly Edge[]>,
  placed: PlacedEntry,
  from: string,
  to: string,
): Conflict | undefined {
  const seen = new Set<string>();
  const pending = [to];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    for (const edge of bySource.get(at) ?? []) {
      const { route, entry } = edge.placed;
      if (edge.to !== from) {
        pending.push(edge.to);
        continue;
      }
      const isDirect = at === to && to.endsWith(`\u0000${targetTopicOf(placed.route, placed.entry.topic)}`);
      const there = { route: placed.route, topic: placed.entry.topic };
      if (isDirect && isGuardedPair(there, { route, topic: entry.topic })) continue;
      const message = `its records would come back through topic ${entry.topic} on route ${route.name} and travel in circles`;
      return { kind: 'loop', with: { route: route.name, topic: entry.topic }, message };
    }
  }
  return undefined;
}
