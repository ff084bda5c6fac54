import type { CoordinationStore } from '../../common/coordination/ports.js';
import { encodeLane } from '../../common/coordination/records/worker.js';
import { lanePath } from '../../common/coordination/znodes.js';
import { isCausewayError, messageOf } from '../../common/errors/error.js';
import { type PartitionRef, refKey, type WorkerAssignment } from '../../common/model/assignment.js';
import type { BreakRequest } from '../../common/model/continuity.js';
import type { RateLimits } from '../../common/model/route.js';
import type { PartitionStatus, ThreadStatus } from '../../common/model/status.js';
import type { LaneRecord, StartedRef, WorkerReport } from '../../common/model/worker.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import type { Random } from '../../common/runtime/random.js';
import { doubtfulRefs } from '../core/doubtful.js';
import { ThreadBalance, type ThreadMove } from '../core/thread-balance.js';
import type { FromThread, ThreadSettings, ThreadStats } from '../thread/protocol.js';
import { LaneWatch } from './lane-watch.js';
import { LimitOrders } from './limit-orders.js';
import { ThreadPlacement } from './thread-placement.js';
import { ThreadPool, type ThreadPoolDeps } from './thread-pool.js';

const LANE_RETRY_MS = 250;

export interface IncarnationDeps {
  readonly incarnation: string;
  readonly worker: string;
  readonly threads: number;
  /** This worker's own. */
  readonly limits: RateLimits;
  readonly threadSettings: (thread: number, life: number, incarnation: string) => ThreadSettings;
  readonly store: CoordinationStore;
  readonly report: (report: WorkerReport) => void;
  readonly stats: (thread: number, stats: ThreadStats) => void;
  readonly threadDied: () => void;
  /** A thread is silent: this is what its partitions are now, as far as anybody knows. */
  readonly threadSilent: (thread: number, partitions: readonly PartitionStatus[]) => void;
  readonly threadMove: () => void;
  /** The store is the fleet's, and whole. */
  readonly isStoreWhole: () => Promise<boolean>;
  /** It is registered in the session that the store has now. */
  readonly isMember: () => boolean;
  /** A lane was fenced: this incarnation must end (exactly-once.md 2.5). */
  readonly fenced: () => void;
  readonly spawnThread?: ThreadPoolDeps['spawn'];
  /** For tests. */
  readonly pulse?: ThreadPoolDeps['pulse'];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

interface ThreadView {
  epoch: number;
  generation: number;
  order: number;
  held: readonly PartitionRef[];
  doubtful: readonly PartitionRef[];
  started: readonly StartedRef[];
  finished: readonly PartitionRef[];
  breaks: readonly BreakRequest[];
  partitions: readonly PartitionStatus[];
  load: Omit<ThreadStatus, 'thread' | 'partitions'>;
}

const UNKNOWN_LOAD = { utilization: 0, loopDelayMs: 0, inflightBytes: 0 };

/** One life of the worker, from registration to the end of its session: its threads, and what they hold together. */
export class Incarnation implements Closable {
  readonly #deps: IncarnationDeps;
  readonly #pool: ThreadPool;
  readonly #laneWatch: LaneWatch;
  readonly #views = new Map<number, ThreadView>();
  #assignment: WorkerAssignment | undefined;
  readonly #placement: ThreadPlacement;
  readonly #balance = new ThreadBalance();
  readonly #limits: LimitOrders;
  /** Number of the last order to each thread. */
  readonly #orders = new Map<number, number>();
  #releasing = false;
  /** What threads that died held, until it is held again. */
  #lost: PartitionRef[] = [];
  readonly #stop = new AbortController();

