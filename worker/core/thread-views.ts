import { type AssignmentItem, type PartitionRef, refKey } from '../../common/model/assignment.js';
import type { BreakRequest } from '../../common/model/continuity.js';
import type { PartitionStatus, ThreadStatus } from '../../common/model/status.js';
import type { StartedRef, WorkerReport } from '../../common/model/worker.js';
import { doubtfulRefs } from './doubtful.js';

/** What a thread holds, having carried out an order. */
export interface ThreadHoldings {
  readonly epoch: number;
  readonly generation: number;
  readonly order: number;
  readonly held: readonly PartitionRef[];
  readonly doubtful: readonly PartitionRef[];
  readonly started: readonly StartedRef[];
  readonly finished: readonly PartitionRef[];
  readonly breaks: readonly BreakRequest[];
}

type ThreadLoad = Omit<ThreadStatus, 'thread' | 'partitions'>;

interface ThreadView extends ThreadHoldings {
  readonly partitions: readonly PartitionStatus[];
  readonly load: ThreadLoad;
}

/** A partition on its way from one thread to another: it has neither left nor ended. */
export interface PartitionBetween {
  readonly ref: PartitionRef;
  /** The timeline in which it began, if it has. */
  readonly started: StartedRef | undefined;
  /** Its last one. */
  readonly status: PartitionStatus;
}

const UNKNOWN_LOAD: ThreadLoad = { utilization: 0, loopDelayMs: 0, inflightBytes: 0 };

/** What the threads of an incarnation last said, and what they hold together. */
export class ThreadViews {
  readonly #views = new Map<number, ThreadView>();
  /** What threads that died held, until it is held again. */
  #lost: readonly PartitionRef[] = [];

  holds(thread: number, holdings: ThreadHoldings): void {
    const { partitions, load } = this.#views.get(thread) ?? { partitions: [], load: UNKNOWN_LOAD };
    this.#views.set(thread, { ...holdings, partitions, load });
  }

  measured(thread: number, partitions: readonly PartitionStatus[], load: ThreadLoad): void {
    const view = this.#views.get(thread);
    if (view !== undefined) this.#views.set(thread, { ...view, partitions, load });
  }

  /**
   * What it last said must not be taken for what is: its partitions stand still, all but those that were paused.
   * @returns what they are now; undefined: the thread has never said anything
   */
  silent(thread: number, stall: NonNullable<PartitionStatus['stall']>): readonly PartitionStatus[] | undefined {
    const view = this.#views.get(thread);
    if (view === undefined) return undefined;
    const partitions = view.partitions.map(
      (status): PartitionStatus => (status.state === 'paused' ? status : { ...status, state: 'stalled', stall }),
    );
    this.#views.set(thread, { ...view, partitions });
    return partitions;
  }

  /** Until the thread after it has applied the assignment, its partitions count as held. */
  died(thread: number): void {
    const view = this.#views.get(thread);
    if (view === undefined) return;
    this.#views.set(thread, { ...view, epoch: -1, generation: -1, partitions: [], load: UNKNOWN_LOAD });
    this.#lost = [...this.#lost, ...view.held];
  }

  /** Every one of so many threads has applied this assignment. */
  areOf({ epoch, generation }: Pick<ThreadHoldings, 'epoch' | 'generation'>, threads: number): boolean {
    const views = [...this.#views.values()];
    return views.length >= threads && views.every((view) => view.epoch === epoch && view.generation === generation);
  }

  threads(): readonly ThreadStatus[] {
    return [...this.#views].map(([thread, { held, load }]) => ({ thread, partitions: held.length, ...load }));
  }

  of(thread: number): Pick<ThreadView, 'partitions' | 'started'> | undefined {
    return this.#views.get(thread);
  }

  /** @param threadOf who has it: one that changed threads a moment ago is still in the old one's last numbers */
  statuses(
    between: readonly PartitionBetween[],
    threadOf: (key: string) => number | undefined,
  ): readonly PartitionStatus[] {
    const statuses = new Map(between.map(({ ref, status }) => [refKey(ref), status]));
    for (const [thread, { partitions }] of this.#views) {
      for (const status of partitions) {
        const key = refKey(status);
        if (!statuses.has(key) || threadOf(key) === thread) statuses.set(key, status);
      }
    }
    return [...statuses.values()];
  }

  /** Every partition's last status, by thread. */
  measurements(): readonly {
    readonly thread: number;
    readonly status: PartitionStatus;
    readonly isStarted: boolean;
  }[] {
    return [...this.#views].flatMap(([thread, view]) => {
      const started = new Set(view.started.map(refKey));
      return view.partitions.map((status) => ({ thread, status, isStarted: started.has(refKey(status)) }));
    });
  }

  /** Draining ones included. */
  held(between: readonly PartitionBetween[]): readonly PartitionRef[] {
    return united(
      this.#all(({ held }) => held),
      between.map(({ ref }) => ref),
    );
  }

  /** For the leader. @param items that the threads were ordered to hold */
  report(
    between: readonly PartitionBetween[],
    items: readonly AssignmentItem[],
  ): Pick<WorkerReport, 'held' | 'doubtful' | 'started' | 'finished' | 'breaks'> {
    const held = this.held(between);
    const taken = new Set(held.map(refKey));
    this.#lost = this.#lost.filter((ref) => !taken.has(refKey(ref)));
    const finished = this.#all((view) => view.finished);
    const breaks = this.#all((view) => view.breaks);
    return {
      held,
      doubtful: [...this.#all(({ doubtful }) => doubtful), ...doubtfulRefs(this.#lost, held, items)],
      started: united(
        this.#all(({ started }) => started),
        between.flatMap(({ started }) => (started === undefined ? [] : [started])),
      ),
      ...(finished.length === 0 ? {} : { finished }),
      ...(breaks.length === 0 ? {} : { breaks }),
    };
  }

  #all<T>(of: (view: ThreadView) => readonly T[]): readonly T[] {
    return [...this.#views.values()].flatMap(of);
  }
}

function united<T extends PartitionRef>(refs: readonly T[], between: readonly T[]): readonly T[] {
  if (between.length === 0) return refs;
  const keys = new Set(refs.map(refKey));
  return [...refs, ...between.filter((ref) => !keys.has(refKey(ref)))];
}
