import type { ControllerSettings } from '../../common/config/compile.js';
import { MAX_MULTI_OPS, type StoreOp } from '../../common/coordination/ports.js';
import { lanePath } from '../../common/coordination/znodes.js';
import { isCausewayError } from '../../common/errors/error.js';
import type { Route } from '../../common/model/route.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { Desired, TargetNeed, TopicFacts } from '../core/desired.js';
import { diffAssignments, type NodeChange } from '../core/diff.js';
import type { Plan, PlanPool } from '../core/plan-model.js';
import { plan } from '../core/planner.js';
import type { Problem } from '../core/problem.js';
import { poolsOf, type Roster } from '../core/roster.js';
import { buildView, type View, type World } from '../core/view.js';
import { Departures } from './departures.js';
import type { Fencer } from './fencer.js';
import type { FleetRecords } from './fleet-records.js';
import { Handoffs } from './handoffs.js';
import { LaneFences } from './lane-fences.js';
import { LoadWatch, type StatusSource } from './load-watch.js';
import { MoveLog } from './move-log.js';
import { Nudge } from './nudge.js';
import { Observation } from './observation.js';
import { hidePlan, type PlanPicture, showPlan, takePicture } from './plan-picture.js';
import { ProblemLog } from './problem-log.js';
import { ProgressKeeper } from './progress-keeper.js';
import { Publisher } from './publisher.js';
import type { Reign } from './reign.js';
import { RetiredWorkers } from './retired-workers.js';
import { Tribunal } from './tribunal.js';
import { Vacancies } from './vacancies.js';

/** Hints that come in a burst are taken together. */
const COALESCE_MS = 10;
const RETRY = { initialMs: 50, maxMs: 5_000 } as const;
/** A full read is followed by at least this many times its length without one. */
const FULL_READ_SPACING = 10;
/** Rounds that follow one another at once; more without rest would be a loop that never settles. */
const MAX_BUSY_ROUNDS = 50;

/** What the leader knows of the clusters. */
export interface Facts {
  /** The same text means that nothing else is known. */
  readonly revision: string;
  readonly problems: readonly Problem[];
  follow(entries: readonly { readonly route: Route; readonly topic: string }[]): void;
  facts(route: Route, topic: string, targetTopic: string): TopicFacts;
  /** Starts making what is missing; false while something is. */
  ensureTargets(needs: readonly TargetNeed[]): boolean;
}

