import type { BufferPool } from '../../common/kafka/wire/buffer-pool.js';
import { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import type { ClusterConnection } from '../../common/model/cluster.js';
import type { Route } from '../../common/model/route.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import type { Random } from '../../common/runtime/random.js';
import { Leaders } from '../cluster/leaders.js';
import type { ByteBudget } from '../core/byte-budget.js';
import type { FetchSettings } from '../fetch/broker-fetcher.js';
import { SourceReader } from '../fetch/source-reader.js';

export interface SourceSideDeps {
  readonly cluster: ClusterConnection;
  readonly clientId: string;
  readonly settings: FetchSettings;
  readonly budget: ByteBudget;
  readonly pool: BufferPool;
  readonly onConnect: (cluster: string) => void;
  readonly onThrottle: (cluster: string, throttleMs: number) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** One thread's dealings with one source cluster. */
export class SourceSide implements Closable {
  readonly client: ClusterClient;
  readonly leaders: Leaders;
  readonly #deps: SourceSideDeps;
  readonly #readers = new Map<string, SourceReader>();

  constructor(deps: SourceSideDeps) {
    this.#deps = deps;
    const { cluster, clientId, clock, random, logger } = deps;
    this.client = new ClusterClient({
      cluster,
      clientId,
      clock,
      random,
      logger,
      onConnect: () => deps.onConnect(cluster.name),
      onThrottle: (throttleMs) => deps.onThrottle(cluster.name, throttleMs),
    });
    this.leaders = new Leaders({ client: this.client, cluster: cluster.name, clock, random, logger });
  }

  reader(route: Route): SourceReader {
    // A reader asks with one isolation level for its whole life.
    const key = `${route.name}/${route.isolation}`;
    let reader = this.#readers.get(key);
    if (reader === undefined) {
      const { cluster, settings, budget, pool, clock, random, logger } = this.#deps;
      reader = new SourceReader({
        client: this.client,
        leaders: this.leaders,
        cluster: cluster.name,
        route: route.name,
        isolation: route.isolation,
        settings,
        budget,
        pool,
        clock,
        random,
        logger,
      });
      this.#readers.set(key, reader);
    }
    return reader;
  }

  async close(): Promise<void> {
    const readers = [...this.#readers.values()].map((reader) => reader.close());
    // Long polls end with their connections; closing those first keeps a stop short.
    const client = this.client.close();
    await Promise.all([client, ...readers, this.leaders.close()]);
  }
}
