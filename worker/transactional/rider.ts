import type { Checkpoint } from '../../common/model/checkpoint.js';
import { isPositionDue } from '../core/txn-batcher.js';
import type { MirroredPartition, Reason } from '../partition/mirrored-partition.js';

/** What a lane does to the partitions that ride it. All calls are synchronous and only schedule work, but for `rewind`. */
export interface RiderPort {
  ready(partition: MirroredPartition): void;
  freed(partition: MirroredPartition): void;
  restart(partition: MirroredPartition, reason: Reason): void;
  /** Drops what was sent and not committed, answered or not, and goes back to the committed position. */
  rewind(partition: MirroredPartition, committed: Checkpoint): void;
}

/** A partition on a transactional lane, with what that lane has committed for it. */
export class Rider {
  readonly partition: MirroredPartition;
  /** The position that this lane committed last; undefined: none yet in this stay. */
  committed: Checkpoint | undefined;
  /** Not to be committed before this (monotonic ms): the target refused its position. */
  barredUntilMs = Number.NEGATIVE_INFINITY;
  /** Who waits for its position to be committed. */
  #waiting: ((isCommitted: boolean) => void)[] = [];

  constructor(partition: MirroredPartition) {
    this.partition = partition;
  }

  get isAwaited(): boolean {
    return this.#waiting.length > 0;
  }

  /** Every batch that was sent has its final answer. */
  get isQuiet(): boolean {
    const { unanswered, resending } = this.partition.queue;
    return unanswered === 0 && !resending;
  }

  /** Something was stored, or left out, that its committed position does not tell. */
  get isAhead(): boolean {
    return this.committed !== undefined && this.partition.queue.settledNext !== Number(this.committed.sourceOffset);
  }

  /** @param hasRuns it has closed runs that no position holds, and that could be written now */
  isDue(nowMs: number, refreshMs: number, hasRuns: (partition: MirroredPartition) => boolean): boolean {
    const { partition, committed, isAwaited, barredUntilMs } = this;
    return isPositionDue(
      {
        settled: partition.queue.settledNext,
        committed: committed === undefined ? undefined : Number(committed.sourceOffset),
        committedAtMs: partition.committedAtMs,
        isAwaited: isAwaited || (committed !== undefined && hasRuns(partition)),
        barredUntilMs,
      },
      nowMs,
      refreshMs,
    );
  }

  awaitPosition(): Promise<boolean> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Those who wait now: what is decided from here on is theirs. */
  takeWaiting(): readonly ((isCommitted: boolean) => void)[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }

  giveUpWaiting(): void {
    for (const tell of this.takeWaiting()) tell(false);
  }
}
