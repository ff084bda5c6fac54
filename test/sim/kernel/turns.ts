import { setFlagsFromString } from 'node:v8';

/** So often the loop goes back to Node, so that it sees rejections that nobody handles. */
const TURNS_PER_VISIT = 2_000;

/**
 * Does whatever promises have to do, now. A hop through the event loop would do as much at twenty times the cost, and a simulation of a
 * minute has tens of thousands of turns.
 */
const settlePromises = nativeCheckpoint();

/** Calls `turn` until it returns false; between two calls all promises that can settle do. Rejects with what a turn throws. */
export function turns(turn: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const visit = (): void => {
      try {
        for (let count = 0; settlePromises !== undefined && count < TURNS_PER_VISIT; count += 1) {
          if (!turn()) {
            settlePromises();
            resolve();
            return;
          }
          settlePromises();
        }
        if (settlePromises === undefined && !turn()) {
          resolve();
          return;
        }
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
        return;
      }
      setImmediate(visit);
    };
    setImmediate(visit);
  });
}

function nativeCheckpoint(): (() => void) | undefined {
  try {
    setFlagsFromString('--allow-natives-syntax');
    const checkpoint = new Function('%PerformMicrotaskCheckpoint()') as () => void;
    return checkpoint;
  } catch {
    return undefined;
  }
}
