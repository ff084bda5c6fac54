import type { ControllerSettings } from '../../common/config/compile.js';
import type { CoordinationStore } from '../../common/coordination/ports.js';
import type { Route } from '../../common/model/route.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { Desired } from '../core/desired.js';
import type { Plan, PlanPool } from '../core/plan-model.js';
import { plan } from '../core/planner.js';
import type { Problem } from '../core/problem.js';
import { poolsOf, type Roster } from '../core/roster.js';
import type { TopicFacts } from '../core/topic-facts.js';
import { buildView, type View, type World } from '../core/view.js';
import { AssignmentWriter } from './assignment-writer.js';
import { Deliveries } from './deliveries.js';
import { Departures } from './departures.js';
import type { Facts } from './facts.js';
import type { Fencer } from './fencer.js';
import type { FleetRecords } from './fleet-records.js';
import { GoneWatch } from './gone-watch.js';
import { Handoffs } from './handoffs.js';
import { LaneFences } from './lane-fences.js';
import { LoadWatch, type StatusSource } from './load-watch.js';
import { MoveLog } from './move-log.js';
import { Observation } from './observation.js';
import { type PlanPicture, showPlan, takePicture } from './plan-picture.js';
import { ProblemLog } from './problem-log.js';
import { type ProcessProbe, processProbe } from './process-probe.js';
import { ProgressKeeper } from './progress-keeper.js';
import type { Reign } from './reign.js';
import { RetiredWorkers } from './retired-workers.js';
import type { RuleBook } from './rule-book.js';
import { TopicSelector } from './topic-selector.js';
import { Tribunal } from './tribunal.js';
import { Vacancies } from './vacancies.js';

export interface RoundsOptions {
  readonly reign: Reign;
  readonly store: Pick<CoordinationStore, 'sync' | 'children'>;
  readonly records: FleetRecords;
  readonly facts: Facts;
  readonly fencer: Fencer;
  readonly statuses: StatusSource;
  /** For the simulation: instead of a connection to the process's address. */
  readonly probe?: ProcessProbe | undefined;
  /** Where the operators' configuration says that a cluster is. */
  readonly zoneOfCluster: (cluster: string) => string | undefined;
  /** Names of the configured clusters. */
  readonly clusters: readonly string[];
  readonly rules: RuleBook;
  readonly settings: Pick<
    ControllerSettings,
    'takeoverDelayMs' | 'handoffTimeoutMs' | 'reconcileIntervalMs' | 'planner'
  >;
  readonly sessionTimeoutMs: () => number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Something may come out differently now. */
  readonly onNews: () => void;
}

/** One step of a reign after the other: observe, judge, plan, write. Keeps what must be remembered from step to step. */
export class Rounds {
  readonly #options: RoundsOptions;
  readonly #observation: Observation;
  readonly #deliveries: Deliveries;
  readonly #departures: Departures;
  readonly #handoffs: Handoffs;
  readonly #fences: LaneFences;
  readonly #writer: AssignmentWriter;
  readonly #progress: ProgressKeeper;
  readonly #problemLog: ProblemLog;
  readonly #tribunal: Tribunal;
  readonly #vacancies = new Vacancies();
  readonly #moveLog: MoveLog;
  readonly #loads: LoadWatch;
  readonly #gone: GoneWatch;
  readonly #retired: RetiredWorkers;
  readonly #selector: TopicSelector;
  #lastPlan: PlanPicture | undefined;
  #deadlineMs: number | undefined;
  /** The world as it was when a full compare found nothing to do, and nothing was under way. */
  #restingAt: string | undefined;
  /** As it was when the last round, full or not, found nothing to do: a hint alone is no reason to compute all of it again. */
  #quietAt: string | undefined;