export interface ReconcilerOptions {
  readonly reign: Reign;
  readonly records: FleetRecords;
  readonly facts: Facts;
  readonly fencer: Fencer;
  readonly statuses: StatusSource;
  /** Where the operators' configuration says that a cluster is. */
  readonly zoneOfCluster: (cluster: string) => string | undefined;
  readonly settings: Pick<
    ControllerSettings,
    'takeoverDelayMs' | 'handoffTimeoutMs' | 'reconcileIntervalMs' | 'planner'
  >;
  readonly sessionTimeoutMs: () => number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Makes the assignments what they should be, for the length of one reign: observe, plan, write, and again. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #nudge: Nudge;
  readonly #observation: Observation;
  readonly #departures: Departures;
  readonly #handoffs: Handoffs;
  readonly #fences: LaneFences;
  readonly #publisher: Publisher;
  readonly #progress: ProgressKeeper;
  readonly #problemLog: ProblemLog;
  readonly #tribunal: Tribunal;
  readonly #vacancies = new Vacancies();
  readonly #moveLog: MoveLog;
  readonly #loads: LoadWatch;
  readonly #retired: RetiredWorkers;
  #lastPlan: PlanPicture | undefined;
  /** Monotonic ms of the next bound that ends: a takeover delay, a handoff. */
  #deadlineMs: number | undefined;
  /** The world as it was when a full compare found nothing to do, and nothing was under way. */
  #restingAt: string | undefined;
  /** Monotonic ms when everything is to be read again. */
  #fullReadDueMs = Number.NEGATIVE_INFINITY;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    const { reign, records, settings, clock, random, logger, metrics, fencer } = options;
    this.#nudge = new Nudge(clock);
    this.#observation = new Observation(records, settings.planner.maxActiveWorkers);
    this.#departures = new Departures({
      takeoverDelayMs: settings.takeoverDelayMs,
      freezeMs: options.sessionTimeoutMs,
    });
    this.#handoffs = new Handoffs(settings.handoffTimeoutMs);
    const onDone = (): void => this.hint();
    this.#fences = new LaneFences({
      reign,
      records,
      departures: this.#departures,
      fencer,
      clock,
      random,
      logger,
      onDone,
    });
    this.#publisher = new Publisher(reign, records, metrics);
    this.#progress = new ProgressKeeper(reign, records);
    this.#retired = new RetiredWorkers({ reign, records });
    this.#problemLog = new ProblemLog(logger);
    this.#moveLog = new MoveLog({ clock, logger, metrics });
    this.#loads = new LoadWatch({
      source: options.statuses,
      live: () => this.#observation.live(),
      settings: settings.planner,
      clock,
      random,
      onNews: () => this.hint(),
    });
    this.#tribunal = new Tribunal({
      records,
      observation: this.#observation,
      departures: this.#departures,
      handoffs: this.#handoffs,
      fences: this.#fences,
      logger,
    });
  }

  get problems(): readonly Problem[] {
    return this.#problemLog.current;
  }

  /** The latest plan; undefined before the first one of the reign. */
  get lastPlan(): PlanPicture | undefined {
    return this.#lastPlan;
  }

  /** Something may have changed: look soon. */
  hint(): void {
    this.#nudge.wake();
  }

  /** Runs until the reign is over. */
  async run(): Promise<void> {
    const { reign, records, clock } = this.#options;
    const unwatch = records.watch(() => this.hint());
    const onEnd = (): void => this.hint();
    reign.signal.addEventListener('abort', onEnd, { once: true });
    const loads = this.#loads.run(reign.signal);
    let busy = 0;
    for (let failures = 0; !reign.signal.aborted; ) {
      try {
        const again = await this.#timedRound(this.#fullReadDueMs <= clock.monotonicMs());
        failures = 0;
        busy = again ? busy + 1 : 0;
        if (again && busy < MAX_BUSY_ROUNDS) continue;
        if (await this.#nudge.wait(this.#restMs())) await clock.sleep(COALESCE_MS, reign.signal);
      } catch (error) {
        if (reign.signal.aborted) break;
        this.#failed(error, failures);
        this.#fullReadDueMs = Number.NEGATIVE_INFINITY;
        await clock.sleep(backoffMs(failures++, RETRY, this.#options.random), reign.signal);
      }
    }
    unwatch();
    await loads;
    hidePlan(this.#options.metrics);
    await this.#fences.settle();
  }

  #restMs(): number {
    const nextMs = Math.min(this.#fullReadDueMs, this.#deadlineMs ?? Number.POSITIVE_INFINITY);
    return Math.max(1, nextMs - this.#options.clock.monotonicMs());
  }

  /** Reads what may have changed, or everything; a large fleet's full read is spaced out so that it stays a small part of the time. */
  async #read(full: boolean): Promise<void> {
    const { records, clock, random, settings } = this.#options;
    const startMs = clock.monotonicMs();
    await records.refresh(full);
    if (!full) return;
    const endMs = clock.monotonicMs();
    const intervalMs = Math.max(settings.reconcileIntervalMs, (endMs - startMs) * FULL_READ_SPACING);
    // By the clock alone: hints never put it off.
    this.#fullReadDueMs = endMs + intervalMs * (0.85 + 0.3 * random.unit());
  }

  #failed(error: unknown, failures: number): void {
    const { logger, metrics } = this.#options;
    const code = isCausewayError(error) ? error.code : 'INTERNAL_INVARIANT';
    metrics.inc('causeway_reconcile_errors_total', 1, { code });
    // A REST write or a lost answer in between is everyday business: the next round reads anew.
    const everyday = code === 'BAD_VERSION' || code === 'NODE_EXISTS' || code === 'NODE_MISSING';
    if (everyday && failures < 3) logger.debug('reconcile.retry', { err: error });
    else if (failures === 0 || failures % 20 === 0) logger.error('reconcile.failed', { err: error });
  }

  async #timedRound(full: boolean): Promise<boolean> {
    const { clock, metrics } = this.#options;
    const startMs = clock.monotonicMs();
    try {
      return await this.#round(full);
    } finally {
      metrics.observe('causeway_reconcile_seconds', (clock.monotonicMs() - startMs) / 1000);
    }
  }

  /** @returns true when it wrote something, so that the next step can follow at once */
  async #round(full: boolean): Promise<boolean> {
    const { records, facts, clock } = this.#options;
    await this.#read(full);
    if (full && (await this.#retired.remove(clock.monotonicMs()))) return true;
    const worldAt = `${records.revision()}|${facts.revision}|${this.#loads.revision}`;
    if (worldAt === this.#restingAt) return false;
    this.#restingAt = undefined;
    const nowMs = clock.monotonicMs();
    const desired = this.#desire();
    const complete = facts.ensureTargets(desired.needs);
    if (await this.#progress.write(desired.newProgress)) return true;
    this.#deadlineMs = this.#tribunal.judge(nowMs);
    await this.#fences.advance();
    const holders = this.#observation.holders(this.#departures, (incarnation) => this.#fences.isFenced(incarnation));
    if (await this.#progress.write(this.#progress.started(holders.values()))) return true;
    const roster = this.#observation.roster(this.#departures);
    const world = {
      desired,
      holders,
      accepting: roster.accepting,
      keeping: roster.keeping,
      pools: this.#pools(roster),
      vacated: this.#vacancies.entries,
      promised: this.#moveLog.promised,
      loads: this.#loads.facts,
      isFrozen: this.#observation.isFrozen,
    };
    const maxMoves = this.#departures.frozen(nowMs) ? 0 : this.#options.settings.planner.maxMovesPerRound;
    const view = buildView(world, maxMoves, this.#loads.policy);
    this.#vacancies.keep(view.planned);
    this.#moveLog.keep(view.planned);
    await this.#breathe();
    const planned = plan(view.input);
    await this.#breathe();
    const wrote = await this.#publish(world, view, planned, full);
    const cleaned = await this.#removeSpentLanes();
    this.#report(world, view, planned, roster);
    const idle = !wrote && !cleaned && complete;
    const nothingPending = this.#deadlineMs === undefined && this.#departures.doomed.size === 0;
    // The same world gives the same answer; only time or a change can give another.
    // As it was read: what came meanwhile has not been looked at.
    if (full && idle && nothingPending) this.#restingAt = worldAt;
    return wrote || cleaned;
  }

  /** A large fleet's view, plan and diff take a good part of a second each: in between the session's heartbeats must get through. */
  async #breathe(): Promise<void> {
    await this.#options.clock.sleep(0, this.#options.reign.signal);
  }

  #pools(roster: Pick<Roster, 'accepting' | 'dedicated'>): Map<string, PlanPool> {
    return poolsOf(this.#observation.routes().values(), roster, this.#options.zoneOfCluster);
  }

  #desire(): Desired {
    const { records, facts } = this.#options;
    const routes = this.#observation.routes();
    const entries = [...records.topics.entries.values()].flatMap(({ value }) => {
      const route = routes.get(value.route);
      return route === undefined ? [] : [{ route, topic: value.topic }];
    });
    facts.follow(entries);
    return this.#observation.desired((route, topic, target) => facts.facts(route, topic, target));
  }

  async #publish(world: World, view: View, planned: Plan, full: boolean): Promise<boolean> {
    const { reign, clock, logger } = this.#options;
    const changes = diffAssignments({
      epoch: reign.epoch,
      world,
      owners: planned.owners,
      planned: view.planned,
      revokedBy: (worker, key) => this.#handoffs.revokedBy(worker, key),
      holdAdditions: this.#options.records.assignments.unreadable.size > 0,
      generationFloor: this.#retired.highestGeneration,
      compareStarted: full,
      routes: this.#observation.routes(),
    });
    changes.push(...this.#tribunal.replacements(reign.epoch));
    const moves = new Map(planned.moves.map((move) => [move.key, move]));
    const lanesOf = (worker: string): string[] => {
      const holder = world.holders.get(worker);
      return holder?.state === 'fenced' ? this.#fences.lanesOf(holder.assignment.incarnation) : [];
    };
    await this.#publisher.publish(changes, lanesOf, (change) => {
      this.#handoffs.revoked(change.worker, change.revoked, change.assignment, clock.monotonicMs());
      this.#vacancies.wrote(change);
      const restless = this.#moveLog.wrote(change, moves, view.planned);
      if (change.added.length + change.revoked.length > 0) this.#loads.changed(restless);
      logger.info('assignment.written', summary(change));
    });
    return changes.length > 0;
  }

  async #removeSpentLanes(): Promise<boolean> {
    const { reign, records } = this.#options;
    const spent = this.#tribunal.spentLanes().slice(0, MAX_MULTI_OPS - 1);
    if (spent.length === 0) return false;
    records.lanes.invalidate();
    await reign.write(
      spent.map(
        ({ transactionalId, version }): StoreOp => ({ type: 'remove', path: lanePath(transactionalId), version }),
      ),
    );
    return true;
  }

  #report(world: World, view: View, planned: Plan, roster: Roster): void {
    const { metrics, facts, settings } = this.#options;
    this.#lastPlan = takePicture({
      plan: planned,
      view,
      roster,
      poolsOf: (supposed) => this.#pools(supposed),
      isFrozen: world.isFrozen,
      moveLog: this.#moveLog,
      settings: settings.planner,
    });
    showPlan(metrics, view, this.#lastPlan);
    this.#problemLog.update([...world.desired.problems, ...facts.problems]);
    metrics.set('causeway_live_workers', this.#observation.live().size);
  }
}

function summary({ worker, assignment, added, revoked, dropped }: NodeChange): Record<string, unknown> {
  const { incarnation, epoch, generation, items } = assignment;
  const counts = { items: items.length, added: added.length, revoked: revoked.length, dropped: dropped.size };
  return { worker, incarnation, epoch, generation, ...counts };
}
