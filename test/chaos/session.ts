import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CausewayClient } from '../../common/api/client.js';
import type { Delivery } from '../../common/model/route.js';
import { type ClusterComparison, compareClusters } from '../audit/compare-clusters.js';
import { Load } from '../audit/load.js';
import { describeProblem } from '../audit/report.js';
import { ALL_SHAPES, type TopicShape } from '../audit/shapes.js';
import { TAG_BYTES } from '../audit/tag.js';
import { createTopics } from '../audit/topics.js';
import { traceWriters } from '../audit/writers.js';
import { FLEET, Fleet, ROUTE } from '../demo/fleet.js';
import { waitForLagZero } from '../demo/lag.js';
import { LogEnds } from '../demo/log-ends.js';
import { observeWorkers } from '../demo/observe.js';
import { ANSWER_LIMIT_MS, addTopics } from '../demo/rest.js';
import type { Act, Stage } from './acts/act.js';
import { MixedFaults } from './acts/mixed.js';
import { Takeovers } from './acts/takeovers.js';
import { Zombies } from './acts/zombies.js';
import { ZooKeeperOutage } from './acts/zookeeper-outage.js';
import { specOf } from './catalogue.js';
import { CHECKPOINT_REFRESH_MS, type ChaosBed, startChaosBed } from './chaos-bed.js';
import { CREW, Crew } from './crew.js';
import type { Field } from './field.js';
import { LaneBook } from './lane-book.js';
import { Links } from './links.js';
import { Stretches } from './meters.js';
import type { ChaosOptions } from './options.js';
import { BROKERS, planLine, planOf } from './plan.js';
import { Sampler } from './sampler.js';
import { readLogs, toldStalls } from './told-stalls.js';
import { type ChaosVerdict, chaosVerdict } from './verdict.js';

const FLOWING_LIMIT_MS = 180_000;
const LAG_LIMIT_MS = 120_000;
const STATUS_MS = 10_000;
/** A broker that hangs holds up whoever looks for so long only. */
const LOOK_LIMIT_MS = 1_500;
const LOAD_REQUEST_LIMIT_MS = 8_000;
const LOAD_GIVE_UP_MS = 120_000;
const STRETCHES_SHOWN = 20;
/** Soon, so that the watchdog has something to say about the faults. */
const STALL_AFTER_MS = 5_000;
const WORKER_IDS = CREW.filter(({ kind }) => kind === 'worker').map(({ id }) => id);

/** Its mirror has one copy. */
const LONELY: TopicShape = {
  topic: 'lonely',
  partitions: 4,
  codec: 'none',
  share: 5,
  batchRecords: 50,
  make: ({ nowMs, tagged }) => ({ key: null, value: tagged(TAG_BYTES + 40), headers: [], timestamp: nowMs }),
};

/** A topic of as many partitions as are asked for; one record now and then in each. */
const wideTopic = (partitions: number): TopicShape => ({
  topic: 'wide',
  partitions,
  codec: 'none',
  share: 100,
  batchRecords: 10,
  make: ({ nowMs, tagged }) => ({ key: null, value: tagged(TAG_BYTES), headers: [], timestamp: nowMs }),
});

function apiOf(crew: Crew): CausewayClient {
  const [controller] = crew.awake('controller');
  if (controller === undefined) throw new Error('no controller is awake');
  return new CausewayClient({ baseUrl: controller.url, timeoutMs: ANSWER_LIMIT_MS });
}

const HASTY = { sessionTimeoutMs: 3_000, controller: { takeoverDelayMs: 200 } } as const;

interface Parts {
  readonly bed: ChaosBed;
  readonly fleet: Fleet;
  readonly field: Field;
  readonly load: Load;
  readonly shapes: readonly TopicShape[];
  readonly sourceEnds: LogEnds;
}

/** One run: everything it starts, it stops. */
export class ChaosSession {
  readonly #options: ChaosOptions;
  readonly #folder: string;
  readonly #say: (text: string) => void;
  readonly #signal: AbortSignal;
  #started = false;
  readonly #undo: (() => Promise<void>)[] = [];
  readonly #measurements: Record<'takeover' | 'failover', Promise<number>[]> = { takeover: [], failover: [] };

  /** @param signal ends the run early, in good order and without a verdict */
  constructor(options: ChaosOptions, folder: string, say: (text: string) => void, signal: AbortSignal) {
    this.#options = options;
    this.#folder = folder;
    this.#say = say;
    this.#signal = signal;
  }

  /** True once all processes run and can be stopped in order. */
  get isStarted(): boolean {
    return this.#started;
  }

