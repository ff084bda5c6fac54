import { setTimeout as sleep } from 'node:timers/promises';
import { partitionKey } from '../../common/model/topic-partition.js';
import type { TopicShape } from '../audit/shapes.js';
import type { Fleet, FleetProcess } from './fleet.js';
import type { LogEnds } from './log-ends.js';
import { observeWorkers } from './observe.js';

const POLL_MS = 100;
const GIVE_UP_MS = 60_000;

/** Times of one worker's death, measured at the target's logs and not by what the fleet says. */
export interface TakeoverReport {
  readonly worker: string;
  /** Partitions it held that the load writes to. */
  readonly partitions: number;
  /** From the kill to the first new record in the first, the median and the last of them; -1: not within a minute. */
  readonly firstMs: number;
  readonly medianMs: number;
  readonly lastMs: number;
}

/** Kills the worker with most of the load and waits until every partition it held moves again at the target. */
export async function killWorker(
  fleet: Fleet,
  targetEnds: LogEnds,
  shapes: readonly TopicShape[],
): Promise<TakeoverReport> {
  const written = new Set(shapes.filter(({ share }) => share > 0).map(({ topic }) => topic));
  const held = (await observeWorkers(fleet)).filter(({ topic }) => written.has(topic));
  const victim = mostLoaded(fleet.running('worker'), held);
  const waiting = new Map<string, number>();
  const mine = held.filter(({ worker }) => worker === victim.id);
  await victim.kill();
  const killedAt = performance.now();
  // What the dead worker had sent already may still be appended.
  await sleep(POLL_MS);
  const before = await targetEnds.read();
  for (const { topic, partition } of mine) {
    const key = partitionKey(topic, partition);
    waiting.set(key, before.get(key) ?? 0);
  }
  const times: number[] = [];
  while (waiting.size > 0 && performance.now() - killedAt < GIVE_UP_MS) {
    await sleep(POLL_MS);
    const now = await targetEnds.read();
    const elapsedMs = Math.round(performance.now() - killedAt);
    for (const [key, end] of waiting) {
      if ((now.get(key) ?? 0) <= end) continue;
      waiting.delete(key);
      times.push(elapsedMs);
    }
  }
  const complete = waiting.size === 0;
  return {
    worker: victim.id,
    partitions: mine.length,
    firstMs: times[0] ?? -1,
    medianMs: times[Math.floor((mine.length - 1) / 2)] ?? -1,
    lastMs: complete ? (times.at(-1) ?? -1) : -1,
  };
}

function mostLoaded(workers: readonly FleetProcess[], held: readonly { readonly worker: string }[]): FleetProcess {
  const count = (worker: FleetProcess): number => held.filter((partition) => partition.worker === worker.id).length;
  const [first] = [...workers].sort((a, b) => count(b) - count(a));
  if (first === undefined) throw new Error('no worker is running that could be killed');
  return first;
}

export interface FailoverReport {
  readonly controller: string;
  /** From the kill until another controller leads; -1: not within a minute. */
  readonly newLeaderMs: number;
  /** The longest time without a new record at the target meanwhile, over all topics. */
  readonly longestPauseMs: number;
}

/** Kills the leading controller and watches the target until another one leads. */
export async function killLeader(
  fleet: Fleet,
  targetEnds: LogEnds,
  leaderOf: () => Promise<string | undefined>,
): Promise<FailoverReport> {
  const leader = await leaderOf();
  const victim = fleet.running('controller').find(({ id }) => id === leader);
  if (victim === undefined) throw new Error(`no running controller leads (${leader ?? 'nobody'})`);
  await victim.kill();
  const killedAt = performance.now();
  const pause = new PauseWatch();
  let newLeaderMs = -1;
  while (newLeaderMs < 0 && performance.now() - killedAt < GIVE_UP_MS) {
    pause.sample(await targetEnds.read());
    const now = await leaderOf().catch(() => undefined);
    if (now !== undefined && now !== victim.id) newLeaderMs = Math.round(performance.now() - killedAt);
    await sleep(POLL_MS);
  }
  return { controller: victim.id, newLeaderMs, longestPauseMs: pause.longestMs };
}

/** The longest stretch in which the sum of all ends did not grow. */
class PauseWatch {
  #sum = -1;
  #grewAt = performance.now();
  #longestMs = 0;

  get longestMs(): number {
    return Math.round(this.#longestMs);
  }

  sample(ends: ReadonlyMap<string, number>): void {
    const sum = [...ends.values()].reduce((total, end) => total + end, 0);
    const now = performance.now();
    this.#longestMs = Math.max(this.#longestMs, now - this.#grewAt);
    if (sum === this.#sum) return;
    this.#sum = sum;
    this.#grewAt = now;
  }
}
