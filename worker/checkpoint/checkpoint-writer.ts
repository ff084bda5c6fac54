import type { CausewayError } from '../../common/errors/error.js';
import type { CheckpointStore } from '../../common/kafka/checkpoints/checkpoint-store.js';
import type { Checkpoint } from '../../common/model/checkpoint.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock, Timer } from '../../common/runtime/clock.js';
import { withDeadline } from '../../common/runtime/deadline.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import type { MapKeeper } from '../offsets/map-keeper.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';

/** What must not wait any longer (a handover, the pair before the first fetch) does not wait for the offset map beyond this. */
const MAP_PATIENCE_MS = 5_000;
const MAP_RETRY_MS = 100;

export interface CheckpointWriterDeps {
  readonly store: CheckpointStore;
  /** Writes down the runs that a checkpoint does not name any more, before it is committed. */
  readonly maps: Pick<MapKeeper, 'committable' | 'withoutRuns' | 'mustSave' | 'save' | 'grown' | 'isKeeping'>;
  readonly intervalMs: number;
  readonly refreshMs: number;
  readonly cluster: string;
  /** False once the session's lease has ended: another owner may have moved the checkpoint on. */
  readonly mayCommit: () => boolean;
  readonly committed: (outcome: 'ok' | 'failed', count: number) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface CheckpointFault {
  readonly message: string;
  /** Monotonic ms. */
  readonly sinceMs: number;
}

/** A pass that waits for the one under way in its group; whoever asks before it begins goes along. */
interface WaitingPass {
  readonly members: Set<MirroredPartition>;
  readonly done: Promise<ReadonlySet<MirroredPartition>>;
}

/**
 * Commits the pairs of partitions that moved, about once a second, and unchanged ones now and then (exactly-once.md 4.1, 4.4).
 * Each group goes its own way: a coordinator that is slow or gone holds up its own partitions only.
 */
export class CheckpointWriter implements Closable {
  readonly #deps: CheckpointWriterDeps;
  readonly #partitions = new Set<MirroredPartition>();
  /** Those that could not begin. */
  readonly #kept = new Set<MirroredPartition>();
  #timer: Timer | undefined;
  /** One pass at a time in a group: two commits of a partition under way could overtake each other. */
  readonly #passes = new Map<string, Promise<void>>();
  readonly #waiting = new Map<string, WaitingPass>();
  /** Their pairs are committed as they stand, whatever becomes of their runs. */
  readonly #pressed = new Set<MirroredPartition>();
  #closed = false;
  /** Groups whose last pass failed, and since when. */
  readonly #faults = new Map<string, CheckpointFault>();

  constructor(deps: CheckpointWriterDeps) {
    this.#deps = deps;
    this.#schedule();
  }

  add(partition: MirroredPartition): void {
    this.#kept.delete(partition);
    this.#partitions.add(partition);
  }

  /** One that could not begin: the pair it was found with is written again now and then, or it would be forgotten (exactly-once.md 4.4). */
  keep(partition: MirroredPartition): void {
    if (partition.started || partition.lastPair === undefined) return;
    partition.committedAtMs = this.#deps.clock.monotonicMs();
    this.#kept.add(partition);
  }

  remove(partition: MirroredPartition): void {
    this.#kept.delete(partition);
    this.#partitions.delete(partition);
  }

  /** Why the partition’s group was not written in its last pass. */
  faultOf({ group }: MirroredPartition): CheckpointFault | undefined {
    return this.#faults.get(group);
  }

