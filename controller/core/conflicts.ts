import { type Route, type TopicEntry, targetTopicOf } from '../../common/model/route.js';
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
  readonly kind: 'same-target' | 'loop';
  readonly with: { readonly route: string; readonly topic: string };
  readonly message: string;
}

const node = (cluster: string, topic: string): string => `${cluster}\u0000${topic}`;

/**
 * Entries that must stay unassigned, keyed `route/topic`: a target partition has one source partition over all routes, but for transactional
 * ones (exactly-once.md section 1), and a record must not travel in circles. The earliest entry keeps its place.
 */
export function findConflicts(entries: readonly PlacedEntry[]): Map<string, Conflict> {
  const conflicts = new Map<string, Conflict>();
  /** Accepted edges by target and by source: (cluster, topic) -> entry. */
  const byTarget = new Map<string, PlacedEntry>();
  const bySource = new Map<string, PlacedEntry[]>();
  for (const placed of inOrder(entries)) {
    const { route, entry } = placed;
    const from = node(route.source, entry.topic);
    const to = node(route.target, targetTopicOf(route, entry.topic));
    const conflict = clash(placed, byTarget.get(to)) ?? loop(bySource, from, to);
    if (conflict !== undefined) {
      conflicts.set(`${route.name}/${entry.topic}`, conflict);
      continue;
    }
    byTarget.set(to, placed);
    const list = bySource.get(from);
    if (list === undefined) bySource.set(from, [placed]);
    else list.push(placed);
  }
  return conflicts;
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
  if (route.delivery === 'transactional' && placed.route.delivery === 'transactional') return undefined;
  const target = `topic ${targetTopicOf(route, entry.topic)} of cluster ${route.target}`;
  return {
    kind: 'same-target',
    with: { route: route.name, topic: entry.topic },
    message: `${target} is already the target of topic ${entry.topic} on route ${route.name}; only routes with delivery transactional may share a target topic`,
  };
}

/** Follows the accepted edges from `to`; reaching `from` would close a circle. */
function loop(bySource: ReadonlyMap<string, PlacedEntry[]>, from: string, to: string): Conflict | undefined {
  const seen = new Set<string>();
  const pending = [to];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    for (const { route, entry } of bySource.get(at) ?? []) {
      const next = node(route.target, targetTopicOf(route, entry.topic));
      if (next === from) {
        const message = `its records would come back through topic ${entry.topic} on route ${route.name} and travel in circles`;
        return { kind: 'loop', with: { route: route.name, topic: entry.topic }, message };
      }
      pending.push(next);
    }
  }
  return undefined;
}
