import type { Clock, Timer } from '../runtime/clock.js';

/** A burst of changes gives one call; short against any handoff, long against a multi's notifications. */
const COALESCE_MS = 5;

interface Watch {
  readonly path: string;
  readonly prefix: string;
  readonly onHint: () => void;
  timer: Timer | undefined;
}

/** Who wants to hear about which subtree, and the coalescing of hints; shared by all stores. */
export class HintBoard {
  readonly #watches = new Set<Watch>();
  readonly #clock: Clock;
  readonly #onHintError: (error: unknown) => void;

  constructor(clock: Clock, onHintError: (error: unknown) => void) {
    this.#clock = clock;
    this.#onHintError = onHintError;
  }

  watch(path: string, onHint: () => void): () => void {
    const watch: Watch = { path, prefix: path === '/' ? '/' : `${path}/`, onHint, timer: undefined };
    this.#watches.add(watch);
    return () => {
      watch.timer?.cancel();
      this.#watches.delete(watch);
    };
  }

  /** Something happened to the node at `path`. */
  changed(path: string): void {
    for (const watch of this.#watches) {
      if (path === watch.path || path.startsWith(watch.prefix)) this.#schedule(watch);
    }
  }

  /** Anything may have happened. */
  all(): void {
    for (const watch of this.#watches) this.#schedule(watch);
  }

  close(): void {
    for (const watch of this.#watches) watch.timer?.cancel();
    this.#watches.clear();
  }

  #schedule(watch: Watch): void {
    watch.timer ??= this.#clock.after(COALESCE_MS, () => {
      watch.timer = undefined;
      // A hint that throws must not end the process from inside a timer.
      try {
        watch.onHint();
      } catch (error) {
        this.#onHintError(error);
      }
    });
  }
}