  constructor(deps: IncarnationDeps) {
    this.#deps = deps;
    const { store, clock, logger } = deps;
    this.#placement = new ThreadPlacement(deps.threads);
    this.#limits = new LimitOrders(deps.limits);
    this.#laneWatch = new LaneWatch({
      store,
      clock,
      logger,
      isWhole: deps.isStoreWhole,
      condemned: (transactionalId) => {
        logger.warn('lane.condemned', { transactionalId });
        deps.fenced();
      },
    });
    this.#pool = new ThreadPool({
      threads: deps.threads,
      settings: (thread, life) => deps.threadSettings(thread, life, deps.incarnation),
      received: (thread, message) => this.#received(thread, message),
      died: (thread, error) => this.#threadDied(thread, error),
      silent: (thread, silentMs) => this.#threadSilent(thread, silentMs),
      pulse: deps.pulse,
      spawn: deps.spawnThread,
      clock: deps.clock,
      random: deps.random,
      logger: deps.logger,
    });
  }

  get assignment(): WorkerAssignment | undefined {
    return this.#assignment;
  }

  /** Whatever it copies, the target refuses it when somebody else has taken over. */
  get isRefereed(): boolean {
    const { routes = [], items = [] } = this.#assignment ?? {};
    const refereed = new Set(routes.filter(({ delivery }) => delivery !== 'at-least-once').map(({ name }) => name));
    return items.length > 0 && items.every(({ route }) => refereed.has(route));
  }

  /** Nobody has begun to fence a lane of it. @throws when the store does not answer */
  intact(): Promise<boolean> {
    return this.#laneWatch.intact();
  }

  statuses(): readonly PartitionStatus[] {
    const statuses = new Map(this.#placement.between.map(({ ref, status }) => [refKey(ref), status]));
    for (const [thread, { partitions }] of this.#views) {
      for (const status of partitions) {
        const key = refKey(status);
        // One that changed threads a moment ago is still in the old one's last numbers.
        if (!statuses.has(key) || this.#placement.threadOf(key) === thread) statuses.set(key, status);
      }
    }
    return [...statuses.values()];
  }

  threads(): readonly ThreadStatus[] {
    return [...this.#views].map(([thread, { held, load }]) => ({ thread, partitions: held.length, ...load }));
  }

  get heldCount(): number {
    return this.#held().length;
  }

  apply(next: WorkerAssignment): void {
    // A process that ends takes nothing up again, whatever the leader still writes to it.
    const assignment = this.#releasing ? { ...next, items: [] } : next;
    this.#assignment = assignment;
    const held = [...this.#views.values()].flatMap((view) => view.held);
    this.#placement.place(assignment.items, new Set(held.map(refKey)));
    this.#limits.update(assignment.limits, this.#deps.clock.monotonicMs());
    for (let thread = 0; thread < this.#deps.threads; thread++) this.#send(thread);
  }

  /** Hands everything back although no leader asks for it: the process ends. */
  releaseAll(): void {
    this.#releasing = true;
    if (this.#assignment !== undefined) this.apply(this.#assignment);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all([this.#laneWatch.close(), this.#pool.close()]);
  }

  #send(thread: number): void {
    const assignment = this.#assignment;
    if (assignment === undefined) return;
    const { epoch, generation, routes } = assignment;
    const items = this.#placement.itemsOf(thread, assignment.items);
    const order = this.#nextOrder(thread);
    this.#orders.set(thread, order);
    this.#pool.send(thread, { type: 'assign', epoch, generation, order, routes, items, limits: this.#limits.orders });
  }

  #nextOrder(thread: number): number {
    return (this.#orders.get(thread) ?? 0) + 1;
  }

  /** Gives a partition to another thread: it is drained where it is, then begun there. Nobody outside notices. */
  move({ key, from, to, reason }: ThreadMove): void {
    const view = this.#views.get(from);
    const status = view?.partitions.find((candidate) => refKey(candidate) === key);
    if (status === undefined || from === to) return;
    const { route, topic, partition } = status;
    this.#deps.logger.info('partition.changes-thread', { route, topic, partition, from, to, msg: reason });
    this.#deps.threadMove();
    this.#placement.move(
      status,
      to,
      view?.started.find((ref) => refKey(ref) === key),
    );
    this.#send(from);
  }

  /** Every thread's view is of the present assignment. */
  #isSettled(): boolean {
    const { epoch, generation } = this.#assignment ?? { epoch: -1, generation: -1 };
    const views = [...this.#views.values()];
    if (this.#assignment === undefined || views.length < this.#deps.threads) return false;
    return views.every((view) => view.epoch === epoch && view.generation === generation);
  }

  #rebalance(): void {
    if (this.#deps.threads === 1 || this.#releasing || this.#placement.moving || !this.#isSettled()) return;
    // Another thread may need a new lane, which is registered in the store.
    if (this.#deps.store.session().state !== 'connected') return;
    // One that keeps dying looks idle.
    if (!this.#pool.isSteady) return;
    const owned = new Set(this.#assignment?.items.filter(({ state }) => state === 'own').map(refKey));
    const threads = this.threads();
    const partitions = [...this.#views].flatMap(([thread, view]) => {
      const started = new Set(view.started.map(refKey));
      return view.partitions.map((status) => {
        const key = refKey(status);
        const isMovable = status.state === 'running' && owned.has(key) && started.has(key);
        return { key, thread, load: this.#placement.load(key), isMovable };
      });
    });
    for (const move of this.#balance.decide(threads, partitions, this.#deps.clock.monotonicMs())) this.move(move);
  }

  #received(thread: number, message: FromThread): void {
    switch (message.type) {
      case 'ready':
        this.#send(thread);
        return;
      case 'held': {
        const { type: _type, ...view } = message;
        const { partitions, load } = this.#views.get(thread) ?? { partitions: [], load: UNKNOWN_LOAD };
        this.#views.set(thread, { ...view, partitions, load });
        this.#moveOn(thread, view);
        this.#report();
        return;
      }
      case 'stats': {
        const view = this.#views.get(thread);
        const { partitions, utilization, loopDelayMs, inflightBytes } = message.stats;
        if (view !== undefined) {
          view.partitions = partitions;
          view.load = { utilization, loopDelayMs, inflightBytes };
        }
        this.#placement.observe(partitions);
        this.#deps.stats(thread, message.stats);
        // Once a round of all threads' numbers.
        if (thread === 0) this.#rebalance();
        return;
      }
      case 'register-lane':
        this.#registerLane(thread, message.lane).catch((error: unknown) =>
          this.#deps.logger.error('lane.register-failed', { err: error }),
        );
        return;
      case 'lane-dead':
        this.#deps.fenced();
        return;
      case 'stopped':
        return;
    }
  }

  /** A partition that one thread has drained is given to the next. */
  #moveOn(thread: number, { order, held, started }: Pick<ThreadView, 'order' | 'held' | 'started'>): void {
    if (!this.#placement.moving) return;
    const owned = new Set(this.#assignment?.items.filter(({ state }) => state === 'own').map(refKey));
    const due = this.#placement.reported(
      thread,
      order,
      new Set(held.map(refKey)),
      new Set(started.map(refKey)),
      (key) => owned.has(key),
      (next) => this.#nextOrder(next),
    );
    for (const next of due) this.#send(next);
  }

  /** Draining ones, and those on their way from one thread to another, included. */
  #held(): readonly PartitionRef[] {
    return united(
      [...this.#views.values()].flatMap((view) => view.held),
      this.#placement.between.map(({ ref }) => ref),
    );
  }

  /** Speaks only when every thread has applied the present assignment: what one of them has not seen yet may still be held. */
  #report(): void {
    const assignment = this.#assignment;
    if (assignment === undefined || !this.#isSettled()) return;
    const { incarnation, worker } = this.#deps;
    const views = [...this.#views.values()];
    const { between } = this.#placement;
    const held = this.#held();
    const taken = new Set(held.map(refKey));
    this.#lost = this.#lost.filter((ref) => !taken.has(refKey(ref)));
    const finished = views.flatMap((view) => view.finished);
    const breaks = views.flatMap((view) => view.breaks);
    this.#deps.report({
      worker,
      incarnation,
      epoch: assignment.epoch,
      generation: assignment.generation,
      held,
      doubtful: [...views.flatMap((view) => view.doubtful), ...doubtfulRefs(this.#lost, held, assignment.items)],
      started: united(
        views.flatMap((view) => view.started),
        between.flatMap(({ started }) => (started === undefined ? [] : [started])),
      ),
      ...(finished.length === 0 ? {} : { finished }),
      ...(breaks.length === 0 ? {} : { breaks }),
    });
  }

  /**
   * Writes the lane's node before the lane may produce (exactly-once.md 2.2); tried until the incarnation ends. Without a session it goes on
   * with the lanes it has: a node that comes into the store only with the next session may belong to an incarnation that was given up and
   * fenced meanwhile, and nobody would fence it again (5.1). Until it is a member in that session, the lane is not its own.
   */
  async #registerLane(thread: number, lane: LaneRecord): Promise<void> {
    const { store, clock, logger } = this.#deps;
    const { transactionalId } = lane;
    for (let attempt = 0; !this.#stop.signal.aborted; attempt++) {
      try {
        await store.create(lanePath(transactionalId), encodeLane(lane));
        break;
      } catch (error) {
        // Ours already: the answer to an earlier try was lost.
        if (isCausewayError(error, 'NODE_EXISTS')) break;
        if (attempt === 0) logger.warn('lane.registration-waits', { transactionalId, msg: messageOf(error) });
        await clock.sleep(LANE_RETRY_MS, this.#stop.signal);
      }
    }
    while (!this.#deps.isMember() && !this.#stop.signal.aborted) await clock.sleep(LANE_RETRY_MS, this.#stop.signal);
    this.#laneWatch.add(transactionalId);
    const over = this.#stop.signal.aborted ? { error: 'the incarnation is over' } : {};
    this.#pool.send(thread, { type: 'lane-registered', transactionalId, ...over });
  }

  /** What it last said must not be taken for what is: its partitions stand still, all but those that were paused. */
  #threadSilent(thread: number, silentMs: number): void {
    const view = this.#views.get(thread);
    if (view === undefined) return;
    const since = new Date(this.#deps.clock.wallMs() - silentMs).toISOString();
    const message = `data thread ${thread} has said nothing for ${Math.round(silentMs / 1_000)} s`;
    const stall = { code: 'thread-silent', message, since } as const;
    view.partitions = view.partitions.map((status) =>
      status.state === 'paused' ? status : { ...status, state: 'stalled', stall },
    );
    this.#deps.threadSilent(thread, view.partitions);
  }

  #threadDied(thread: number, error: string): void {
    this.#deps.logger.error('thread.died', { thread, msg: error });
    this.#deps.threadDied();
    const view = this.#views.get(thread);
    // Until the new thread has applied the assignment, the old one's partitions count as held.
    if (view === undefined) return;
    this.#views.set(thread, { ...view, epoch: -1, generation: -1, partitions: [], load: UNKNOWN_LOAD });
    this.#lost.push(...view.held);
  }
}

/** @param between what is on its way from one thread to another: it has neither left nor ended */
function united<T extends PartitionRef>(refs: readonly T[], between: readonly T[]): readonly T[] {
  if (between.length === 0) return refs;
  const keys = new Set(refs.map(refKey));
  return [...refs, ...between.filter((ref) => !keys.has(refKey(ref)))];
}
