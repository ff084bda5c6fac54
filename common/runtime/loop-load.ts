import { type EventLoopUtilization, type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks';

/** The histogram's own timer: what it measures is this plus the delay. */
const RESOLUTION_MS = 20;

export interface LoopLoadReading {
  /** Share of the time since the last look that the loop was busy, 0 to 1. */
  readonly utilization: number;
  /** The longest the loop was late since the last look. */
  readonly delayMs: number;
}

/** How busy this thread's event loop is. */
export class LoopLoad {
  readonly #delays: IntervalHistogram;
  #last: EventLoopUtilization;

  constructor() {
    this.#delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#delays.enable();
    this.#last = performance.eventLoopUtilization();
  }

  take(): LoopLoadReading {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#last);
    this.#last = now;
    const delayMs = Math.max(0, this.#delays.max / 1e6 - RESOLUTION_MS);
    this.#delays.reset();
    return { utilization: Math.round(utilization * 1_000) / 1_000, delayMs: Math.round(delayMs) };
  }

  close(): void {
    this.#delays.disable();
  }
}