  /** @returns undefined when the signal ended it */
  async run(): Promise<ChaosVerdict | undefined> {
    const parts = await this.#start();
    this.#started = true;
    const { field, load, fleet, sourceEnds } = parts;
    await this.#beginCopying(parts);
    field.sampler.start();
    const watching = this.#watch(parts);
    const act = this.#act({ field, load, signal: this.#signal });
    this.#say('faults begin');
    await act.perform();
    await field.crew.healAll();
    for (const links of field.links.values()) links.heal();
    if (this.#signal.aborted) return undefined;
    await field.crew.ready();
    this.#say('everything is healed');
    // They look at what grows: the load goes on until they have seen it.
    const takeoverMs = await Promise.all(this.#measurements.takeover);
    const failoverMs = await Promise.all(this.#measurements.failover);
    await load.stop();
    const lagZeroMs = await waitForLagZero(fleet, sourceEnds, LAG_LIMIT_MS, this.#signal);
    await field.crew.endSupervision();
    await field.sampler.stop();
    await watching;
    if (this.#signal.aborted) return undefined;
    this.#say(lagZeroMs < 0 ? 'the lag stays' : `lag 0 after ${lagZeroMs} ms`);
    if (lagZeroMs < 0) await this.#tellWhoIsBehind(fleet);
    const missing = new Stretches();
    const comparison = await this.#compare(parts, missing);
    const writers = await traceWriters(parts.bed.target.bootstrapServers, field.topics);
    const findings = await act.findings();
    const stretches = missing.list();
    for (const stretch of stretches.slice(0, STRETCHES_SHOWN)) this.#say(`missing and not declared: ${stretch}`);
    return chaosVerdict({
      ...this.#options,
      comparison,
      missingStretches: stretches.length,
      longestPause: field.sampler.pauses.longest,
      takeoverMs,
      failoverMs,
      lagZeroMs,
      stalls: toldStalls(readLogs(new Map(WORKER_IDS.map((id) => [id, join(this.#folder, `${id}.log`)])))),
      writers: [...writers.values()],
      findings,
      troubles: field.crew.troubles,
    });
  }

  /** Stops what was started, the last first; goes on after failures. */
  async stop(): Promise<void> {
    for (const undo of this.#undo.splice(0).reverse()) {
      await undo().catch((error: unknown) => this.#say(`while stopping: ${String(error)}`));
    }
  }

  #act(stage: Stage): Act {
    const { scenario, seed, minutes, kinds, count } = this.#options;
    const durationMs = Math.round(minutes * 60_000);
    switch (scenario) {
      case 'mixed': {
        const plan = planOf({ seed, durationMs, kinds });
        this.#say(`seed ${seed}: ${plan.length} faults in ${minutes} minutes`);
        for (const fault of plan) this.#say(planLine(fault));
        return new MixedFaults(stage, plan, durationMs);
      }
      case 'zombies':
        return new Zombies(stage, count, durationMs);
      case 'takeovers':
        return new Takeovers(stage, count);
      case 'zookeeper-outage':
        return new ZooKeeperOutage(stage, durationMs);
    }
  }

  async #start(): Promise<Parts> {
    this.#say(`starting two Kafka clusters of ${BROKERS} brokers (3.9.1 and 4.1.0) and ZooKeeper`);
    const bed = await startChaosBed();
    this.#undo.push(() => bed.stop());
    const shapes = this.#shapes();
    const { source, target, zooKeeper } = bed;
    await createTopics(source.bootstrapServers, shapes, BROKERS);
    // Where a broker is away, this one has partitions without a leader.
    await createTopics(target.bootstrapServers, [LONELY], 1);
    const links = new Map<string, Links>();
    this.#undo.push(async () => {
      for (const each of links.values()) await each.close();
    });
    for (const { kind, id } of CREW) links.set(id, await Links.start(bed, kind));
    const fleet = new Fleet({
      folder: this.#folder,
      source,
      target,
      zooKeeperConnect: zooKeeper.connect,
      // Many workers are to be given up one after the other.
      ...(this.#options.scenario === 'zombies' ? HASTY : {}),
      route: { delivery: deliveryOf(this.#options) },
      worker: { checkpointRefreshMs: CHECKPOINT_REFRESH_MS, stallAfterMs: STALL_AFTER_MS },
      reach: (_kind, id) => links.get(id)?.reach ?? {},
    });
    // What was stopped would not hear a SIGTERM.
    this.#undo.push(() => fleet.kill());
    const crew = new Crew(fleet, this.#say);
    await crew.start();
    this.#undo.push(() => crew.endSupervision());
    const looking = LOOK_LIMIT_MS;
    const sourceEnds = new LogEnds(source.bootstrapServers, shapes, looking);
    const targetEnds = new LogEnds(target.bootstrapServers, shapes, looking);
    const written = new Set(shapes.filter(({ share }) => share > 0).map(({ topic }) => topic));
    const sampler = new Sampler({ crew, sourceEnds, targetEnds, written });
    this.#undo.push(
      () => sourceEnds.close(),
      () => targetEnds.close(),
      () => sampler.stop(),
    );
    const load = this.#startLoad(bed, shapes);
    const lanes = new LaneBook(bed);
    this.#undo.push(() => lanes.close());
    const field: Field = {
      bed,
      lanes,
      topics: shapes.map(({ topic }) => topic),
      api: () => apiOf(crew),
      crew,
      links,
      sampler,
      say: this.#say,
      measured: (kind, ms) => this.#measure(kind, ms),
    };
    return { bed, fleet, field, load, shapes, sourceEnds };
  }

  #startLoad({ source }: ChaosBed, shapes: readonly TopicShape[]): Load {
    const load = new Load({
      bootstrapServers: source.bootstrapServers,
      shapes,
      recordsPerS: this.#options.recordsPerS,
      run: process.pid,
      requestTimeoutMs: LOAD_REQUEST_LIMIT_MS,
      giveUpMs: LOAD_GIVE_UP_MS,
    });
    this.#undo.push(() => load.stop());
    return load;
  }

  /** Transactions come from another client, which gives up when the source's brokers come and go. */
  #shapes(): readonly TopicShape[] {
    const isSourceSafe = this.#options.kinds.every((kind) => !specOf(kind).touches.includes('source'));
    const usual = ALL_SHAPES.filter(({ abortOneIn }) => isSourceSafe || abortOneIn === undefined);
    const { partitions } = this.#options;
    return [...usual, LONELY, ...(partitions === 0 ? [] : [wideTopic(partitions)])];
  }

  async #beginCopying({ fleet, shapes, sourceEnds }: Parts): Promise<void> {
    await addTopics(
      fleet,
      ROUTE,
      shapes.map(({ topic }) => topic),
    );
    this.#say(`${shapes.length} topics added over REST`);
    const limit = AbortSignal.any([this.#signal, AbortSignal.timeout(FLOWING_LIMIT_MS)]);
    while (!limit.aborted) {
      const held = await observeWorkers(fleet);
      const expected = (await sourceEnds.read()).size;
      if (held.length === expected && held.every(({ state }) => state === 'running')) return;
      await sleep(200, undefined, { signal: limit }).catch(() => undefined);
    }
    if (!this.#signal.aborted) throw new Error(`not every partition was copied within ${FLOWING_LIMIT_MS} ms`);
  }

  #measure(kind: 'takeover' | 'failover', ms: Promise<number>): void {
    this.#measurements[kind].push(ms);
    const said = ms.then((value) => this.#say(`${kind} ${value < 0 ? 'not within a minute' : `after ${value} ms`}`));
    said.catch(() => undefined);
  }

  async #watch({ field, load }: Parts): Promise<void> {
    const { sampler, crew } = field;
    while (!sampler.isOver) {
      await sleep(STATUS_MS, undefined, { signal: sampler.over }).catch(() => undefined);
      if (sampler.isOver || this.#signal.aborted) return;
      const behind = sampler.held.reduce((sum, { lagRecords }) => sum + Math.max(0, lagRecords), 0);
      const holding = crew
        .awake('worker')
        .map(({ id }) => `${id} ${sampler.held.filter(({ worker }) => worker === id).length}`);
      const unwell = sampler.held.filter(({ state }) => state !== 'running');
      const [first] = unwell;
      const example =
        first === undefined
          ? ''
          : ` (${first.topic}-${first.partition} at ${first.worker} is ${first.state} ${first.reason})`;
      this.#say(
        `written ${load.written}, at the target ${sampler.copied}, behind ${behind}; ${holding.join(', ')}; not running ${unwell.length}${example}; leader ${sampler.leader ?? 'nobody'}`,
      );
    }
  }

  async #tellWhoIsBehind(fleet: Fleet): Promise<void> {
    for (const { topic, partition, worker, state, reason, lagRecords } of await observeWorkers(fleet)) {
      if (state !== 'running' || lagRecords !== 0)
        this.#say(`${topic}-${partition} at ${worker} is ${state}, ${lagRecords} behind: ${reason}`);
    }
  }

  async #compare({ bed, field, load, shapes }: Parts, missing: Stretches): Promise<ClusterComparison> {
    const since = performance.now();
    const comparison = await compareClusters({
      source: bed.source.bootstrapServers,
      target: bed.target.bootstrapServers,
      topics: shapes.map(({ topic }) => topic),
      ledgers: load.ledgers,
      fleet: FLEET,
      // Faults may bring topics of their own, which they judge themselves.
      ignoresOtherGaps: true,
      onMissing: ({ topic, partition, sourceOffset }) => missing.add(`${topic}-${partition}`, sourceOffset),
    });
    this.#say(`compared ${comparison.records} records in ${Math.round(performance.now() - since)} ms`);
    for (const problem of comparison.firstProblems) this.#say(describeProblem(problem));
    const { ms, partition } = field.sampler.pauses.longest;
    if (ms > 0) this.#say(`longest pause ${ms} ms, of ${partition}`);
    return comparison;
  }
}

function deliveryOf({ allowDuplicates, transactional }: ChaosOptions): Delivery {
  if (transactional) return 'transactional';
  return allowDuplicates ? 'at-least-once' : 'exactly-once';
}
