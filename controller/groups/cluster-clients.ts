import { CausewayError } from '../../common/errors/error.js';
import { ClusterClient, type ClusterClientOptions } from '../../common/kafka/wire/cluster-client.js';
import type { ClusterConnection } from '../../common/model/cluster.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Closable } from '../../common/runtime/lifecycle.js';

export interface ClusterClientsOptions extends Omit<ClusterClientOptions, 'cluster' | 'onConnect'> {
  readonly clusters: ReadonlyMap<string, ClusterConnection>;
  readonly metrics: Metrics;
}

/** One client per cluster, opened when it is first needed. */
export class ClusterClients implements Closable {
  readonly #options: ClusterClientsOptions;
  readonly #clients = new Map<string, ClusterClient>();

  constructor(options: ClusterClientsOptions) {
    this.#options = options;
  }

  /** @throws CLUSTER_UNKNOWN */
  of(name: string): ClusterClient {
    let client = this.#clients.get(name);
    if (client !== undefined) return client;
    const { clusters, metrics, ...rest } = this.#options;
    const cluster = clusters.get(name);
    if (cluster === undefined) {
      throw new CausewayError('CLUSTER_UNKNOWN', `the configuration names no cluster "${name}"`, {
        place: { cluster: name },
        fix: 'Add it to the configuration file of every controller and worker.',
      });
    }
    const onConnect = (): void => metrics.inc('causeway_broker_connections_total', 1, { cluster: name });
    client = new ClusterClient({ ...rest, cluster, onConnect });
    this.#clients.set(name, client);
    return client;
  }

  async close(): Promise<void> {
    for (const client of this.#clients.values()) await client.close();
  }
}
