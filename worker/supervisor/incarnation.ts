import type { CoordinationStore } from '../../common/coordination/ports.js';
import { refKey, type WorkerAssignment } from '../../common/model/assignment.js';
import type { RateLimits } from '../../common/model/route.js';
import type { PartitionStatus, ThreadStatus } from '../../common/model/status.js';
import type { LaneRecord, WorkerReport } from '../../common/model/worker.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import type { Random } from '../../common/runtime/random.js';
import { ThreadBalance, type ThreadMove } from '../core/thread-balance.js';
import { type ThreadHoldings, ThreadViews } from '../core/thread-views.js';
import type { FromThread, ThreadSettings, ThreadStats } from '../thread/protocol.js';
import { registerLane } from './lane-registration.js';
import { LaneWatch } from './lane-watch.js';
import { LimitOrders } from './limit-orders.js';
import { ThreadPlacement } from './thread-placement.js';
import { ThreadPool, type ThreadPoolDeps } from './thread-pool.js';

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

/** One life of the worker, from registration to the end of its session: its threads, and what they hold together. */
export class Incarnation implements Closable {
  readonly #deps: IncarnationDeps;
  readonly #pool: ThreadPool;
  readonly #laneWatch: LaneWatch;
  readonly #views = new ThreadViews();
  #assignment: WorkerAssignment | undefined;
  readonly #placement: ThreadPlacement;
  readonly #balance = new ThreadBalance();
  readonly #limits: LimitOrders;
  /** Number of the last order to each thread. */
  readonly #orders = new Map<number, number>();
  #releasing = false;
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
    return this.#views.statuses(this.#placement.between, (key) => this.#placement.threadOf(key));
  }

  threads(): readonly ThreadStatus[] {
    return this.#views.threads();
  }

  get heldCount(): number {
    return this.#views.held(this.#placement.between).length;
  }

  apply(next: WorkerAssignment): void {
    // A process that ends takes nothing up again, whatever the leader still writes to it.
    const assignment = this.#releasing ? { ...next, items: [] } : next;
    this.#assignment = assignment;
    this.#placement.place(assignment.items, new Set(this.#views.held([]).map(refKey)));
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
    const view = this.#views.of(from);
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
    return this.#assignment !== undefined && this.#views.areOf(this.#assignment, this.#deps.threads);
  }

  #rebalance(): void {
    if (this.#deps.threads === 1 || this.#releasing || this.#placement.moving || !this.#isSettled()) return;
    // Another thread may need a new lane, which is registered in the store.
    if (this.#deps.store.session().state !== 'connected') return;
    // One that keeps dying looks idle.
    if (!this.#pool.isSteady) return;
    const owned = new Set(this.#assignment?.items.filter(({ state }) => state === 'own').map(refKey));
    const threads = this.threads();
    const partitions = this.#views.measurements().map(({ thread, status, isStarted }) => {
      const key = refKey(status);
      const isMovable = status.state === 'running' && owned.has(key) && isStarted;
      return { key, thread, load: this.#placement.load(key), isMovable };
    });
    for (const move of this.#balance.decide(threads, partitions, this.#deps.clock.monotonicMs())) this.move(move);
  }

  #received(thread: number, message: FromThread): void {
    switch (message.type) {
      case 'ready':
        this.#send(thread);
        return;
      case 'held': {
        const { type: _type, ...holdings } = message;
        this.#views.holds(thread, holdings);
        this.#moveOn(thread, holdings);
        this.#report();
        return;
      }
      case 'stats': {
        const { partitions, utilization, loopDelayMs, inflightBytes } = message.stats;
        this.#views.measured(thread, partitions, { utilization, loopDelayMs, inflightBytes });
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
  #moveOn(thread: number, { order, held, started }: ThreadHoldings): void {
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

  /** Speaks only when every thread has applied the present assignment: what one of them has not seen yet may still be held. */
  #report(): void {
    const assignment = this.#assignment;
    if (assignment === undefined || !this.#isSettled()) return;
    const { incarnation, worker } = this.#deps;
    const { epoch, generation, items } = assignment;
    const said = this.#views.report(this.#placement.between, items);
    this.#deps.report({ worker, incarnation, epoch, generation, ...said });
  }

  async #registerLane(thread: number, lane: LaneRecord): Promise<void> {
    const { signal } = this.#stop;
    const { transactionalId } = lane;
    await registerLane(lane, this.#deps, signal);
    this.#laneWatch.add(transactionalId);
    const over = signal.aborted ? { error: 'the incarnation is over' } : {};
    this.#pool.send(thread, { type: 'lane-registered', transactionalId, ...over });
  }

  #threadSilent(thread: number, silentMs: number): void {
    const since = new Date(this.#deps.clock.wallMs() - silentMs).toISOString();
    const message = `data thread ${thread} has said nothing for ${Math.round(silentMs / 1_000)} s`;
    const partitions = this.#views.silent(thread, { code: 'thread-silent', message, since });
    if (partitions !== undefined) this.#deps.threadSilent(thread, partitions);
  }

  #threadDied(thread: number, error: string): void {
    this.#deps.logger.error('thread.died', { thread, msg: error });
    this.#deps.threadDied();
    this.#views.died(thread);
  }
}
