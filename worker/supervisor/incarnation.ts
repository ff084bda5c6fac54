import type { CoordinationStore } from '../../common/coordination/ports.js';
import { encodeLane } from '../../common/coordination/records/worker.js';
import { lanePath } from '../../common/coordination/znodes.js';
import { isCausewayError, messageOf } from '../../common/errors/error.js';
import {
  type AssignmentItem,
  type PartitionRef,
  refKey,
  type WorkerAssignment,
} from '../../common/model/assignment.js';
import type { PartitionStatus } from '../../common/model/status.js';
import type { LaneRecord, WorkerReport } from '../../common/model/worker.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import type { Random } from '../../common/runtime/random.js';
import { doubtfulRefs } from '../core/doubtful.js';
import { placeKeys } from '../core/placement.js';
import type { FromThread, ThreadSettings, ThreadStats } from '../thread/protocol.js';
import { LaneWatch } from './lane-watch.js';
import { ThreadPool } from './thread-pool.js';

const LANE_RETRY_MS = 250;

export interface IncarnationDeps {
  readonly incarnation: string;
  readonly worker: string;
  readonly threads: number;
  readonly threadSettings: (thread: number, life: number, incarnation: string) => ThreadSettings;
  readonly store: CoordinationStore;
  readonly report: (report: WorkerReport) => void;
  readonly stats: (thread: number, stats: ThreadStats) => void;
  readonly threadDied: () => void;
  /** A lane was fenced: this incarnation must end (exactly-once.md 2.5). */
  readonly fenced: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

interface ThreadView {
  epoch: number;
  generation: number;
  held: readonly PartitionRef[];
  doubtful: readonly PartitionRef[];
  started: readonly PartitionRef[];
  partitions: readonly PartitionStatus[];
}

/** One life of the worker, from registration to the end of its session: its threads, and what they hold together. */
export class Incarnation implements Closable {
  readonly #deps: IncarnationDeps;
  readonly #pool: ThreadPool;
  readonly #laneWatch: LaneWatch;
  readonly #views = new Map<number, ThreadView>();
  #assignment: WorkerAssignment | undefined;
  #placed = new Map<string, number>();
  #releasing = false;
  /** What threads that died held, until it is held again. */
  #lost: PartitionRef[] = [];
  readonly #stop = new AbortController();

  constructor(deps: IncarnationDeps) {
    this.#deps = deps;
    const { store, clock, logger } = deps;
    this.#laneWatch = new LaneWatch({
      store,
      clock,
      logger,
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
      clock: deps.clock,
      random: deps.random,
      logger: deps.logger,
    });
  }

  get assignment(): WorkerAssignment | undefined {
    return this.#assignment;
  }

  statuses(): readonly PartitionStatus[] {
    return [...this.#views.values()].flatMap((view) => view.partitions);
  }

  get heldCount(): number {
    return [...this.#views.values()].reduce((sum, view) => sum + view.held.length, 0);
  }

  apply(next: WorkerAssignment): void {
    // A process that ends takes nothing up again, whatever the leader still writes to it.
    const assignment = this.#releasing ? { ...next, items: [] } : next;
    this.#assignment = assignment;
    const held = new Set([...this.#views.values()].flatMap((view) => view.held.map(refKey)));
    const keys = assignment.items.map(refKey);
    // What a thread still drains must not start in another one meanwhile.
    const kept = new Map([...this.#placed].filter(([key]) => held.has(key)));
    for (const key of keys) {
      const thread = this.#placed.get(key);
      if (thread !== undefined) kept.set(key, thread);
    }
    const placement = placeKeys(kept, keys, this.#deps.threads);
    this.#placed = new Map([...kept, ...placement]);
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
    const items: AssignmentItem[] = assignment.items.filter((item) => this.#placed.get(refKey(item)) === thread);
    this.#pool.send(thread, { type: 'assign', epoch, generation, routes, items });
  }

  #received(thread: number, message: FromThread): void {
    switch (message.type) {
      case 'ready':
        this.#send(thread);
        return;
      case 'held': {
        const { epoch, generation, held, doubtful, started } = message;
        const partitions = this.#views.get(thread)?.partitions ?? [];
        this.#views.set(thread, { epoch, generation, held, doubtful, started, partitions });
        this.#report();
        return;
      }
      case 'stats': {
        const view = this.#views.get(thread);
        if (view !== undefined) view.partitions = message.stats.partitions;
        this.#deps.stats(thread, message.stats);
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

  /** Speaks only when every thread has applied the present assignment: what one of them has not seen yet may still be held. */
  #report(): void {
    const assignment = this.#assignment;
    const views = [...this.#views.values()];
    const current = (view: ThreadView): boolean =>
      view.epoch === assignment?.epoch && view.generation === assignment.generation;
    if (assignment === undefined || views.length < this.#deps.threads || !views.every(current)) return;
    const { incarnation, worker } = this.#deps;
    const held = views.flatMap((view) => view.held);
    const taken = new Set(held.map(refKey));
    this.#lost = this.#lost.filter((ref) => !taken.has(refKey(ref)));
    this.#deps.report({
      worker,
      incarnation,
      epoch: assignment.epoch,
      generation: assignment.generation,
      held,
      doubtful: [...views.flatMap((view) => view.doubtful), ...doubtfulRefs(this.#lost, held, assignment.items)],
      started: views.flatMap((view) => view.started),
    });
  }

  /** Writes the lane's node before the lane may produce (exactly-once.md 2.2); tried until the incarnation ends. */
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
    this.#laneWatch.add(transactionalId);
    this.#pool.send(thread, { type: 'lane-registered', transactionalId });
  }

  #threadDied(thread: number, error: string): void {
    this.#deps.logger.error('thread.died', { thread, msg: error });
    this.#deps.threadDied();
    const view = this.#views.get(thread);
    // Until the new thread has applied the assignment, the old one's partitions count as held.
    if (view === undefined) return;
    this.#views.set(thread, { ...view, epoch: -1, generation: -1, partitions: [] });
    this.#lost.push(...view.held);
  }
}
