import { isCausewayError, messageOf } from '../../common/errors/error.js';
import { partitionMap } from '../../common/kafka/offset-maps/joined-runs.js';
import { MapTail } from '../../common/kafka/offset-maps/map-tail.js';
import { REASON_DROPPED } from '../../common/kafka/offset-maps/partition-runs.js';
import type { LostStretch } from '../../common/model/offset-map.js';
import { mapPartition } from '../../common/model/offset-map-record.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock, Timer } from '../../common/runtime/clock.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';
import type { SourceSide } from '../thread/source-side.js';
import type { TargetSide } from '../thread/target-side.js';
import { rebuildStretch, type StretchDeps } from './rebuild-stretch.js';

/** Orders are looked for this often. */
const LOOK_MS = 1_000;
/** A partition whose logs cannot be read for now is tried again this often before its order counts as done. */
const MAX_ATTEMPTS = 5;

export interface MapRebuilderDeps extends Omit<StretchDeps, 'source' | 'target'> {
  readonly held: () => readonly MirroredPartition[];
  readonly sides: (partition: MirroredPartition) => { readonly source: SourceSide; readonly target: TargetSide };
  readonly mayWrite: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Progress {
  readonly at: string;
  attempts: number;
  isDone: boolean;
}

/**
 * Carries out orders to rebuild offset maps, one partition at a time beside the copying: what no record of the map topic tells is found by
 * walking both logs (exactly-once.md 8.2). What was found is written piece by piece; begun anew, it goes on where it was.
 */
export class MapRebuilder {
  readonly #deps: MapRebuilderDeps;
  readonly #progress = new Map<string, Progress>();
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(deps: MapRebuilderDeps) {
    this.#deps = deps;
    this.#schedule();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#running;
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = this.#deps.clock.after(LOOK_MS, () => {
      this.#running = this.#next()
        .catch((err: unknown) => {
          if (!this.#deps.signal.aborted) this.#deps.logger.error('offset-map.rebuild-failed', { err });
        })
        .finally(() => this.#schedule());
    });
  }

  async #next(): Promise<void> {
    const { held, mayWrite, signal } = this.#deps;
    const partitions = held();
    const keys = new Set(partitions.map(({ key }) => key));
    for (const key of this.#progress.keys()) if (!keys.has(key)) this.#progress.delete(key);
    for (const partition of partitions) {
      if (signal.aborted || !mayWrite()) return;
      const at = partition.item.mapRebuildAt;
      if (at === undefined || !partition.started || partition.lastPair === undefined) continue;
      let progress = this.#progress.get(partition.key);
      if (progress?.at !== at) {
        progress = { at, attempts: 0, isDone: false };
        this.#progress.set(partition.key, progress);
      }
      if (progress.isDone) continue;
      const result = await this.#rebuild(partition);
      progress.attempts = result === 'progress' ? 0 : progress.attempts + 1;
      progress.isDone = result === 'done' || progress.attempts >= MAX_ATTEMPTS;
    }
  }

  /** @returns `progress`: there is more to find · `failed`: not at the moment */
  async #rebuild(partition: MirroredPartition): Promise<'done' | 'progress' | 'failed'> {
    const { sides, logger } = this.#deps;
    const { route, topic, partition: number } = partition.item;
    const place = { route, topic, partition: number };
    try {
      const { source, target } = sides(partition);
      const lost = await this.#lostOf(partition);
      let runs = 0;
      let isOver = true;
      for (const stretch of lost) {
        const result = await rebuildStretch(partition, stretch, {
          ...this.#deps,
          source: source.client,
          target: target.client,
        });
        runs += result.runs;
        if (result.kind === 'wait') isOver = false;
        if (result.kind === 'rebuilt') continue;
        const range = { from: String(stretch.source.from), to: String(stretch.source.to) };
        logger.warn('offset-map.not-rebuilt', { ...place, ...range, outcome: result.kind, msg: result.message });
      }
      logger.info('offset-map.rebuilt', { ...place, stretches: lost.length, runs });
      if (isOver) return 'done';
      return runs > 0 ? 'progress' : 'failed';
    } catch (error) {
      if (!isCausewayError(error) || isCausewayError(error, 'SHUTTING_DOWN')) throw error;
      logger.warn('offset-map.not-rebuilt', { ...place, msg: messageOf(error) });
      return 'failed';
    }
  }

  /** What neither the map topic nor the partition's last pair tells. */
  async #lostOf(partition: MirroredPartition): Promise<readonly LostStretch[]> {
    const { sides, fleet, logger } = this.#deps;
    const { route, topic, targetTopic, partition: number, timeline } = partition.item;
    const { client } = sides(partition).target;
    const tail = new MapTail({ client, fleet, logger, only: mapPartition(targetTopic, number) });
    // The pair first: what it does not name is in the map topic.
    const pair = partition.transactional ? partition.checkpoint() : partition.lastPair;
    await tail.refresh(0);
    const written = tail.index.of({ route, topic, partition: number, timeline });
    const isOther = written !== undefined && written.targetTopicId !== partition.targetTopicId;
    const lost = partitionMap(timeline, isOther ? undefined : written, pair)?.lost ?? [];
    // What does not fit into memory is there.
    return lost.filter(({ reason }) => reason !== REASON_DROPPED);
  }
}
