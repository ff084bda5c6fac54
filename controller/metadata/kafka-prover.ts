import { createHash } from 'node:crypto';
import { type DrillResult, drill } from '../../common/kafka/fencing/drill.js';
import { unlessAborted } from '../../common/kafka/fencing/fencing-client.js';
import type { ClusterConnection } from '../../common/model/cluster.js';
import type { TopicPartition } from '../../common/model/topic-partition.js';
import { knownCluster } from './cluster-clients.js';
import type { DeliveryProver, TargetClient } from './ports.js';

const PURPOSE = 'fencing';

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
    const { fleet } = this.#options;
    return await this.#asked(name, (client) => drill({ client, fleet, partition, signal }));
  }

  async brokers(name: string, signal: AbortSignal): Promise<string> {
    return await this.#asked(name, async (client) => {
      const { brokers } = await unlessAborted(client.metadata([]), signal);
      const told: string[] = [];
      for (const broker of [...brokers.keys()].sort((a, b) => a - b)) {
        const { offered } = await unlessAborted(client.connection(broker, PURPOSE), signal);
        const ranges = [...offered].map(([api, { min, max }]) => `${api}:${min}-${max}`).sort();
        told.push(`${broker}=${createHash('sha256').update(ranges.join()).digest('hex').slice(0, 12)}`);
      }
      return told.join(' ');
    });
  }

  async #asked<T>(name: string, work: (client: TargetClient) => Promise<T>): Promise<T> {
    const { clusters, open } = this.#options;
    const client = open(knownCluster(clusters, name));
    try {
      return await work(client);
    } finally {
      await client.close();
    }
  }
}