  /** Commits these pairs as they stand, after whatever is under way; gives those that were committed. */
  async flush(partitions: readonly MirroredPartition[]): Promise<ReadonlySet<MirroredPartition>> {
    for (const partition of partitions) this.#kept.delete(partition);
    await this.#saveNow(partitions);
    for (const partition of partitions) this.#pressed.add(partition);
    const groups = this.#byGroup(partitions);
    const passes = await Promise.all([...groups].map(([group, members]) => this.#pass(group, members)));
    return new Set(partitions.filter((partition) => passes.some((done) => done.has(partition))));
  }

  /** It has closed more runs than should wait for the next time. */
  crowded(partition: MirroredPartition): void {
    if (this.#partitions.has(partition)) this.#save([partition]);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await Promise.all(this.#passes.values());
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = this.#deps.clock.after(this.#deps.intervalMs, () => {
      const { maps, logger } = this.#deps;
      const due = this.#due();
      const sound = [...this.#partitions].filter(({ started, suspect }) => started && !suspect);
      // Also of those that stand still: their positions may have been committed without.
      this.#save(sound.filter((partition) => maps.mustSave(partition)));
      const grown = maps.grown(sound);
      if (grown.length > 0) {
        maps.save(grown, true).catch((err: unknown) => logger.error('offset-map.save-failed', { err }));
      }
      for (const [group, members] of this.#byGroup(due)) {
        // Those of a group that is busy are due the next time, too.
        if (this.#passes.has(group)) continue;
        this.#pass(group, members).catch((err: unknown) =>
          this.#deps.logger.error('checkpoint.pass-failed', { group, err }),
        );
      }
      this.#schedule();
    });
  }

  /** Nobody waits for it: a map that cannot be written holds back the checkpoints of these, and of no others. */
  #save(partitions: readonly MirroredPartition[]): void {
    if (partitions.length === 0 || !this.#deps.mayCommit()) return;
    const { maps, logger } = this.#deps;
    const save = async (): Promise<void> => {
      const saved = [...(await maps.save(partitions))].filter((partition) => this.#partitions.has(partition));
      await Promise.all([...this.#byGroup(saved)].map(([group, members]) => this.#pass(group, members)));
    };
    save().catch((err: unknown) => logger.error('offset-map.save-failed', { err }));
  }

  async #saveNow(partitions: readonly MirroredPartition[]): Promise<void> {
    const { maps, clock, mayCommit } = this.#deps;
    const untilMs = clock.monotonicMs() + MAP_PATIENCE_MS;
    for (;;) {
      const heavy = partitions.filter((partition) => !partition.suspect && maps.mustSave(partition));
      if (heavy.length === 0 || !maps.isKeeping || !mayCommit() || clock.monotonicMs() >= untilMs) return;
      const leftMs = Math.max(0, untilMs - clock.monotonicMs());
      const saved = await withDeadline(clock, leftMs, maps.save(heavy), () => undefined);
      if (saved?.size === 0) await clock.sleep(MAP_RETRY_MS);
    }
  }

  /** The pair to commit; undefined: not now. */
  #pairOf(partition: MirroredPartition): Checkpoint | undefined {
    const { maps } = this.#deps;
    // The pair of a suspect stays where it was last beyond doubt.
    if (partition.suspect || this.#kept.has(partition)) return partition.lastPair;
    const pair = maps.committable(partition);
    const isPressed = this.#pressed.delete(partition);
    return isPressed && (pair === undefined || pair === partition.mapped) ? maps.withoutRuns(partition) : pair;
  }

  /** After whatever is under way in the group, whether that succeeds or not. */
  #pass(group: string, partitions: readonly MirroredPartition[]): Promise<ReadonlySet<MirroredPartition>> {
    let waiting = this.#waiting.get(group);
    if (waiting === undefined) {
      const members = new Set<MirroredPartition>();
      const done = (this.#passes.get(group) ?? Promise.resolve()).then(() => {
        this.#waiting.delete(group);
        return this.#commit(group, [...members]);
      });
      waiting = { members, done };
      this.#waiting.set(group, waiting);
      const over = (): void => {
        if (this.#passes.get(group) === ended) this.#passes.delete(group);
      };
      const ended = done.then(over, over);
      this.#passes.set(group, ended);
    }
    for (const partition of partitions) waiting.members.add(partition);
    return waiting.done;
  }

  #byGroup(partitions: readonly MirroredPartition[]): Map<string, MirroredPartition[]> {
    const groups = new Map<string, MirroredPartition[]>();
    for (const partition of partitions) {
      const members = groups.get(partition.group);
      if (members === undefined) groups.set(partition.group, [partition]);
      else members.push(partition);
    }
    return groups;
  }

  #due(): MirroredPartition[] {
    const nowMs = this.#deps.clock.monotonicMs();
    const isStale = ({ committedAtMs }: MirroredPartition): boolean => nowMs - committedAtMs >= this.#deps.refreshMs;
    const due = [...this.#partitions].filter((partition) => {
      if (!partition.started) return false;
      const moved = !partition.suspect && partition.queue.settledNext !== partition.committedSource;
      return moved || isStale(partition);
    });
    return [...due, ...[...this.#kept].filter(isStale)];
  }

  async #commit(group: string, partitions: readonly MirroredPartition[]): Promise<ReadonlySet<MirroredPartition>> {
    const done = new Set<MirroredPartition>();
    if (!this.#deps.mayCommit()) return done;
    const { store, clock, committed } = this.#deps;
    const entries = partitions.flatMap((partition) => {
      const checkpoint = this.#pairOf(partition);
      const { targetTopic, partition: number } = partition.item;
      return checkpoint === undefined ? [] : [{ targetTopic, partition: number, checkpoint, owner: partition }];
    });
    if (entries.length === 0) return done;
    const failed = await store.commit(group, entries);
    const nowMs = clock.monotonicMs();
    for (const { owner, checkpoint } of entries) {
      if (failed.has(owner.targetKey)) continue;
      owner.lastPair = checkpoint;
      owner.committedSource = Number(checkpoint.sourceOffset);
      owner.committedAtMs = nowMs;
      done.add(owner);
    }
    committed('ok', entries.length - failed.size);
    committed('failed', failed.size);
    const [first] = failed.values();
    this.#say(group, failed.size, first);
    return done;
  }

  /** Once per outage: the next pass tries again anyway. */
  #say(group: string, partitions: number, err: CausewayError | undefined): void {
    if (err === undefined) {
      this.#faults.delete(group);
      return;
    }
    const { logger, cluster, clock } = this.#deps;
    if (this.#faults.size === 0) logger.warn('checkpoint.failed', { cluster, group, partitions, err });
    const sinceMs = this.#faults.get(group)?.sinceMs ?? clock.monotonicMs();
    this.#faults.set(group, { message: `${err.code}: ${err.message}`, sinceMs });
  }
}
