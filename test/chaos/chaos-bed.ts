import { SMALL_INDEXES } from '../bed/broker-config.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../bed/kafka.js';
import { startZooKeeper, type ZooKeeperHandle } from '../bed/zookeeper.js';
import { BROKERS } from './plan.js';

/** Two clusters of two brokers (different Kafka lines, topics twice) and a ZooKeeper. */
export interface ChaosBed {
  readonly source: KafkaClusterHandle;
  readonly target: KafkaClusterHandle;
  readonly zooKeeper: ZooKeeperHandle;
  stop(): Promise<void>;
}

const TICK_MS = 500;

const BOTH: Readonly<Record<string, string>> = {
  // A dead follower holds acks=all up for this long.
  'replica.lag.time.max.ms': '3000',
  ...SMALL_INDEXES,
};

/** What the target forgets in days elsewhere it forgets within the run: ids of transactions and producers, offsets of silent groups. */
const FORGETFUL: Readonly<Record<string, string>> = {
  'transactional.id.expiration.ms': '60000',
  'transaction.remove.expired.transaction.cleanup.interval.ms': '5000',
  'producer.id.expiration.ms': '60000',
  'producer.id.expiration.check.interval.ms': '5000',
  // Longer than partitions may be without anybody who refreshes their checkpoints; a checkpoint that is gone pauses its partition for good.
  'offsets.retention.minutes': '5',
  'offsets.retention.check.interval.ms': '5000',
};
/** Checkpoints that do not change are written again well within that time. */
export const CHECKPOINT_REFRESH_MS = 15_000;

/** Starts all three at once; when one fails, the others are stopped. */
export async function startChaosBed(): Promise<ChaosBed> {
  const shape = { brokers: BROKERS, hasOwnController: true };
  const starting = [
    startKafkaCluster({ name: 'source', version: '3.9.1', ...shape, config: BOTH }),
    startKafkaCluster({ name: 'target', version: '4.1.0', ...shape, config: { ...BOTH, ...FORGETFUL } }),
    startZooKeeper({ tickTimeMs: TICK_MS }),
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
