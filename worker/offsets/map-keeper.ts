import { CausewayError, isCausewayError, messageOf } from '../../common/errors/error.js';
import { type Checkpoint, carriesHistory } from '../../common/model/checkpoint.js';
import { offsetMapTopic } from '../../common/model/offset-map.js';
import { linkBehind, mapPartition } from '../../common/model/offset-map-record.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import { withDeadline } from '../../common/runtime/deadline.js';
import type { Lane } from '../lane/lane.js';
import type { MirroredPartition, Reason } from '../partition/mirrored-partition.js';
import type { SideWriter } from '../produce/side-writer.js';
import { editionsOf, gatherBatches, type MapBatch, type MapEdition } from './map-batches.js';

/** How long a checkpoint waits for its runs to be written; then they stay in memory, and what an early death would cost is a stretch of the map. */
const MAX_HELD_MS = 600_000;
/** How long a save is waited for. */
const MAX_SAVE_MS = 30_000;
/** Closed runs that are kept of a partition where there is no topic for them (32 KB): one may be on its way. */
const MAX_UNWRITABLE_RUNS = 1_024;
/** How often a run that is open is written, while it grows. */
const OPEN_RUN_MS = 600_000;

export interface MapKeeperDeps {
  readonly fleet: string;
  readonly cluster: string;
  readonly writer: Pick<SideWriter, 'write' | 'partitions'>;
  /** Runs that were written, or could not be. */
  readonly kept: (outcome: 'ok' | 'failed', runs: number) => void;
  /** The transaction of this partition lost count at the map topic: it cannot be committed. */
  readonly broken: (partition: MirroredPartition, reason: Reason) => void;
  /** The lane, which is not transactional, lost count at the map topic: what rides it needs another. */
  readonly retire: (lane: Lane) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface SeenRun {
  readonly target: number;
  readonly length: number;
  readonly life: number;
  /** Monotonic ms. */
  readonly atMs: number;
}

/**
 * Writes the closed runs of partitions into the target's map topic, under each one's lane and before the checkpoint that does not name them any
 * more (exactly-once.md 8.1). A partition without holes never comes here: its one run is in its checkpoint.
 */
export class MapKeeper {
  readonly #deps: MapKeeperDeps;
  readonly #busy = new Set<MirroredPartition>();
  /** Since when the runs of these cannot be written, monotonic ms. */
  readonly #heldSince = new WeakMap<MirroredPartition, number>();
  /** How far their open runs were when they were seen first, or written last. */
  readonly #seen = new WeakMap<MirroredPartition, SeenRun>();
  /** Parts of the map topic where lanes lost count: none of their runs is taken there any more. */
  readonly #lostCount = new WeakMap<Lane, Set<number>>();
  #isFailing = false;

  constructor(deps: MapKeeperDeps) {
    this.#deps = deps;
  }

