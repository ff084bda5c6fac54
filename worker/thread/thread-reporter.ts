import type { PartitionRef } from '../../common/model/assignment.js';
import type { StartedRef } from '../../common/model/worker.js';
import type { Clock, Timer } from '../../common/runtime/clock.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';
import type { FromThread, ThreadStats } from './protocol.js';

const STATS_INTERVAL_MS = 1_000;

export interface ThreadReporterDeps {
  readonly post: (message: FromThread) => void;
  /** Everything held, draining included. */
  readonly held: () => readonly MirroredPartition[];
  readonly takeStats: (elapsedS: number) => ThreadStats;
  readonly clock: Clock;
}

/** Tells the supervisor what the thread holds, on every change, and how it fares, once a second. */
export class ThreadReporter {
  readonly #deps: ThreadReporterDeps;
  #applied: { readonly epoch: number; readonly generation: number; readonly order: number } | undefined;
  /** Partitions that the last report called finished. */
  #finished = 0;
  #pending = false;
  #timer: Timer | undefined;
  #lastTickMs: number;
  #closed = false;

  constructor(deps: ThreadReporterDeps) {
    this.#deps = deps;
    this.#lastTickMs = deps.clock.monotonicMs();
    this.#scheduleStats();
  }

  /** From now on reports speak of this assignment. */
  applied(epoch: number, generation: number, order: number): void {
    this.#applied = { epoch, generation, order };
    this.changed();
  }

  /** Changes within one turn become one message. */
  changed(): void {
    if (this.#pending) return;
    this.#pending = true;
    queueMicrotask(() => {
      this.#pending = false;
      if (this.#applied === undefined) return;
      const held = this.#deps.held();
      const started = held.filter((partition) => partition.started).map(startedRefOf);
      const finished = held.filter((partition) => partition.finished).map(refOf);
      this.#finished = finished.length;
      const breaks = held.flatMap(({ breakRequest }) => (breakRequest === undefined ? [] : [breakRequest]));
      const lists = { held: held.map(refOf), doubtful: [], started, finished, breaks };
      this.#deps.post({ type: 'held', ...this.#applied, ...lists });
    });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #scheduleStats(): void {
    this.#timer = this.#deps.clock.after(STATS_INTERVAL_MS, () => {
      if (this.#closed) return;
      const nowMs = this.#deps.clock.monotonicMs();
      const stats = this.#deps.takeStats((nowMs - this.#lastTickMs) / 1_000);
      this.#lastTickMs = nowMs;
      this.#deps.post({ type: 'stats', stats });
      if (this.#deps.held().filter((partition) => partition.finished).length !== this.#finished) this.changed();
      this.#scheduleStats();
    });
  }
}

function refOf({ item }: MirroredPartition): PartitionRef {
  return { route: item.route, topic: item.topic, partition: item.partition };
}

/** What is still drained has begun in the timeline that it leaves. */
function startedRefOf(partition: MirroredPartition): StartedRef {
  return { ...refOf(partition), timeline: partition.item.timeline };
}
