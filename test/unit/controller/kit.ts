import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CausewayClient } from '../../../common/api/client.js';
import type { Config } from '../../../common/config/compile.js';
import { type EmbeddedEngine, openEmbeddedEngine } from '../../../common/coordination/embedded/engine.js';
import type { CoordinationStore } from '../../../common/coordination/ports.js';
import type { ClusterConnection } from '../../../common/model/cluster.js';
import type { Route } from '../../../common/model/route.js';
import { type Logger, silentLogger } from '../../../common/observability/logger.js';
import { Metrics } from '../../../common/observability/metrics.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';
import { type ControllerApp, startController } from '../../../controller/app.js';
import type { Fencer } from '../../../controller/loop/fencer.js';
import type { DeliveryProver } from '../../../controller/metadata/ports.js';
import { FakeKafka } from './fake-kafka.js';
import { FakeWorker, type FakeWorkerOptions, Ownership } from './fake-worker.js';

export const CLUSTERS: ReadonlyMap<string, ClusterConnection> = new Map(
  ['east', 'west', 'north'].map((name) => [
    name,
    { name, bootstrap: ['127.0.0.1:1'], connectTimeoutMs: 100, requestTimeoutMs: 100 },
  ]),
);

export function routeOf(name: string, settings: Partial<Route> = {}): Route {
  return {
    name,
    source: 'east',
    target: 'west',
    naming: { policy: 'identity' },
    delivery: 'at-least-once',
    start: 'earliest',
    isolation: 'read_committed',
    targetTopics: { create: true },
    compression: 'source',
    onRefusedRecord: 'pause',
    limits: {},
    ...settings,
  };
}

const HTTP = { host: '127.0.0.1', port: 0, advertised: undefined, token: undefined } as const;

export const PLANNER: Config['controller']['planner'] = {
  maxActiveWorkers: 0,
  maxMovesPerRound: 500,
  maxLoadMovesPerRound: 20,
  loadTolerance: 0.2,
  loadFloorBytesPerS: 1 << 20,
  loadIntervalMs: 50,
  settleMs: 300,
  moveCooldownMs: 60_000,
  workerBytesPerS: 50_000_000,
  workerPartitions: 4,
  stuckAfterMs: 600_000,
};

export interface KitOptions {
  readonly routes?: readonly Route[];
  readonly settings?: Partial<Config['controller']>;
  readonly fencer?: Fencer;
  readonly prover?: DeliveryProver;
  readonly logger?: Logger;
  readonly sessionTimeoutMs?: number;
  /** Controllers whose watches never call back. */
  readonly deaf?: boolean;
}

/** One fleet without Kafka: the embedded store, controllers, fake workers. */
export class ControllerKit {
  readonly kafka = new FakeKafka();
  readonly #closers: (() => Promise<void>)[] = [];
  readonly engine: EmbeddedEngine;
  readonly store: CoordinationStore;
  readonly #options: KitOptions;
  readonly ownership = new Ownership();
  readonly workers = new Map<string, FakeWorker>();
  #controllers = 0;

  private constructor(engine: EmbeddedEngine, options: KitOptions) {
    this.engine = engine;
    this.store = engine.connect();
    this.#options = options;
  }

  static async open(options: KitOptions = {}): Promise<ControllerKit> {
    const dir = await mkdtemp(join(tmpdir(), 'causeway-controller-'));
    const engine = await openEmbeddedEngine({
      dir,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      ...(options.sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs: options.sessionTimeoutMs }),
    });
    const kit = new ControllerKit(engine, options);
    kit.#closers.push(
      () => rm(dir, { recursive: true, force: true }),
      () => engine.close(),
      () => kit.store.close(),
    );
    await kit.store.ready();
    return kit;
  }

  config(overrides: Partial<Config['controller']> = {}): Config {
    const controller = {
      id: `c${++this.#controllers}`,
      http: HTTP,
      takeoverDelayMs: 50,
      handoffTimeoutMs: 1_000,
      reconcileIntervalMs: 200,
      metadataIntervalMs: 50,
      legacyRoute: undefined,
      deny: [],
      planner: PLANNER,
      ...this.#options.settings,
      ...overrides,
    };
    return {
      fleet: 'test',
      ruleSecrets: new Map(),
      coordination: { type: 'embedded', dir: '' },
      clusters: CLUSTERS,
      routes: this.#options.routes ?? [routeOf('r')],
      controller: controller as Config['controller'],
      worker: { id: 'w', http: HTTP } as unknown as Config['worker'],
      logLevel: 'error',
    };
  }

  async controller(
    overrides: Partial<Config['controller']> = {},
  ): Promise<
    ControllerApp & { readonly client: CausewayClient; readonly store: CoordinationStore; readonly metrics: Metrics }
  > {
    const connected = this.engine.connect();
    const store = this.#options.deaf === true ? deaf(connected) : connected;
    const metrics = new Metrics({ version: 'test', role: 'controller' });
    const app = await startController(this.config(overrides), {
      store,
      clock: systemClock,
      random: systemRandom,
      logger: this.#options.logger ?? silentLogger,
      metrics,
      kafka: {
        metadata: this.kafka,
        admin: this.kafka,
        ...(this.#options.prover === undefined ? {} : { prover: this.#options.prover }),
      },
      ...(this.#options.fencer === undefined ? {} : { fencer: this.#options.fencer }),
    });
    this.#closers.push(
      () => store.close(),
      () => app.close(),
    );
    const token = overrides.http?.token;
    const client = new CausewayClient({ baseUrl: app.httpAddress, ...(token === undefined ? {} : { token }) });
    return { ...app, client, store, metrics };
  }

  async worker(worker: string, options: Partial<FakeWorkerOptions> = {}): Promise<FakeWorker> {
    const store = this.engine.connect();
    await store.ready();
    const fake = new FakeWorker(store, { worker, fleet: 'test', ownership: this.ownership, ...options });
    await fake.start();
    this.workers.set(worker, fake);
    this.#closers.push(
      () => store.close(),
      () => fake.stop(),
    );
    return fake;
  }

  /** Worker of each partition of what the workers hold; fails when somebody holds what another does. */
  held(): Record<string, string[]> {
    const held: Record<string, string[]> = {};
    for (const [id, worker] of this.workers) held[id] = worker.keys();
    return held;
  }

  /** Waits until the living workers hold `total` partitions, none more than one above another. */
  async balanced(total: number, ids: readonly string[] = [...this.workers.keys()]): Promise<void> {
    await until(
      () => {
        const counts = ids.map((id) => this.workers.get(id)?.held.size ?? 0);
        const sum = counts.reduce((a, b) => a + b, 0);
        return sum === total && Math.max(...counts) - Math.min(...counts) <= 1;
      },
      () => this.held(),
    );
  }

  async close(): Promise<void> {
    for (const close of this.#closers.reverse()) await close();
    // Whatever a test was about: nobody may ever have held what another held.
    assert.deepEqual(this.ownership.violations, []);
  }
}

function deaf(store: CoordinationStore): CoordinationStore {
  return new Proxy(store, {
    get(target, property) {
      if (property === 'watch') return () => () => undefined;
      const value = Reflect.get(target, property, target) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Waits until `check` gives something other than undefined or false, and gives that; fails with what `describe` says. */
export async function until<T>(
  check: () => T | undefined | false | Promise<T | undefined | false>,
  describe: () => unknown = () => '',
  timeoutMs = 60_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`did not happen within ${timeoutMs} ms: ${JSON.stringify(await describe())}`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}
