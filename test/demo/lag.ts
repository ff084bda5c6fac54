import { partitionKey } from '../../common/model/topic-partition.js';
import type { Fleet } from './fleet.js';
import type { LogEnds } from './log-ends.js';
import { observeWorkers } from './observe.js';

const POLL_MS = 200;

/** Records at the source that the fleet does not claim to have settled; undefined while a partition has no worker. */
export async function lagOf(fleet: Fleet, sourceEnds: LogEnds): Promise<number | undefined> {
  const ends = await sourceEnds.read();
  const held = await observeWorkers(fleet);
  const settled = new Map(
    held.map(({ topic, partition, sourceOffset }) => [partitionKey(topic, partition), sourceOffset]),
  );
  let lag = 0;
  for (const [key, end] of ends) {
    const offset = settled.get(key);
    if (offset === undefined || offset < 0) return undefined;
    lag += Math.max(0, end - offset);
  }
  return lag;
}

/** @returns ms until nothing was behind; -1 when that did not happen within `limitMs`, or `signal` ended the wait. */
export async function waitForLagZero(
  fleet: Fleet,
  sourceEnds: LogEnds,
  limitMs: number,
  signal?: AbortSignal,
): Promise<number> {
  const since = performance.now();
  while (performance.now() - since < limitMs && signal?.aborted !== true) {
    if ((await lagOf(fleet, sourceEnds).catch(() => undefined)) === 0) return Math.round(performance.now() - since);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return -1;
}