  /**
   * What can be committed of the partition now: its pair with the closed runs in it, or where they do not fit an earlier one whose runs are
   * all written. Undefined: nothing before `save`.
   */
  committable(partition: MirroredPartition): Checkpoint | undefined {
    const now = partition.checkpoint();
    if (now === undefined || carriesHistory(now)) return now;
    if (!this.isKeeping) partition.runs.shed(MAX_UNWRITABLE_RUNS);
    if (!this.isKeeping || this.#isOverdue(partition)) return this.withoutRuns(partition);
    const { mapped } = partition;
    return mapped !== undefined && Number(mapped.sourceOffset) > partition.committedSource ? mapped : undefined;
  }

  /** Its pair as it stands, and nothing of its closed runs, which stay in memory: a death before they are written costs that stretch. */
  withoutRuns(partition: MirroredPartition): Checkpoint | undefined {
    const now = partition.checkpoint();
    if (now?.history === undefined) return now;
    return { ...now, history: { link: partition.runs.linkBefore, entries: [] } };
  }

  /** Its pair with the closed runs, or without where they do not fit: of a partition whose position does not wait. */
  carriedOrNone(partition: MirroredPartition): Checkpoint | undefined {
    const now = partition.checkpoint();
    return now === undefined || carriesHistory(now) ? now : this.withoutRuns(partition);
  }

  /** Has more closed runs than its checkpoint holds, and a lane that can write them. */
  mustSave(partition: MirroredPartition): boolean {
    if (partition.runs.size === 0 || this.#hasLostCount(partition)) return false;
    const now = partition.checkpoint();
    return now !== undefined && !carriesHistory(now);
  }

  /**
   * Writes the closed runs of these, several partitions' in one batch. Never throws for a fault of the target.
   * @param open the open run as well, which has grown
   * @returns those that are written, with the pair they were written for
   */
  async save(partitions: readonly MirroredPartition[], open = false): Promise<ReadonlySet<MirroredPartition>> {
    const saved = new Set<MirroredPartition>();
    if (!this.isReady) return saved;
    const waiting = partitions.filter((partition) => {
      const canWrite = partition.lane !== undefined && !this.#hasLostCount(partition);
      return canWrite && !this.#busy.has(partition) && !partition.suspect;
    });
    const lives = new Map(waiting.map((partition) => [partition, partition.runs.life]));
    const pairs = new Map(waiting.map((partition) => [partition, this.withoutRuns(partition)]));
    for (const partition of waiting) this.#busy.add(partition);
    const ended = (partition: MirroredPartition, isWritten: boolean): void => {
      this.#busy.delete(partition);
      if (!isWritten) return;
      this.#heldSince.delete(partition);
      if (partition.runs.life !== lives.get(partition)) return;
      partition.mapped = pairs.get(partition);
      saved.add(partition);
    };
    const byPartition = new Map(waiting.map((partition) => [partition, editionsOf(partition, open)]));
    for (const [partition, editions] of byPartition) if (editions.length === 0) ended(partition, true);
    const series = gatherBatches([...byPartition.values()].flat(), this.#deps.clock.wallMs());
    const writing = Promise.all(series.map((batches) => this.#writeSeries(batches, ended)));
    // What takes longer goes on by itself, and holds back nobody but its own partitions.
    await withDeadline(this.#deps.clock, MAX_SAVE_MS, writing, () => undefined);
    return saved;
  }

  /** All that is written into one partition of the map topic under one lane; every partition of the route is in one series. */
  async #writeSeries(
    batches: readonly MapBatch[],
    ended: (partition: MirroredPartition, isWritten: boolean) => void,
  ): Promise<void> {
    const failed = new Set<MirroredPartition>();
    const members = new Set(batches.flatMap(({ editions }) => editions.map(({ partition }) => partition)));
    let isOver = false;
    try {
      await this.#writeInOrder(batches, failed);
      isOver = true;
    } finally {
      for (const partition of members) ended(partition, isOver && !failed.has(partition));
    }
  }

  /**
   * Open runs that have grown since they were seen first, or written last, a while ago: a checkpoint that is lost does not cost them then.
   * Those that come back are due now.
   */
  grown(partitions: Iterable<MirroredPartition>): MirroredPartition[] {
    const nowMs = this.#deps.clock.monotonicMs();
    const due: MirroredPartition[] = [];
    for (const partition of partitions) {
      const { openTarget: target, openLength: length, life } = partition.runs;
      const seen = this.#seen.get(partition);
      const isSame = seen !== undefined && seen.life === life && seen.target === target && seen.length === length;
      if (seen !== undefined && (isSame || nowMs - seen.atMs < OPEN_RUN_MS)) continue;
      this.#seen.set(partition, { target, length, life, atMs: nowMs });
      if (seen !== undefined && length > 0) due.push(partition);
    }
    return due;
  }

  /** The topic is known to be there. */
  get isReady(): boolean {
    const { writer, fleet } = this.#deps;
    return (writer.partitions(offsetMapTopic(fleet)) ?? 0) > 0;
  }

  /** False where the topic is known not to be there: nothing waits for it. */
  get isKeeping(): boolean {
    const { writer, fleet } = this.#deps;
    return writer.partitions(offsetMapTopic(fleet)) !== 0;
  }

  #isOverdue(partition: MirroredPartition): boolean {
    const nowMs = this.#deps.clock.monotonicMs();
    const sinceMs = this.#heldSince.get(partition);
    if (sinceMs === undefined) {
      this.#heldSince.set(partition, nowMs);
      return false;
    }
    return nowMs - sinceMs >= MAX_HELD_MS;
  }

  /** What lies behind one that is not written is not written either. */
  async #writeInOrder(batches: readonly MapBatch[], failed: Set<MirroredPartition>): Promise<void> {
    for (const batch of batches) {
      const isFailed = batch.editions.some(({ partition }) => failed.has(partition));
      if (!isFailed && (await this.#write(batch))) continue;
      for (const { partition } of batch.editions) failed.add(partition);
    }
  }

  async #write({ lane, mapPartition, editions, records }: MapBatch): Promise<boolean> {
    const { writer, fleet, kept } = this.#deps;
    const runs = editions.reduce((sum, { chain }) => sum + chain.entries.length, 0);
    try {
      await writer.write(lane, offsetMapTopic(fleet), mapPartition, records);
      // What belongs to a transaction is written once that is committed.
      if (!lane.transactional)
        for (const { partition, life, chain } of editions) partition.runs.written(life, linkBehind(chain));
      kept('ok', runs);
      this.#isFailing = false;
      return true;
    } catch (error) {
      if (isCausewayError(error, 'SHUTTING_DOWN')) return false;
      kept('failed', runs);
      this.#say(error, editions.length);
      if (isCausewayError(error, 'SEQUENCE_BROKEN')) this.#lose(lane, mapPartition, editions, messageOf(error));
      return false;
    }
  }

  /** That part of the map topic was truncated: no sequence number of the lane fits there again (exactly-once.md 3.4, 3.5). */
  #lose(lane: Lane, mapPartition: number, editions: readonly MapEdition[], message: string): void {
    const [first] = editions;
    if (lane.transactional) {
      if (first !== undefined) this.#deps.broken(first.partition, { code: 'SEQUENCE_BROKEN', message });
      return;
    }
    const lost = this.#lostCount.get(lane) ?? new Set<number>();
    this.#lostCount.set(lane, lost.add(mapPartition));
    // Its partitions move to another lane one by one, and take the runs that are not written along.
    this.#deps.retire(lane);
  }

  #hasLostCount({ lane, item }: MirroredPartition): boolean {
    const lost = lane === undefined ? undefined : this.#lostCount.get(lane);
    return lost?.has(mapPartition(item.targetTopic, item.partition)) === true;
  }

  /** Once per outage: the next pass tries again anyway. */
  #say(error: unknown, partitions: number): void {
    const { logger, cluster } = this.#deps;
    if (!(error instanceof CausewayError)) throw error;
    if (!this.#isFailing)
      logger.warn('offset-map.unwritten', { cluster, partitions, msg: messageOf(error), err: error });
    this.#isFailing = true;
  }
}
