import type { Clock } from './clock.js';

/**
 * The work's outcome; once the time is over, what `late` gives or throws instead. The work itself goes on, and nobody hears of it any more.
 * @param late at most once
 */
export async function withDeadline<T, L = never>(
  clock: Clock,
  timeoutMs: number,
  work: Promise<T>,
  late: () => L,
): Promise<T | L> {
  let timer: { cancel(): void } | undefined;
  const over = new Promise<L>((resolve, reject) => {
    timer = clock.after(timeoutMs, () => {
      try {
        resolve(late());
      } catch (error) {
        reject(error);
      }
    });
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    timer?.cancel();
  }
}
