import { setTimeout as sleep } from 'node:timers/promises';
import { partitionKey } from '../../common/model/topic-partition.js';
import type { LogEnds } from '../demo/log-ends.js';
import { Orphan } from '../demo/mayhem.js';
import { type ObservedPartition, observeWorker } from '../demo/observe.js';
import type { Crew } from './crew.js';
import { PauseMeter } from './meters.js';

const POLL_MS = 150;
const ASK_LIMIT_MS = 1_500;
const GIVE_UP_MS = 60_000;

export interface SamplerDeps {
  readonly crew: Crew;
  readonly sourceEnds: LogEnds;
  readonly targetEnds: LogEnds;
  /** Topics that the load writes to. */
  readonly written: ReadonlySet<string>;
}

interface Reign {
  readonly leader: string;
  readonly epoch: number;
}

/** Looks at both clusters, the workers and the controllers all the time, each at its own pace: one that hangs holds up nobody else. */
export class Sampler {
  readonly pauses = new PauseMeter();
  readonly #deps: SamplerDeps;
  readonly #takeovers = new Set<Takeover>();
  #targetEnds: ReadonlyMap<string, number> = new Map();
  #held: readonly ObservedPartition[] = [];
  #reign: Reign | undefined;
  readonly #over = new AbortController();
  #running: Promise<unknown> | undefined;

  constructor(deps: SamplerDeps) {
    this.#deps = deps;
  }

  /** What the workers held when they were last asked. */
  get held(): readonly ObservedPartition[] {
    return this.#held;
  }

  /** Who led when somebody last said so. */
  get leader(): string | undefined {
    return this.#reign?.leader;
  }

  /** Records at the target, over all partitions. */
  get copied(): number {
    return [...this.#targetEnds.values()].reduce((sum, end) => sum + end, 0);
  }

  /** Aborted when it looks no longer. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  get isOver(): boolean {
    return this.#over.signal.aborted;
  }

  start(): void {
    this.#running = Promise.all([
      this.#poll(() => this.#lookAtLogs()),
      this.#poll(() => this.#askWorkers()),
      this.#poll(() => this.#askControllers()),
    ]);
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await this.#running;
  }

  /**
   * To be called at a worker's end: ms until the last partition that it held moved again under somebody; -1: not within a minute;
   * undefined where it held nothing.
   */
  takeover(worker: string): Promise<number> | undefined {
    const mine = this.#held.filter((held) => held.worker === worker && this.#deps.written.has(held.topic));
    if (mine.length === 0) return undefined;
    const takeover = new Takeover(
      mine.map(({ topic, partition }) => partitionKey(topic, partition)),
      performance.now(),
    );
    this.#takeovers.add(takeover);
    return this.#until(
      () => takeover.isOver,
      () => takeover.lastMs,
    ).finally(() => this.#takeovers.delete(takeover));
  }

  /** To be called at a leader's end: ms until a later reign has begun; -1: not within a minute. */
  failover(): Promise<number> {
    const since = performance.now();
    const before = this.#reign?.epoch ?? 0;
    return this.#until(
      () => (this.#reign?.epoch ?? 0) > before,
      () => Math.round(performance.now() - since),
    );
  }

  async #until(isOver: () => boolean, result: () => number): Promise<number> {
    const giveUpAt = performance.now() + GIVE_UP_MS;
    while (!isOver()) {
      if (this.isOver || performance.now() > giveUpAt) return -1;
      await sleep(POLL_MS);
    }
    return result();
  }

  async #poll(look: () => Promise<void>): Promise<void> {
    while (!this.isOver) {
      // What cannot be seen now is looked at again.
      await look().catch(() => undefined);
      await sleep(POLL_MS);
    }
  }

  async #lookAtLogs(): Promise<void> {
    const { sourceEnds, targetEnds } = this.#deps;
    const [source, target] = await Promise.all([sourceEnds.read(), targetEnds.read()]);
    const now = performance.now();
    this.#targetEnds = target;
    this.pauses.saw(now, source, target);
    for (const takeover of this.#takeovers) takeover.sawEnds(target, now);
  }

  async #askWorkers(): Promise<void> {
    const answers = await Promise.all(
      this.#deps.crew.awake('worker').map((worker) => observeWorker(worker).catch(() => [])),
    );
    // An answer of a worker that has been killed meanwhile tells of nobody's partitions.
    const awake = new Set(this.#deps.crew.awake('worker').map(({ id }) => id));
    this.#held = answers.flat().filter(({ worker }) => awake.has(worker));
    for (const { topic, partition } of this.#held) {
      for (const takeover of this.#takeovers) takeover.adopted(partitionKey(topic, partition));
    }
  }

  async #askControllers(): Promise<void> {
    const answers = this.#deps.crew.awake('controller').map(async ({ id, url }) => {
      // Not the status over REST, which asks the workers first.
      const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(ASK_LIMIT_MS) });
      const metrics = await answer.text();
      const leads = metricOf(metrics, 'causeway_leader') === 1;
      return leads ? { leader: id, epoch: metricOf(metrics, 'causeway_leader_epoch') } : undefined;
    });
    for (const answer of await Promise.allSettled(answers)) {
      if (answer.status !== 'fulfilled' || answer.value === undefined) continue;
      if (answer.value.epoch >= (this.#reign?.epoch ?? 0)) this.#reign = answer.value;
    }
  }
}

/** The value of a metric without labels; 0 where it is not there. */
function metricOf(metrics: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(metrics)?.[1] ?? 0);
}

/** Partitions whose worker ended, until all of them move again. */
class Takeover {
  readonly #orphans: ReadonlyMap<string, Orphan>;

  constructor(partitions: readonly string[], killedAt: number) {
    this.#orphans = new Map(partitions.map((partition) => [partition, new Orphan(killedAt)]));
  }

  get isOver(): boolean {
    return [...this.#orphans.values()].every((orphan) => orphan.isBack);
  }

  get lastMs(): number {
    return Math.max(0, ...[...this.#orphans.values()].map((orphan) => orphan.backAfterMs));
  }

  sawEnds(ends: ReadonlyMap<string, number>, now: number): void {
    for (const [partition, orphan] of this.#orphans) {
      const end = ends.get(partition);
      if (end !== undefined) orphan.saw(end, now);
    }
  }

  adopted(partition: string): void {
    this.#orphans.get(partition)?.adopted();
  }
}
