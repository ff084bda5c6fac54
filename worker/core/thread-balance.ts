/** Below this the busiest thread has room enough: moving would only cost. */
const BUSY_UTILIZATION = 0.6;
/** So much busier than the idlest it must be, */
const UTILIZATION_GAP = 0.25;
/** at so many looks in a row, */
const SUSTAINED_LOOKS = 5;
/** and so long after the last moves, which need time to show. */
const COOL_DOWN_MS = 30_000;
/** A partition that moved stays for so long. */
const PARTITION_REST_MS = 120_000;
const MAX_MOVES_PER_ROUND = 4;
/** Of the difference between the two: more would only turn the scales. */
const MAX_SHARE_OF_GAP = 0.6;
/** A round that would move less than this share of the difference is not worth its pauses. */
const MIN_SHARE_OF_GAP = 0.02;

export interface ThreadLoad {
  readonly thread: number;
  /** Of its loop, 0 to 1. */
  readonly utilization: number;
}

export interface PlacedLoad {
  readonly key: string;
  readonly thread: number;
  readonly load: number;
  /** Begun and running, not already on its way. */
  readonly isMovable: boolean;
}

export interface ThreadMove {
  readonly key: string;
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

/**
 * Decides when a partition changes threads within a worker: seldom, few at a time, only where one thread is busy and another is not, and
 * only where it helps. Pure: time comes in.
 */
export class ThreadBalance {
  #looks = 0;
  #lastMoveMs = Number.NEGATIVE_INFINITY;
  readonly #movedMs = new Map<string, number>();

  /** One look, about once a second. */
  decide(threads: readonly ThreadLoad[], partitions: readonly PlacedLoad[], nowMs: number): ThreadMove[] {
    const sorted = [...threads].sort((a, b) => b.utilization - a.utilization);
    const [busiest, idlest] = [sorted[0], sorted.at(-1)];
    const uneven =
      busiest !== undefined &&
      idlest !== undefined &&
      busiest.utilization >= BUSY_UTILIZATION &&
      busiest.utilization - idlest.utilization >= UTILIZATION_GAP;
    this.#looks = uneven ? this.#looks + 1 : 0;
    if (!uneven || this.#looks < SUSTAINED_LOOKS || nowMs - this.#lastMoveMs < COOL_DOWN_MS) return [];
    this.#forget(nowMs);
    const moves = this.#choose(busiest, idlest, partitions);
    for (const { key } of moves) this.#movedMs.set(key, nowMs);
    if (moves.length > 0) this.#lastMoveMs = nowMs;
    this.#looks = 0;
    return moves;
  }

  #choose(busiest: ThreadLoad, idlest: ThreadLoad, partitions: readonly PlacedLoad[]): ThreadMove[] {
    const loadOn = (thread: number): number =>
      partitions.reduce((sum, entry) => (entry.thread === thread ? sum + entry.load : sum), 0);
    const [from, to] = [busiest.thread, idlest.thread];
    let [high, low] = [loadOn(from), loadOn(to)];
    const worthwhile = (high - low) * MIN_SHARE_OF_GAP;
    let moved = 0;
    const candidates = partitions
      .filter(({ key, thread, isMovable }) => thread === from && isMovable && !this.#movedMs.has(key))
      .sort((a, b) => b.load - a.load);
    const moves: ThreadMove[] = [];
    for (const { key, load } of candidates) {
      if (moves.length >= MAX_MOVES_PER_ROUND) break;
      // The largest first that fits.
      if (load > MAX_SHARE_OF_GAP * (high - low)) continue;
      const percent = (utilization: number): string => `${Math.round(utilization * 100)} %`;
      const reason = `thread ${from} is busy ${percent(busiest.utilization)}, thread ${to} ${percent(idlest.utilization)}`;
      moves.push({ key, from, to, reason });
      [high, low] = [high - load, low + load];
      moved += load;
      if (low >= high) break;
    }
    return moved >= worthwhile ? moves : [];
  }

  #forget(nowMs: number): void {
    for (const [key, movedMs] of this.#movedMs) if (nowMs - movedMs > PARTITION_REST_MS) this.#movedMs.delete(key);
  }
}
