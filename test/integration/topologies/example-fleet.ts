import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CausewayClient } from '../../../common/api/client.js';
import type { Config } from '../../../common/config/compile.js';
import { checkConfigFile } from '../../../common/config/load.js';
import { openEmbeddedEngine } from '../../../common/coordination/embedded/engine.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { Metrics } from '../../../common/observability/metrics.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';
import { startController } from '../../../controller/app.js';
import { startWorker } from '../../../worker/app.js';
import { AuditCluster } from '../../audit/audit-cluster.js';
import type { KafkaClusterHandle } from '../../bed/kafka.js';
import { projectRoot } from '../../bed/kafka-set.js';
import { waitUntil } from '../../bed/wait.js';

const deps = { clock: systemClock, random: systemRandom, logger: silentLogger } as const;

/** What `causeway standalone -c deploy/examples/<name>/causeway.yml` runs, in this process: the file as it is, its placeholders filled. */
export class ExampleFleet {
  readonly client: CausewayClient;
  readonly #dir: string;
  readonly #close: () => Promise<void>;

  private constructor(client: CausewayClient, dir: string, close: () => Promise<void>) {
    this.client = client;
    this.#dir = dir;
    this.#close = close;
  }

  /** @param dir of an earlier run of it, whose state goes on */
  static async start(
    name: string,
    environment: Readonly<Record<string, string>>,
    dir: string = mkdtempSync(join(tmpdir(), `example-${name}-`)),
  ): Promise<ExampleFleet> {
    const config = configOf(name, { CAUSEWAY_STATE: dir, CAUSEWAY_PORT: '0', ...environment });
    const engine = await openEmbeddedEngine({ dir, ...deps });
    const stores = [engine.connect(), engine.connect()] as const;
    const metrics = (role: string): Metrics => new Metrics({ version: 'test', role });
    const controller = await startController(config, { ...deps, store: stores[0], metrics: metrics('controller') });
    const worker = await startWorker(config, {
      ...deps,
      store: stores[1],
      metrics: metrics('worker'),
      version: 'test',
      fatal: (error) => {
        throw error;
      },
    });
    const client = new CausewayClient({ baseUrl: controller.httpAddress });
    const routes = config.routes.length;
    await waitUntil('the routes are made', async () => (await client.listRoutes()).routes.length === routes);
    return new ExampleFleet(client, dir, async () => {
      for (const part of [worker, controller, ...stores, engine]) await part.close();
    });
  }

  /** The route has copied everything that the source has of these topics now. @throws telling how far it is */
  async caughtUp(
    route: string,
    topics: readonly string[],
    source: KafkaClusterHandle,
    timeoutMs = 60_000,
  ): Promise<void> {
    const reader = new AuditCluster(source.bootstrapServers);
    let seen = '';
    try {
      for (const topic of topics) {
        const isCaughtUp = async (): Promise<boolean> => {
          const layout = await reader.layout(topic);
          if (layout === undefined) return false;
          const ends = (await reader.ranges(layout)).map(({ end }) => end);
          const { topics: listed } = await this.client.listTopics(route);
          seen = `not among ${listed.map((entry) => entry.topic).join()}`;
          if (!listed.some((entry) => entry.topic === topic)) return false;
          const { partitions, problems } = await this.client.describeTopic(route, topic);
          seen = JSON.stringify({ ends, partitions, problems });
          const there = partitions.filter(({ partition, state, sourceOffset }) => {
            return state === 'running' && Number(sourceOffset ?? -1) >= (ends[partition] ?? Number.POSITIVE_INFINITY);
          });
          return ends.length > 0 && there.length === ends.length;
        };
        await waitUntil(`${route} has copied ${topic}`, isCaughtUp, { timeoutMs });
      }
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : String(error)}: ${seen}`);
    } finally {
      await reader.close();
    }
  }

  /** Stops it as SIGTERM would, and starts it again on its state. */
  async restarted(name: string, environment: Readonly<Record<string, string>>): Promise<ExampleFleet> {
    await this.#close();
    return await ExampleFleet.start(name, environment, this.#dir);
  }

  async close(): Promise<void> {
    await this.#close();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

function configOf(name: string, environment: Readonly<Record<string, string>>): Config {
  const file = join(projectRoot(), 'deploy', 'examples', name, 'causeway.yml');
  const outcome = checkConfigFile(file, { environment });
  assert.ok(outcome.ok, JSON.stringify(outcome));
  return outcome.config;
}
