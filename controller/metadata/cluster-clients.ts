import { CausewayError, type ErrorPlace } from '../../common/errors/error.js';
import { ClusterClient, type ClusterClientOptions } from '../../common/kafka/wire/cluster-client.js';
import type { ClusterConnection } from '../../common/model/cluster.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import { withDeadline } from '../../common/runtime/deadline.js';
import type { Closable } from '../../common/runtime/lifecycle.js';

type Clusters = ReadonlyMap<string, ClusterConnection>;

export type OpenClient = (cluster: ClusterConnection) => ClusterClient;

export interface ClientParts extends Pick<ClusterClientOptions, 'clientId' | 'clock' | 'random' | 'logger'> {
  readonly metrics: Metrics;
}

/** How a controller opens clients: each of their connections is counted. */
export function clientOpener({ clientId, clock, random, logger, metrics }: ClientParts): OpenClient {
  return (cluster) => {
    const onConnect = (): void => metrics.inc('causeway_broker_connections_total', 1, { cluster: cluster.name });
    return new ClusterClient({ cluster, clientId, clock, random, logger, onConnect });
  };
}

/** @throws CLUSTER_UNKNOWN */
export function knownCluster(clusters: Clusters, name: string, place: ErrorPlace = {}): ClusterConnection {
  const cluster = clusters.get(name);
  if (cluster !== undefined) return cluster;
  throw new CausewayError('CLUSTER_UNKNOWN', `the configuration names no cluster "${name}"`, {
    place: { ...place, cluster: name },
    fix: `Known clusters: ${[...clusters.keys()].sort().join(', ')}. Clusters are added in the configuration files of controllers and workers, not over REST.`,
  });
}

/** It did not answer in time. */
export function clusterSilent(cluster: string, message: string, place: ErrorPlace = {}): CausewayError {
  const fix = 'Check its brokers and the bootstrap list in the configuration.';
  return new CausewayError('CLUSTER_UNREACHABLE', message, { place: { ...place, cluster }, fix });
}

/** One client per cluster, opened when it is first needed. */
export class ClusterClients implements Closable {
  readonly #clusters: Clusters;
  readonly #open: OpenClient;
  readonly #clients = new Map<string, ClusterClient>();

  constructor(clusters: Clusters, open: OpenClient) {
    this.#clusters = clusters;
    this.#open = open;
  }

  /** @throws CLUSTER_UNKNOWN */
  of(name: string): ClusterClient {
    let client = this.#clients.get(name);
    if (client === undefined) {
      client = this.#open(knownCluster(this.#clusters, name));
      this.#clients.set(name, client);
    }
    return client;
  }

  async close(): Promise<void> {
    const clients = [...this.#clients.values()];
    this.#clients.clear();
    await Promise.all(clients.map((client) => client.close()));
  }
}

export interface Question {
  readonly cluster: string;
  /** For the whole of it, connecting included: who asks waits. */
  readonly timeoutMs: number;
  /** As in "did not tell ... within": what it is that comes too late. */
  readonly wanted: string;
  readonly place?: ErrorPlace;
}

/** Puts rare questions, each over a client that is closed after it. */
export class ClusterQuestions {
  readonly #clusters: Clusters;
  readonly #open: OpenClient;
  readonly #clock: Clock;

  constructor(clusters: Clusters, open: OpenClient, clock: Clock) {
    this.#clusters = clusters;
    this.#open = open;
    this.#clock = clock;
  }

  /**
   * @param work ends early when its signal is aborted
   * @throws CLUSTER_UNKNOWN, CLUSTER_UNREACHABLE when the time is over, what the work throws
   */
  async ask<T>(
    { cluster, timeoutMs, wanted, place }: Question,
    work: (client: ClusterClient, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const client = this.#open(knownCluster(this.#clusters, cluster, place));
    const late = new AbortController();
    try {
      return await withDeadline(this.#clock, timeoutMs, work(client, late.signal), () => {
        const message = `cluster ${cluster} did not tell ${wanted} within ${timeoutMs} ms`;
        throw clusterSilent(cluster, message, place);
      });
    } finally {
      late.abort();
      await client.close();
    }
  }
}
