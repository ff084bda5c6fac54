import { MAX_MULTI_OPS, type StoreOp } from '../../common/coordination/ports.js';
import { encodeTopicProgress } from '../../common/coordination/records/desired.js';
import { progressPath, progressRoutePath } from '../../common/coordination/znodes.js';
import { isCausewayError } from '../../common/errors/error.js';
import { type TopicProgress, timelineOf } from '../../common/model/topic-progress.js';
import { withBreak } from '../core/continuity.js';
import type { Holder } from '../core/holders.js';
import type { FleetRecords } from './fleet-records.js';
import type { Reign } from './reign.js';

const BATCH = Math.floor(MAX_MULTI_OPS / 2);

/** Writes what must be remembered of topics: before they are assigned, and when their partitions have started. */
export class ProgressKeeper {
  readonly #reign: Reign;
  readonly #records: FleetRecords;
  /** Routes below which progress nodes can be made. */
  readonly #parents = new Set<string>();

  constructor(reign: Reign, records: FleetRecords) {
    this.#reign = reign;
    this.#records = records;
  }

  /** True when something was written: the world looks different now. */
  async write(progress: readonly TopicProgress[]): Promise<boolean> {
    for (const { route } of progress) await this.#makeParent(route);
    for (let from = 0; from < progress.length; from += BATCH) {
      const batch = progress.slice(from, from + BATCH);
      try {
        const versions = await this.#reign.write(batch.map((entry) => this.#op(entry)));
        batch.forEach((entry, i) => {
          this.#records.progress.wrote(`${entry.route}/${entry.topic}`, entry, versions[i] ?? 0);
        });
      } catch (error) {
        this.#records.progress.invalidate();
        // A parent that somebody removed.
        this.#parents.clear();
        throw error;
      }
    }
    return progress.length > 0;
  }

  /**
   * Progress nodes that the reports say more about than they hold.
   * @param targetTopicId of the target topic that a topic's partitions are copied into now, by `route/topic`
   */
  started(holders: Iterable<Holder>, targetTopicId: (key: string) => string | null): TopicProgress[] {
    const additions = new Map<string, Set<number>>();
    for (const { report } of holders) {
      for (const ref of report?.started ?? []) {
        const key = `${ref.route}/${ref.topic}`;
        const progress = this.#records.progress.entries.get(key)?.value;
        if (progress === undefined) continue;
        const known = additions.get(key) ?? new Set(progress.started);
        additions.set(key, known);
        if (known.has(ref.partition)) continue;
        // What began in another timeline says nothing about this one.
        if (ref.timeline === timelineOf(progress, ref.partition)) known.add(ref.partition);
      }
    }
    const { entries, vanished } = this.#records.progress;
    const updates: TopicProgress[] = [];
    for (const key of vanished) {
      const progress = entries.get(key)?.value;
      if (progress !== undefined && !additions.has(key)) updates.push(progress);
    }
    for (const [key, started] of additions) {
      const progress = entries.get(key)?.value as TopicProgress;
      if (started.size === progress.started.length && !vanished.has(key)) continue;
      const id = progress.targetTopicId ?? targetTopicId(key);
      const known = id === null ? {} : { targetTopicId: id };
      updates.push({ ...progress, ...known, started: [...started].sort((a, b) => a - b) });
    }
    return updates;
  }

  /** Progress nodes of partitions that cannot go on in their timeline, and whose workers ask for another. */
  broken(holders: Iterable<Holder>): TopicProgress[] {
    const updates = new Map<string, TopicProgress>();
    for (const { report } of holders) {
      for (const { route, topic, partition, timeline, cause, from } of report?.breaks ?? []) {
        const key = `${route}/${topic}`;
        const progress = updates.get(key) ?? this.#records.progress.entries.get(key)?.value;
        // Asked for again before the answer arrived.
        if (progress === undefined || timelineOf(progress, partition) !== timeline) continue;
        updates.set(key, withBreak(progress, { partition, cause, from }));
      }
    }
    return [...updates.values()];
  }

  #op(entry: TopicProgress): StoreOp {
    const key = `${entry.route}/${entry.topic}`;
    const { entries, vanished } = this.#records.progress;
    const version = vanished.has(key) ? undefined : entries.get(key)?.version;
    const path = progressPath(entry.route, entry.topic);
    const data = encodeTopicProgress(entry);
    return version === undefined ? { type: 'create', path, data } : { type: 'set', path, data, version };
  }

  async #makeParent(route: string): Promise<void> {
    if (this.#parents.has(route)) return;
    try {
      await this.#reign.write([{ type: 'create', path: progressRoutePath(route), data: Buffer.alloc(0) }]);
    } catch (error) {
      if (!isCausewayError(error, 'NODE_EXISTS')) throw error;
    }
    this.#parents.add(route);
  }
}
