import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { openEmbeddedStore } from '../../../common/coordination/embedded/engine.js';
import type { CoordinationStore } from '../../../common/coordination/ports.js';
import { type AssignmentItem, refKey } from '../../../common/model/assignment.js';
import type { ClusterConnection } from '../../../common/model/cluster.js';
import type { Route } from '../../../common/model/route.js';
import type { WorkerReport } from '../../../common/model/worker.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';
import { LEASE_BYTES } from '../../../worker/core/lease.js';
import { Incarnation, type IncarnationDeps } from '../../../worker/supervisor/incarnation.js';
import type { FromThread, ThreadSettings, ToThread } from '../../../worker/thread/protocol.js';
import { eventually } from './thread-kit.js';

const MB = 1 << 20;
const deps = { clock: systemClock, random: systemRandom, logger: silentLogger };
let incarnations = 0;

export interface IncarnationOptions {
  readonly threads: number;
  readonly settings: ThreadSettings['settings'];
  readonly spawnThread?: IncarnationDeps['spawnThread'];
  readonly pulse?: IncarnationDeps['pulse'];
}

/** One life of a worker with real data threads; the test is the leader and keeps every report. */
export class IncarnationUnderTest {
  readonly reports: WorkerReport[] = [];
  readonly incarnation: Incarnation;
  readonly lease = new SharedArrayBuffer(LEASE_BYTES);
  deaths = 0;
  readonly #store: CoordinationStore;
  readonly #dir: string;
  readonly #id: string;
  readonly #threads: ReadonlyMap<Worker, readonly AssignmentItem[]>;
  readonly #begun: ReadonlyMap<Worker, ReadonlySet<string>>;
  readonly #release: () => void;
  #generation = 0;

  private constructor(
    store: CoordinationStore,
    dir: string,
    clusters: readonly ClusterConnection[],
    { threads, settings, spawnThread, pulse }: IncarnationOptions,
  ) {
    this.#store = store;
    this.#dir = dir;
    new Float64Array(this.lease).fill(Number.POSITIVE_INFINITY);
    this.#id = `threads${process.pid}-${++incarnations}`;
    const taken = new SharedArrayBuffer(8 * threads);
    const memory = { guaranteedBytes: (16 * MB) / threads, sharedBytes: 48 * MB, taken };
    const { threads: seen, begun, release } = watchThreads();
    this.#threads = seen;
    this.#begun = begun;
    this.#release = release;
    this.incarnation = new Incarnation({
      ...deps,
      incarnation: this.#id,
      worker: 'w',
      threads,
      limits: {},
      threadSettings: (thread, life, incarnation) => ({
        ...{ thread, life, incarnation, clusters, settings, memory, lease: this.lease },
        ...{ fleet: 'test', worker: 'w', http: 'http://127.0.0.1:1' },
        logLevel: 'silent' as ThreadSettings['logLevel'],
      }),
      store,
      report: (report) => this.reports.push(report),
      stats: () => undefined,
      threadDied: () => {
        this.deaths += 1;
      },
      threadSilent: () => undefined,
      threadMove: () => undefined,
      ...(spawnThread === undefined ? {} : { spawnThread }),
      ...(pulse === undefined ? {} : { pulse }),
      isStoreWhole: async () => true,
      isMember: () => true,
      fenced: () => undefined,
    });
  }

  static async open(
    clusters: readonly ClusterConnection[],
    options: IncarnationOptions,
  ): Promise<IncarnationUnderTest> {
    const dir = await mkdtemp(join(tmpdir(), 'incarnation-'));
    const store = await openEmbeddedStore({ dir, ...deps });
    return new IncarnationUnderTest(store, dir, clusters, options);
  }

  assign(routes: readonly Route[], items: readonly AssignmentItem[]): void {
    this.#generation += 1;
    const order = { worker: 'w', incarnation: this.#id, epoch: 1, generation: this.#generation };
    this.incarnation.apply({ ...order, routes, items, limits: [] });
  }

  async started(count: number): Promise<void> {
    await eventually(`${count} partitions started`, () => this.reports.at(-1)?.started.length === count);
    await eventually(`${count} partitions shown`, () => this.incarnation.statuses().length === count);
  }

  threadOf(topic: string, partition: number): number {
    const key = refKey({ route: 'r', topic, partition });
    return this.incarnation.statuses().find((status) => refKey(status) === key)?.thread ?? -1;
  }

  /** The thread that holds the partition has said that it began: as the worker itself asks before it moves one on. */
  hasBegun(topic: string, partition: number): boolean {
    const key = refKey({ route: 'r', topic, partition });
    return [...this.#begun.values()].some((keys) => keys.has(key));
  }

  /** Ends the thread that holds the partition, from outside, as a fault in it would. */
  async killHolder(topic: string, partition: number): Promise<void> {
    const isIt = (item: AssignmentItem): boolean => item.topic === topic && item.partition === partition;
    const [thread] = [...this.#threads].find(([, items]) => items.some(isIt)) ?? [];
    if (thread === undefined) throw new Error(`no thread holds ${topic}-${partition}`);
    await thread.terminate();
  }

  async close(): Promise<void> {
    this.#release();
    await this.incarnation.close();
    await this.#store.close();
    await rm(this.#dir, { recursive: true, force: true });
  }
}

/** The data threads that this process starts from now on, with what each was last ordered to hold, and said to have begun. */
function watchThreads(): {
  readonly threads: ReadonlyMap<Worker, readonly AssignmentItem[]>;
  readonly begun: ReadonlyMap<Worker, ReadonlySet<string>>;
  readonly release: () => void;
} {
  const threads = new Map<Worker, readonly AssignmentItem[]>();
  const begun = new Map<Worker, ReadonlySet<string>>();
  const post = Worker.prototype.postMessage;
  Worker.prototype.postMessage = function (this: Worker, ...args: Parameters<typeof post>): void {
    const message = args[0] as ToThread;
    if (message.type === 'assign') {
      if (!threads.has(this)) {
        // Behind the worker's own listener: what is known here it knows, too.
        this.on('message', (said: FromThread) => {
          if (said.type === 'held') begun.set(this, new Set(said.started.map(refKey)));
        });
      }
      threads.set(this, message.items);
    }
    post.apply(this, args);
  };
  return {
    threads,
    begun,
    release: () => {
      Worker.prototype.postMessage = post;
    },
  };
}
