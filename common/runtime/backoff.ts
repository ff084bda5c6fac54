import type { Random } from './random.js';

export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
  /** Growth per attempt; 2 unless said. */
  readonly factor?: number;
}

/**
 * Exponential back-off with jitter: attempt 0, 1, 2... -> a delay in [1/2, 1] of min(maxMs, initialMs * factor^attempt).
 * Half of the delay stays fixed so that a retry never follows at once.
 */
export function backoffMs(attempt: number, options: BackoffOptions, random: Random): number {
  const exponent = Math.min(attempt, 62);
  const ceiling = Math.min(options.maxMs, options.initialMs * (options.factor ?? 2) ** exponent);
  return ceiling * (0.5 + random.unit() / 2);
}
