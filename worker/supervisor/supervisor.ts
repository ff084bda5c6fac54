import type { Config } from '../../common/config/compile.js';
import type { CoordinationStore } from '../../common/coordination/ports.js';
import type { CausewayError } from '../../common/errors/error.js';
import type { WorkerStatus } from '../../common/model/status.js';
import type { LiveWorker } from '../../common/model/worker.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import { divideBytes } from '../core/byte-budget.js';
import type { ThreadSettings } from '../thread/protocol.js';
import { AssignmentReader } from './assignment-reader.js';
import { FleetGuard } from './fleet-guard.js';
import { Incarnation } from './incarnation.js';
import { LeaseKeeper } from './lease-keeper.js';
import { Membership } from './membership.js';
import { ReportWriter } from './report-writer.js';
import type { ThreadPoolDeps } from './thread-pool.js';
import { WorkerMetrics } from './worker-metrics.js';

const ASSIGNMENT_INTERVAL_MS = 5_000;
const HANDOVER_POLL_MS = 25;
/** With less a thread would never send a fetch. */
const MIN_THREAD_BYTES = 1 << 20;
/** With no leader to take over, what is in flight is still drained for this long. */
const LOCAL_DRAIN_MS = 5_000;

export interface SupervisorDeps {
  readonly config: Config;
  readonly version: string;
  readonly store: CoordinationStore;
  /** `http://host:port` of this worker, as others reach it. */
  readonly httpAddress: () => string;
  /** This process must end: somebody else lives under its id. */
  readonly fatal: (error: CausewayError) => void;
  /** For the simulation: instead of threads of Node's. */
  readonly spawnThread?: ThreadPoolDeps['spawn'];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** The worker's main thread: coordination, reports and metrics; mirrored bytes never come here. */
export class Supervisor {
  readonly #deps: SupervisorDeps;
  readonly #lease: LeaseKeeper;
  readonly #metrics: WorkerMetrics;
  readonly #membership: Membership;
  readonly #assignments: AssignmentReader;
  readonly #reports: ReportWriter;
  readonly #guard: FleetGuard;
  readonly #startedAt: string;
  readonly #unsubscribe: () => void;
  #incarnation: Incarnation | undefined;
  #ending: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #closed = false;

