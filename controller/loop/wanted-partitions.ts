import { isRetired, type Route, type TopicEntry } from '../../common/model/route.js';
import type { TopicFacts } from '../core/topic-facts.js';
import type { FleetRecords } from './fleet-records.js';

export type WantedRecords = Pick<FleetRecords, 'routes' | 'topics' | 'progress' | 'exclusions' | 'assignments'>;

export interface WantedFacts {
  readonly revision: string;
  facts(route: Route, topic: string, targetTopic: string): TopicFacts;
}

/** Partitions by `route/topic`; undefined: nobody can say how many there are. */
export type WantedPartitions = ReadonlyMap<string, ReadonlySet<number> | undefined>;

/**
 * All partitions that should be copied, whether anybody has them or not: those that ever began, those in any worker's node, and those that the
 * source shows. A leader that has just begun knows the first two from the store, though the source and a worker are gone.
 */
export class WantedBook {
  readonly #records: WantedRecords;
  readonly #facts: WantedFacts;
  #at = '';
  #wanted: WantedPartitions = new Map();

  constructor(records: WantedRecords, facts: WantedFacts) {
    this.#records = records;
    this.#facts = facts;
  }

  read(): WantedPartitions {
    const { routes, topics, progress, exclusions, assignments } = this.#records;
    const areas = [routes, topics, progress, exclusions, assignments];
    const at = `${areas.map(({ revision }) => revision).join('.')}|${this.#facts.revision}`;
    if (at === this.#at) return this.#wanted;
    const assigned = this.#assigned();
    this.#wanted = new Map(
      [...topics.entries.values()].flatMap(({ value: entry }): [string, ReadonlySet<number> | undefined][] => {
        const key = `${entry.route}/${entry.topic}`;
        return isRetired(entry) ? [] : [[key, this.#of(key, entry, assigned.get(key) ?? [])]];
      }),
    );
    this.#at = at;
    return this.#wanted;
  }

  #of(key: string, entry: TopicEntry, assigned: readonly number[]): ReadonlySet<number> | undefined {
    const { routes, progress, exclusions } = this.#records;
    const route = routes.entries.get(entry.route)?.value;
    const begun = progress.entries.get(key)?.value;
    if (route === undefined || begun === undefined || progress.unreadable.has(key)) return undefined;
    const { source } = this.#facts.facts(route, entry.topic, begun.targetTopic);
    const count = Math.max(begun.initialPartitions, source.state === 'present' ? source.partitions : 0);
    const known = [...Array.from({ length: count }, (_, partition) => partition), ...begun.started, ...assigned];
    const limit = entry.partitions === 'all' ? Number.POSITIVE_INFINITY : entry.partitions;
    const excluded = new Set(exclusions.entries.get(key)?.value.partitions);
    const wanted = new Set(known.filter((partition) => partition < limit && !excluded.has(partition)));
    // A topic that nobody knows a partition of has one at least, unless all are left out.
    return wanted.size === 0 && excluded.size === 0 ? undefined : wanted;
  }

  #assigned(): ReadonlyMap<string, readonly number[]> {
    const assigned = new Map<string, number[]>();
    for (const { value } of this.#records.assignments.entries.values()) {
      for (const { route, topic, partition } of value.assignment.items) {
        const key = `${route}/${topic}`;
        const list = assigned.get(key);
        if (list === undefined) assigned.set(key, [partition]);
        else list.push(partition);
      }
    }
    return assigned;
  }
}
