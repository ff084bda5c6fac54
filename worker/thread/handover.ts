import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Starter } from '../partition/starter.js';
import type { Held, HeldPartitions } from './held-partitions.js';
import type { Sides } from './sides.js';

/** A pair that could not be written is tried again after this. */
const RETRY_SAVE_MS = 200;

export interface HandoverDeps {
  readonly held: HeldPartitions;
  readonly sides: Sides;
  readonly starter: () => Starter;
  /** Drained, checkpointed and let go: it may be taken up elsewhere. */
  readonly released: (key: string) => void;
  readonly isStopped: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The end of a partition's stay, or of its present life: no new byte, every batch that was sent has its final answer, the pair is
 * committed, and only then what follows.
 */
export class Handover {
  readonly #deps: HandoverDeps;
  /** What follows once the pair is written: the latest order counts. */
  readonly #next = new Map<Held, () => void>();
  /** To begin anew once the start under way is over. */
  readonly #again = new Set<Held>();

  constructor(deps: HandoverDeps) {
    this.#deps = deps;
  }

  /** Towards release. */
  drain(held: Held): void {
    if (held.draining) return;
    held.draining = true;
    held.partition.on({ type: 'drain' });
    this.#deps.held.stopCopying(held);
    // While its start is under way the drain waits for it: `startSettled` follows.
    if (this.#deps.starter().cancel(held.partition)) this.#drainNow(held);
  }

  startSettled(held: Held): void {
    const again = this.#again.delete(held);
    if (held.draining) this.#drainNow(held);
    else if (again) this.startAnew(held, 0);
  }

  /**
   * Goes through the start procedure again, once what was sent has its answers: what was given up in doubt would be sent a second time
   * under other sequence numbers.
   */
  startAnew(held: Held, delayMs: number): void {
    this.#deps.held.stopCopying(held);
    // Two starts of one partition would undo each other: the one under way ends first.
    if (this.#deps.starter().cancel(held.partition)) this.#thereafter(held, () => this.#rebegin(held, delayMs));
    else this.#again.add(held);
  }

  #drainNow(held: Held): void {
    this.#deps.starter().cancel(held.partition);
    this.#thereafter(held, () => this.#release(held));
  }

  #thereafter(held: Held, next: () => void): void {
    this.#next.set(held, next);
    held.outlet.drain(() => this.#save(held, next));
  }

  /**
   * Every batch has its final answer: writes the pair, then goes on. Not written, the next owner (or life) would repeat what was
   * copied since the last pair: tried until it is.
   */
  #save(held: Held, next: () => void): void {
    const { sides, clock, logger, isStopped } = this.#deps;
    const { partition } = held;
    const { target } = sides.of(partition.route);
    partition.released = !partition.suspect;
    // The pair of a suspect stays where it was last beyond doubt: the walk begins there.
    const hasPair = partition.started && !partition.suspect;
    const flushed = hasPair ? target.positionsOf(partition).flush([partition]) : Promise.resolve(new Set([partition]));
    flushed
      .then((done) => {
        if (isStopped() || this.#next.get(held) !== next) return;
        if (!done.has(partition)) {
          clock.after(RETRY_SAVE_MS, () => this.#save(held, next));
          return;
        }
        this.#next.delete(held);
        next();
      })
      .catch((error: unknown) => logger.error('partition.hand-over-failed', { ...partition.item, err: error }));
  }

  #release(held: Held): void {
    const { partition } = held;
    this.#deps.sides.of(partition.route).target.positionsOf(partition).remove(partition);
    this.#deps.held.remove(held);
    this.#deps.released(partition.key);
  }

  #rebegin({ partition, outlet }: Held, delayMs: number): void {
    this.#deps.sides.of(partition.route).target.writer.remove(outlet);
    partition.endLife();
    this.#deps.starter().request(partition, delayMs);
  }
}
