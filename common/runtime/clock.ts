/** A cancellable timer. */
export interface Timer {
  cancel(): void;
}

/** All time in Causeway comes through here, so that tests and the simulation can own it. */
export interface Clock {
  /** Wall clock, ms since 1970. For people and for record timestamps; never decides safety. */
  wallMs(): number;
  /** Monotonic clock in ms with fractions; the same in every thread of the process. All durations use it. */
  monotonicMs(): number;
  /** Calls back once after `delayMs`. */
  after(delayMs: number, callback: () => void): Timer;
  /** Resolves after `delayMs`, or at once when the signal aborts (it never rejects: look at the signal). */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

class SystemClock implements Clock {
  wallMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    // performance.now() counts from each thread's own start; hrtime is one clock for the whole process.
    // The pair costs half of what the bigint does, and the hot path asks for every batch.
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1e3 + nanoseconds / 1e6;
  }

  after(delayMs: number, callback: () => void): Timer {
    const handle = setTimeout(callback, Math.max(0, delayMs));
    return { cancel: () => clearTimeout(handle) };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = this.after(delayMs, done);
      signal?.addEventListener('abort', done, { once: true });
    });
  }
}

export const systemClock: Clock = new SystemClock();