  constructor(options: RoundsOptions) {
    this.#options = options;
    const { reign, records, settings, clock, random, logger, metrics, fencer, onNews } = options;
    this.#deliveries = new Deliveries({ unproven: (target) => options.facts.unproven(target), logger });
    const { maxActiveWorkers } = settings.planner;
    this.#observation = new Observation(records, maxActiveWorkers, this.#deliveries, () => clock.wallMs());
    this.#departures = new Departures({
      takeoverDelayMs: settings.takeoverDelayMs,
      freezeMs: options.sessionTimeoutMs,
    });
    this.#handoffs = new Handoffs(settings.handoffTimeoutMs);
    this.#fences = new LaneFences({
      reign,
      records,
      departures: this.#departures,
      fencer,
      clock,
      random,
      logger,
      onDone: onNews,
    });
    this.#progress = new ProgressKeeper(reign, records);
    this.#retired = new RetiredWorkers({ reign, records });
    this.#selector = new TopicSelector({ ...options, listings: options.facts });
    this.#problemLog = new ProblemLog(logger);
    this.#moveLog = new MoveLog({ clock, logger, metrics });
    this.#loads = new LoadWatch({
      source: options.statuses,
      live: () => this.#observation.live(),
      settings: settings.planner,
      clock,
      random,
      onNews,
    });
    this.#gone = new GoneWatch({
      live: () => this.#observation.live(),
      probe: options.probe ?? processProbe(clock),
      clock,
      logger,
      onNews,
    });
    this.#tribunal = new Tribunal({
      records,
      observation: this.#observation,
      departures: this.#departures,
      handoffs: this.#handoffs,
      fences: this.#fences,
      gone: () => this.#gone.gone,
      logger,
    });
    this.#writer = new AssignmentWriter({
      ...options,
      observation: this.#observation,
      handoffs: this.#handoffs,
      fences: this.#fences,
      tribunal: this.#tribunal,
      retired: this.#retired,
      vacancies: this.#vacancies,
      moveLog: this.#moveLog,
      loads: this.#loads,
    });
  }

  get problems(): readonly Problem[] {
    return this.#problemLog.current;
  }

  /** The latest plan; undefined before the first one of the reign. */
  get lastPlan(): PlanPicture | undefined {
    return this.#lastPlan;
  }

  /** Monotonic ms of the next bound that ends: a takeover delay, a handoff. */
  get deadlineMs(): number | undefined {
    return this.#deadlineMs;
  }

  /** Watches the workers' loads, and their processes, until the signal. */
  async watchWorkers(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#loads.run(signal), this.#gone.run(signal)]);
  }

  /** Waits for the fences under way. */
  async settle(): Promise<void> {
    await this.#fences.settle();
  }

  /**
   * Takes the next step from what was just read.
   * @param full everything was read
   * @returns true when it wrote something, so that the next step can follow at once
   */
  async next(full: boolean): Promise<boolean> {
    const { records, facts, clock } = this.#options;
    if (full && (await this.#retired.remove(clock.monotonicMs()))) return true;
    const worldAt = `${records.revision()}|${facts.revision}|${this.#loads.revision}|${this.#gone.revision}`;
    if (worldAt === this.#restingAt || (!full && worldAt === this.#quietAt)) return false;
    this.#restingAt = undefined;
    this.#quietAt = undefined;
    if (await this.#selector.advance()) return true;
    const nowMs = clock.monotonicMs();
    const desired = this.#desire();
    const complete = facts.ensureTargets(desired.needs);
    if (await this.#progress.write(desired.newProgress)) return true;
    this.#deadlineMs = this.#nextBound(nowMs, this.#tribunal.judge(nowMs));
    await this.#fences.advance();
    const holders = this.#observation.holders(this.#departures, (incarnation) => this.#fences.isFenced(incarnation));
    const targetTopicId = (key: string): string | null => desired.topics.get(key)?.targetTopicId ?? null;
    if (await this.#progress.write(this.#progress.started(holders.values(), targetTopicId))) return true;
    if (await this.#progress.write(this.#progress.broken(holders.values()))) return true;
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
      awaited: this.#observation.awaited,
    };
    const maxMoves = this.#departures.frozen(nowMs) ? 0 : this.#options.settings.planner.maxMovesPerRound;
    const view = buildView(world, maxMoves, this.#loads.policy);
    this.#vacancies.keep(view.planned);
    this.#moveLog.keep(view.planned);
    await this.#breathe();
    const planned = plan(view.input);
    await this.#breathe();
    const wrote = await this.#writer.write(world, view, planned, full);
    const cleaned = await this.#writer.removeSpentLanes();
    this.#report(world, view, planned, roster);
    const idle = !wrote && !cleaned && complete;
    const nothingPending = this.#deadlineMs === undefined && this.#departures.doomed.size === 0;
    // The same world gives the same answer; only time or a change can give another.
    // As it was read: what came meanwhile has not been looked at.
    if (idle && nothingPending) this.#quietAt = worldAt;
    if (full && idle && nothingPending) this.#restingAt = worldAt;
    return wrote || cleaned;
  }

  /** Also when the announcement of a restart ends: what waits for the worker then goes to others. */
  #nextBound(nowMs: number, judged: number | undefined): number | undefined {
    const leftMs = this.#observation.restartEndsInMs;
    return leftMs === undefined ? judged : Math.min(nowMs + leftMs, judged ?? Number.POSITIVE_INFINITY);
  }

  /** A large fleet's view, plan and diff take a good part of a second each: in between the session's heartbeats must get through. */
  async #breathe(): Promise<void> {
    await this.#options.clock.sleep(0, this.#options.reign.signal);
  }

  #pools(roster: Pick<Roster, 'accepting' | 'dedicated'>): Map<string, PlanPool> {
    return poolsOf(this.#observation.routes().values(), roster, this.#options.zoneOfCluster);
  }

  #desire(): Desired {
    const { facts } = this.#options;
    // Whatever its delivery is now, a route's target goes on being tried.
    const routes = this.#observation.wantedRoutes();
    this.#deliveries.update(routes.values(), this.#observation.assignments());
    const entries = this.#observation.entries().flatMap(({ entry }) => {
      const route = routes.get(entry.route);
      return route === undefined ? [] : [{ route, topic: entry.topic }];
    });
    facts.follow(entries);
    const factsOf = (route: Route, topic: string, target: string): TopicFacts => facts.facts(route, topic, target);
    const desired = this.#observation.desired(factsOf, this.#selector.standings, facts.identity);
    return { ...desired, problems: [...desired.problems, ...this.#deliveries.problems(entries)] };
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
