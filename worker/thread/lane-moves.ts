import type { Logger } from '../../common/observability/logger.js';
import type { Clock, Timer } from '../../common/runtime/clock.js';
import type { Lane } from '../lane/lane.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';

const LOOK_MS = 50;
/** While only paused partitions ride the lane: one that goes on is to leave it, too. */
const IDLE_LOOK_MS = 1_000;
/** A partition that has not left for so long does not hold up the others. */
const PATIENCE_MS = 5_000;

export interface LaneMovesDeps {
  /** Partitions that are copied on the lane. */
  readonly riders: (lane: Lane) => readonly MirroredPartition[];
  /** Drains the partition and begins it anew: on a fresh lane, where its own is retired. */
  readonly move: (partition: MirroredPartition) => void;
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  readonly logger: Logger;
}

/** Empties retired lanes, one partition after the other: the others go on meanwhile (exactly-once.md 5.6). */
export class LaneMoves {
  readonly #deps: LaneMovesDeps;
  /** With the partition that is leaving, and since when. */
  readonly #lanes = new Map<Lane, { partition: MirroredPartition; sinceMs: number } | undefined>();
  #timer: Timer | undefined;

  constructor(deps: LaneMovesDeps) {
    this.#deps = deps;
  }

  retire(lane: Lane): void {
    if (lane.retired) return;
    lane.retire();
    const { transactionalId, target } = lane.record;
    this.#deps.logger.warn('lane.retired', { lane: transactionalId, target, partitions: lane.size });
    this.#lanes.set(lane, undefined);
    this.#look(lane);
    this.#schedule();
  }

  close(): void {
    this.#timer?.cancel();
    this.#lanes.clear();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#lanes.size === 0) return;
    const isBusy = [...this.#lanes.values()].some((leaving) => leaving !== undefined);
    this.#timer = this.#deps.clock.after(isBusy ? LOOK_MS : IDLE_LOOK_MS, () => {
      this.#timer = undefined;
      for (const lane of this.#lanes.keys()) this.#look(lane);
      this.#schedule();
    });
  }

  #look(lane: Lane): void {
    const { riders, move, clock } = this.#deps;
    if (lane.dead || lane.size === 0) {
      this.#lanes.delete(lane);
      return;
    }
    const nowMs = clock.monotonicMs();
    const leaving = this.#lanes.get(lane);
    const isOnItsWay = leaving?.partition.lane === lane && lane.carries(leaving.partition.targetKey);
    if (isOnItsWay && nowMs - leaving.sinceMs < PATIENCE_MS) return;
    const partition = riders(lane).find((rider) => rider !== leaving?.partition);
    this.#lanes.set(lane, partition === undefined ? undefined : { partition, sinceMs: nowMs });
    if (partition !== undefined) move(partition);
  }
}
