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
  /** Addresses of schema registries, by the names of their clusters. */
  readonly registries?: Readonly<Record<string, string>>;
  readonly routes: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly workers: number;
  /** 1 unless given. */
  readonly controllers?: number;
  readonly worker?: Readonly<Record<string, unknown>>;
  /** Of the store; whoever gives it removes it, and may begin another fleet over it. */
  readonly dir?: string;
}

export interface FleetWorker extends WorkerApp {
  readonly metrics: Metrics;
}

export interface FleetController {
  readonly id: string;
  readonly url: string;
  readonly client: CausewayClient;
  /** Takes the store from under it, without a word: its session ends, and whatever it was about to write is not written. */
  die(): Promise<void>;
}

/** Controllers and workers in this process, over the embedded store; their data threads are real. */
export class SmallFleet {
  /** Of the first controller. */
  readonly client: CausewayClient;
  readonly controllers: readonly FleetController[];
  readonly workers: readonly FleetWorker[];
  readonly #close: () => Promise<void>;

  private constructor(
    controllers: readonly FleetController[],
    workers: readonly FleetWorker[],
    close: () => Promise<void>,
  ) {
    this.controllers = controllers;
    this.client = (controllers[0] as FleetController).client;
    this.workers = workers;
    this.#close = close;
  }

  static async start(options: SmallFleetOptions): Promise<SmallFleet> {
    const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'small-fleet-')));
    const closers: (() => Promise<unknown>)[] = [];
    if (options.dir === undefined) closers.push(() => rm(dir, { recursive: true, force: true }));
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
    const controllers: FleetController[] = [];
    for (let i = 0; i < (options.controllers ?? 1); i++) {
      const id = i === 0 ? 'c' : `c${i}`;
      const own = store();
      const app = await startController(config(id), { ...context, store: own, metrics: metrics('controller') });
      closers.push(() => app.close());
      const client = new CausewayClient({ baseUrl: app.httpAddress });
      controllers.push({ id, url: app.httpAddress, client, die: () => own.close() });
    }
    const workers: FleetWorker[] = [];
    for (let i = 0; i < options.workers; i++) {
      const own = metrics('worker');
      const started = { ...context, store: store(), metrics: own, fatal: (error: Error) => Promise.reject(error) };
      const app = await startWorker(config(`w${i}`), started);
      closers.push(() => app.close());
      workers.push({ ...app, metrics: own });
    }
    const { client } = controllers[0] as FleetController;
    await eventually('the routes are made', async () => {
      const { routes } = await client.listRoutes();
      return routes.length === Object.keys(options.routes).length;
    });
    return new SmallFleet(controllers, workers, async () => {
      for (const close of closers.reverse()) await close();
    });
  }

  close(): Promise<void> {
    return this.#close();
  }
}

function configOf({ clusters, registries = {}, routes, worker }: SmallFleetOptions, dir: string, id: string): Config {
  const bootstraps = Object.entries(clusters).map(([name, servers]) => {
    const url = registries[name];
    return [name, { bootstrap: servers.split(','), ...(url === undefined ? {} : { schemaRegistry: { url } }) }];
  });
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
