import type { Clock, Timer } from '../runtime/clock.js';

/** A burst of changes gives one call; short against any handoff, long against a multi's notifications. */
const COALESCE_MS = 5;

/** Changes that are told one by one; of more than that it is said that anything may have changed. */
const MAX_CHANGED = 1_000;

type OnHint = (changed: ReadonlySet<string> | undefined) => void;

interface Watch {
  readonly path: string;
  readonly prefix: string;
  readonly onHint: OnHint;
  timer: Timer | undefined;
  /** Since the last call; undefined: anything. */
  changed: Set<string> | undefined;
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

  watch(path: string, onHint: OnHint): () => void {
    const prefix = path === '/' ? '/' : `${path}/`;
    const watch: Watch = { path, prefix, onHint, timer: undefined, changed: new Set() };
    this.#watches.add(watch);
    return () => {
      watch.timer?.cancel();
      this.#watches.delete(watch);
    };
  }

  /** Something happened to the node at `path`. */
  changed(path: string): void {
    for (const watch of this.#watches) {
      if (path === watch.path || path.startsWith(watch.prefix)) this.#schedule(watch, path);
    }
  }

  /** Anything may have happened at or below the path. */
  any(path: string): void {
    const prefix = path === '/' ? '/' : `${path}/`;
    for (const watch of this.#watches) {
      if (watch.path === path || watch.path.startsWith(prefix)) this.#schedule(watch, undefined);
    }
  }

  /** Anything may have happened. */
  all(): void {
    for (const watch of this.#watches) this.#schedule(watch, undefined);
  }

  close(): void {
    for (const watch of this.#watches) watch.timer?.cancel();
    this.#watches.clear();
  }

  #schedule(watch: Watch, path: string | undefined): void {
    if (path === undefined) watch.changed = undefined;
    else if (watch.changed !== undefined && watch.changed.size >= MAX_CHANGED) watch.changed = undefined;
    else watch.changed?.add(path);
    watch.timer ??= this.#clock.after(COALESCE_MS, () => {
      const { changed } = watch;
      watch.timer = undefined;
      watch.changed = new Set();
      // A hint that throws must not end the process from inside a timer.
      try {
        watch.onHint(changed);
      } catch (error) {
        this.#onHintError(error);
      }
    });
  }
}
