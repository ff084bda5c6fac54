import { type KafkaClusterHandle, startKafkaCluster } from '../bed/kafka.js';
import { startZooKeeper, type ZooKeeperHandle } from '../bed/zookeeper.js';

/** Two clusters of different Kafka lines and a ZooKeeper. */
export interface DemoBed {
  readonly source: KafkaClusterHandle;
  readonly target: KafkaClusterHandle;
  readonly zooKeeper: ZooKeeperHandle;
  stop(): Promise<void>;
}

/** Starts all three at once; when one fails, the others are stopped. */
export async function startDemoBed(sourceConfig: Readonly<Record<string, string>> = {}): Promise<DemoBed> {
  const starting = [
    startKafkaCluster({ name: 'source', version: '3.9.1', config: sourceConfig }),
    startKafkaCluster({ name: 'target', version: '4.1.0' }),
    startZooKeeper(),
  ] as const;
  try {
    const [source, target, zooKeeper] = await Promise.all(starting);
    const stop = async (): Promise<void> => {
      await Promise.all([source.stop(), target.stop(), zooKeeper.stop()]);
    };
    return { source, target, zooKeeper, stop };
  } catch (error) {
    for (const part of await Promise.allSettled(starting)) if (part.status === 'fulfilled') await part.value.stop();
    throw error;
  }
}
