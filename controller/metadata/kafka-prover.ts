import { CausewayError } from '../../common/errors/error.js';
import { type DrillResult, drill } from '../../common/kafka/fencing/drill.js';
import type { ClusterConnection } from '../../common/model/cluster.js';
import type { TopicPartition } from '../../common/model/topic-partition.js';
import type { DeliveryProver } from './ports.js';
import type { TargetClient } from './target-clients.js';

export interface KafkaProverOptions {
  readonly clusters: ReadonlyMap<string, ClusterConnection>;
  readonly fleet: string;
  readonly open: (cluster: ClusterConnection) => TargetClient;
}

/** Drills at the configured clusters, each over a client of its own. */
export class KafkaProver implements DeliveryProver {
  readonly #options: KafkaProverOptions;

  constructor(options: KafkaProverOptions) {
    this.#options = options;
  }

  async prove(name: string, partition: TopicPartition, signal: AbortSignal): Promise<DrillResult> {
    const { clusters, fleet, open } = this.#options;
    const cluster = clusters.get(name);
    if (cluster === undefined) {
      const place = { cluster: name };
      throw new CausewayError('CLUSTER_UNKNOWN', `the configuration names no cluster "${name}"`, { place });
    }
    const client = open(cluster);
    try {
      return await drill({ client, fleet, partition, signal });
    } finally {
      await client.close();
    }
  }
}