  constructor(deps: SupervisorDeps) {
    this.#deps = deps;
    const { store, clock, random, logger, config, metrics } = deps;
    this.#startedAt = new Date(clock.wallMs()).toISOString();
    this.#metrics = new WorkerMetrics(metrics);
    this.#reports = new ReportWriter({ store, clock, logger });
    this.#guard = new FleetGuard({
      store,
      fleet: config.fleet,
      highestEpoch: () => this.#assignments?.highestEpoch ?? -1,
      forgot: () => this.#assignments?.forgetHighest(),
    });
    this.#lease = new LeaseKeeper({
      store,
      registeredIn: () => this.#membership?.session,
      mayGoOn: () => this.#mayGoOn(),
      clock,
    });
    this.#membership = new Membership({
      guard: this.#guard,
      store,
      clock,
      random,
      logger,
      describe: () => this.#describe(),
      joined: (incarnation) => this.#joined(incarnation),
      lost: () => this.#lost(),
      outlivesSession: () => this.#lease.outlivesSession(),
      intact: () => this.#incarnation?.intact() ?? Promise.resolve(false),
      taken: deps.fatal,
    });
    this.#assignments = new AssignmentReader({
      store,
      clock,
      random,
      logger,
      worker: config.worker.id,
      incarnation: () => (this.#incarnation === undefined ? undefined : this.#membership.incarnation),
      accepted: (assignment) => {
        const { epoch, generation, items } = assignment;
        logger.info('assignment.accepted', { epoch, generation, partitions: items.length });
        this.#metrics.assignment(assignment);
        this.#incarnation?.apply(assignment);
      },
      intervalMs: ASSIGNMENT_INTERVAL_MS,
    });
    this.#unsubscribe = store.onSession((session) => {
      this.#metrics.session(session);
      this.#lease.update();
    });
  }

  /** True while this worker is a member of the fleet. */
  get joined(): boolean {
    return this.#membership.incarnation !== undefined;
  }

  status(): WorkerStatus {
    const assignment = this.#incarnation?.assignment;
    const rules = this.#metrics.ruleCounts;
    return {
      ...(rules.length === 0 ? {} : { rules }),
      worker: this.#deps.config.worker.id,
      incarnation: this.#membership.incarnation ?? '',
      epoch: assignment?.epoch ?? 0,
      generation: assignment?.generation ?? 0,
      partitions: this.#incarnation?.statuses() ?? [],
      threads: this.#incarnation?.threads() ?? [],
    };
  }

  /** Hands everything over, bounded by shutdownTimeoutMs, then ends. */
  close(): Promise<void> {
    this.#closing ??= this.#handOverAndClose();
    return this.#closing;
  }

  async #handOverAndClose(): Promise<void> {
    const { clock, logger, config } = this.#deps;
    const startedMs = clock.monotonicMs();
    try {
      await this.#membership.leave();
      await this.#until(() => this.#empty(), config.worker.shutdownTimeoutMs);
      if (!this.#empty()) {
        logger.warn('worker.handover-timeout', { held: this.#incarnation?.heldCount ?? 0 });
        this.#incarnation?.releaseAll();
        await this.#until(() => (this.#incarnation?.heldCount ?? 0) === 0, LOCAL_DRAIN_MS);
      }
      await this.#until(() => this.#reports.flushed, LOCAL_DRAIN_MS);
    } catch (error) {
      logger.warn('worker.handover-failed', { err: error });
      this.#incarnation?.releaseAll();
      await this.#until(() => (this.#incarnation?.heldCount ?? 0) === 0, LOCAL_DRAIN_MS);
    }
    this.#closed = true;
    this.#lease.close();
    this.#unsubscribe();
    await this.#assignments.close();
    await this.#membership.close();
    await this.#reports.close();
    await this.#incarnation?.close();
    await this.#ending;
    logger.info('worker.left', { afterMs: Math.round(clock.monotonicMs() - startedMs) });
  }

  /** Nothing is assigned (the leader took the last item away) and nothing is held. */
  #empty(): boolean {
    const incarnation = this.#incarnation;
    if (incarnation === undefined) return true;
    return (incarnation.assignment?.items.length ?? 0) === 0 && incarnation.heldCount === 0;
  }

  async #until(done: () => boolean, timeoutMs: number): Promise<void> {
    const { clock } = this.#deps;
    const untilMs = clock.monotonicMs() + timeoutMs;
    while (!done() && clock.monotonicMs() < untilMs) await clock.sleep(HANDOVER_POLL_MS);
  }

  #describe(): Omit<LiveWorker, 'incarnation' | 'leaving'> {
    const { config, version, httpAddress } = this.#deps;
    const { id, zone, capacity, standby, routes } = config.worker;
    const highest = this.#assignments?.highestEpoch ?? -1;
    const seen = highest < 0 ? {} : { seenEpoch: highest };
    const own = { worker: id, zone, capacity, standby, routes, http: httpAddress(), version };
    return { ...own, ...seen, startedAt: this.#startedAt };
  }

  #joined(incarnation: string): void {
    // The threads of the life before must be gone before the next one's begin.
    this.#ending = this.#ending.then(() => {
      if (this.#closed || this.#membership.incarnation !== incarnation) return;
      const { config, store, clock, random, logger } = this.#deps;
      this.#lease.joined();
      const taken = new SharedArrayBuffer(config.worker.threads * Float64Array.BYTES_PER_ELEMENT);
      this.#incarnation = new Incarnation({
        incarnation,
        store,
        clock,
        random,
        logger,
        worker: config.worker.id,
        threads: config.worker.threads,
        limits: config.worker.limits,
        threadSettings: (thread, life, of) => this.#threadSettings(thread, life, of, taken),
        report: (report) => this.#reports.write(report),
        stats: (thread, stats) => this.#metrics.stats(thread, stats),
        threadDied: () => this.#metrics.threadDied(),
        threadSilent: (thread, partitions) => this.#metrics.threadSilent(thread, partitions),
        threadMove: () => this.#metrics.threadMove(),
        spawnThread: this.#deps.spawnThread,
        isStoreWhole: async () => (await this.#guard.standing()) === 'ours',
        isMember: () => this.#membership?.session === store.session().generation,
        fenced: () => this.#membership.renew(),
      });
      this.#assignments.refresh();
    });
  }

  #lost(): Promise<void> {
    const old = this.#incarnation;
    this.#incarnation = undefined;
    this.#metrics.forgetPartitions();
    if (old !== undefined) this.#ending = this.#ending.then(() => old.close());
    return this.#ending;
  }

  #threadSettings(thread: number, life: number, incarnation: string, taken: SharedArrayBuffer): ThreadSettings {
    const { config } = this.#deps;
    const { http: _http, ...settings } = config.worker;
    const { maxInflightBytes, threads } = settings;
    return {
      thread,
      life,
      incarnation,
      settings,
      ruleSecrets: config.ruleSecrets,
      fleet: config.fleet,
      http: this.#deps.httpAddress(),
      worker: config.worker.id,
      clusters: [...config.clusters.values()],
      memory: { ...divideBytes(maxInflightBytes, threads, MIN_THREAD_BYTES), taken },
      logLevel: config.logLevel,
      lease: this.#lease.shared,
    };
  }

  #mayGoOn(): boolean {
    switch (this.#deps.config.worker.onCoordinationLoss) {
      case 'stop':
        return false;
      case 'continue':
        return true;
      case 'by-delivery':
        return this.#incarnation?.isRefereed ?? false;
    }
  }
}
