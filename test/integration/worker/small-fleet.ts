import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CausewayClient } from '../../../common/api/client.js';
import type { Config } from '../../../common/config/compile.js';
import { checkConfigText } from '../../../common/config/load.js';
import { type EmbeddedEngine, openEmbeddedEngine } from '../../../common/coordination/embedded/engine.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { Metrics } from '../../../common/observability/metrics.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';
import { startController } from '../../../controller/app.js';
import { startWorker, type WorkerApp } from '../../../worker/app.js';
import { eventually } from './thread-kit.js';

const deps = { clock: systemClock, random: systemRandom, logger: silentLogger } as const;

export interface SmallFleetOptions {
  /** By name. */
  readonly clusters: Readonly<Record<string, string>>;
  readonly routes: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly workers: number;
  readonly worker?: Readonly<Record<string, unknown>>;
}

export interface FleetWorker extends WorkerApp {
  readonly metrics: Metrics;
}

/** A controller and workers in this process, over the embedded store; their data threads are real. */
export class SmallFleet {
  readonly client: CausewayClient;
  readonly workers: readonly FleetWorker[];
  readonly #close: () => Promise<void>;

  private constructor(client: CausewayClient, workers: readonly FleetWorker[], close: () => Promise<void>) {
    this.client = client;
    this.workers = workers;
    this.#close = close;
  }

  static async start(options: SmallFleetOptions): Promise<SmallFleet> {
    const dir = await mkdtemp(join(tmpdir(), 'small-fleet-'));
    const closers: (() => Promise<unknown>)[] = [() => rm(dir, { recursive: true, force: true })];
    const engine = await openEmbeddedEngine({ dir, ...deps });
    closers.push(() => engine.close());
    const store = (): ReturnType<EmbeddedEngine['connect']> => {
      const connected = engine.connect();
      closers.push(() => connected.close());
      return connected;
    };
    const context = { ...deps, version: 'test' };
    const metrics = (role: string): Metrics => new Metrics({ version: 'test', role });
    const config = (id: string): Config => configOf(options, dir, id);
    const controller = await startController(config('c'), {
      ...context,
      store: store(),
      metrics: metrics('controller'),
    });
    closers.push(() => controller.close());
    const workers: FleetWorker[] = [];
    for (let i = 0; i < options.workers; i++) {
      const own = metrics('worker');
      const started = { ...context, store: store(), metrics: own, fatal: (error: Error) => Promise.reject(error) };
      const app = await startWorker(config(`w${i}`), started);
      closers.push(() => app.close());
      workers.push({ ...app, metrics: own });
    }
    const client = new CausewayClient({ baseUrl: controller.httpAddress });
    await eventually('the routes are made', async () => {
      const { routes } = await client.listRoutes();
      return routes.length === Object.keys(options.routes).length;
    });
    return new SmallFleet(client, workers, async () => {
      for (const close of closers.reverse()) await close();
    });
  }

  close(): Promise<void> {
    return this.#close();
  }
}

function configOf({ clusters, routes, worker }: SmallFleetOptions, dir: string, id: string): Config {
  const bootstraps = Object.entries(clusters).map(([name, servers]) => [name, { bootstrap: servers.split(',') }]);
  const text = JSON.stringify({
    coordination: { type: 'embedded', embedded: { dir } },
    clusters: Object.fromEntries(bootstraps),
    routes,
    controller: { id, metadataIntervalMs: 500 },
    worker: { ...worker, id, shutdownTimeoutMs: 2_000 },
  });
  const outcome = checkConfigText(text, join(dir, 'causeway.yaml'));
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
  return outcome.config;
}
