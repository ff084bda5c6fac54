import { setTimeout as sleep } from 'node:timers/promises';
import { partitionKey } from '../../common/model/topic-partition.js';
import type { TopicShape } from '../audit/shapes.js';
import type { Fleet, FleetProcess } from './fleet.js';
import type { LogEnds } from './log-ends.js';
import { observeWorkers } from './observe.js';

const POLL_MS = 100;
const GIVE_UP_MS = 60_000;

/** Times of one worker's death, measured at the target's logs. */
export interface TakeoverReport {
  readonly worker: string;
  /** Partitions it held that the load writes to. */
  readonly partitions: number;
  /**
   * From the kill to the end of the longest pause at the target, of the first, the median and the last of them (what the dead
   * worker had sent already may be appended for a while); -1: not within a minute.
   */
  readonly firstMs: number;
  readonly medianMs: number;
  readonly lastMs: number;
}

/** Kills the worker with most of the load and waits until every partition it held is another one's and moves again. */
export async function killWorker(
  fleet: Fleet,
  targetEnds: LogEnds,
  shapes: readonly TopicShape[],
): Promise<TakeoverReport> {
  const written = new Set(shapes.filter(({ share }) => share > 0).map(({ topic }) => topic));
  const held = await heldOf(fleet, written);
  const victim = mostLoaded(fleet.running('worker'), held);
  const mine = held.filter(({ worker }) => worker === victim.id);
  await victim.kill();
  const killedAt = performance.now();
  const orphans = new Map(mine.map(({ topic, partition }) => [partitionKey(topic, partition), new Orphan(killedAt)]));
  const all = [...orphans.values()];
  while (!all.every((orphan) => orphan.isBack) && performance.now() - killedAt < GIVE_UP_MS) {
    const [now, owned] = await Promise.all([targetEnds.read(), observeWorkers(fleet)]);
    for (const [key, orphan] of orphans) orphan.saw(now.get(key) ?? 0, performance.now());
    for (const { topic, partition } of owned) orphans.get(partitionKey(topic, partition))?.adopted();
    await sleep(POLL_MS);
  }
  const times = all.filter((orphan) => orphan.isBack).map((orphan) => orphan.backAfterMs);
  times.sort((a, b) => a - b);
  return {
    worker: victim.id,
    partitions: mine.length,
    firstMs: times[0] ?? -1,
    medianMs: times[Math.floor((mine.length - 1) / 2)] ?? -1,
    lastMs: times.length === mine.length ? (times.at(-1) ?? -1) : -1,
  };
}

/** What the workers hold of these topics, once they hold any: on a slow machine the first partitions are given out late. */
async function heldOf(fleet: Fleet, topics: ReadonlySet<string>): Promise<Awaited<ReturnType<typeof observeWorkers>>> {
  const since = performance.now();
  for (;;) {
    const held = (await observeWorkers(fleet)).filter(({ topic }) => topics.has(topic));
    if (held.length > 0 || performance.now() - since > GIVE_UP_MS) return held;
    await sleep(POLL_MS);
  }
}

/** A partition whose worker was killed. */
export class Orphan {
  readonly #killedAt: number;
  #end = -1;
  #grewAt: number;
  #longestPauseMs = 0;
  #pauseEndedAt: number;
  #adopted = false;
  #grewSinceAdopted = false;

  constructor(killedAt: number) {
    this.#killedAt = killedAt;
    this.#grewAt = killedAt;
    this.#pauseEndedAt = killedAt;
  }

  get isBack(): boolean {
    return this.#grewSinceAdopted;
  }

  get backAfterMs(): number {
    return Math.round(this.#pauseEndedAt - this.#killedAt);
  }

  saw(end: number, at: number): void {
    const grew = this.#end >= 0 && end > this.#end;
    this.#end = end;
    if (!grew) return;
    if (at - this.#grewAt > this.#longestPauseMs) {
      this.#longestPauseMs = at - this.#grewAt;
      this.#pauseEndedAt = at;
    }
    this.#grewAt = at;
    if (this.#adopted) this.#grewSinceAdopted = true;
  }

  /** Another worker says that it holds the partition. */
  adopted(): void {
    this.#adopted = true;
  }
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
