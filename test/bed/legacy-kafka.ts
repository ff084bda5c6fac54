import { mkdirSync, writeFileSync } from 'node:fs';
import { Broker } from './broker.js';
import { freePort } from './free-port.js';
import { jvmArgs } from './java-args.js';
import type { KafkaClusterHandle } from './kafka.js';
import { kafkaSet, type LegacyKafkaVersion } from './kafka-set.js';
import { metadataOf, zooKeeperDump } from './probe.js';
import { waitUntil } from './wait.js';
import { Workspace } from './workspace.js';
import { startZooKeeper, type ZooKeeperHandle } from './zookeeper.js';

export interface LegacyKafkaOptions {
  /** Names the cluster in errors and folders. */
  readonly name: string;
  /** Default '2.8.2'. */
  readonly version?: LegacyKafkaVersion;
  /**
   * The format in which the broker stores what it is sent, whatever the producer's: '0.9.0' is magic 0, '0.10.0' magic 1 (up to
   * Kafka 2.8 a topic's `message.format.version` says the same for one topic). Default: the version's own, magic 2.
   */
  readonly messageFormat?: '0.9.0' | '0.10.0';
  /** Broker settings that win over the bed's own. */
  readonly config?: Readonly<Record<string, string>>;
  /** Default 256. */
  readonly heapMb?: number;
}

/** Longer than any pause of a busy test machine, short enough to wait for after a kill. */
const sessionTimeoutMs = 4_000;

/** Starts one broker of Kafka 2.x with a ZooKeeper of its own (of the bed's own version) and waits until it serves. */
export async function startLegacyKafka(options: LegacyKafkaOptions): Promise<KafkaClusterHandle> {
  const version = options.version ?? '2.8.2';
  const set = await kafkaSet(version);
  const zooKeeper = await startZooKeeper({ name: `${options.name}-zookeeper` });
  const workspace = new Workspace(options.name);
  const port = await freePort();
  const configFile = workspace.path('broker-1.properties');
  const dataDir = workspace.path('data', 'broker-1');
  mkdirSync(dataDir, { recursive: true });
  const settings = { ...brokerSettings(zooKeeper, port, dataDir), ...formatSettings(options), ...options.config };
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  writeFileSync(configFile, `${lines.join('\n')}\n`);
  const name = `broker 1 of cluster "${options.name}" (Kafka ${version})`;
  const broker = new Broker({
    id: 1,
    name,
    port,
    plaintextPort: port,
    brokers: 1,
    set,
    workspace,
    configFile,
    jvm: jvmArgs('fast', options.heapMb ?? 256),
    // A killed broker's registration lives as long as its session; Kafka 2.x refuses to start beside it.
    beforeStart: () => waitUntil(`${name} is no longer registered`, () => isUnregistered(zooKeeper)),
  });
  const stop = async () => {
    await broker.discard();
    workspace.remove();
    await zooKeeper.stop();
  };
  try {
    await broker.start();
  } catch (error) {
    workspace.markFailed();
    await stop();
    throw error;
  }
  const bootstrapServers = `127.0.0.1:${port}`;
  return {
    name: options.name,
    version,
    clusterId: (await metadataOf(port)).clusterId,
    bootstrapServers,
    plaintextBootstrapServers: bootstrapServers,
    brokers: [broker],
    stop,
  };
}

function brokerSettings(zooKeeper: ZooKeeperHandle, port: number, dataDir: string): Record<string, string> {
  return {
    'broker.id': '1',
    listeners: `PLAINTEXT://127.0.0.1:${port}`,
    'log.dirs': dataDir,
    'zookeeper.connect': zooKeeper.connect,
    'zookeeper.session.timeout.ms': String(sessionTimeoutMs),
    'socket.send.buffer.bytes': '-1',
    'socket.receive.buffer.bytes': '-1',
    'num.network.threads': '2',
    'num.io.threads': '4',
    'auto.create.topics.enable': 'false',
    'offsets.topic.num.partitions': '4',
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    'log.retention.ms': '-1',
    'log.cleaner.dedupe.buffer.size': '4194304',
  };
}

function formatSettings({ messageFormat }: LegacyKafkaOptions): Record<string, string> {
  return messageFormat === undefined ? {} : { 'log.message.format.version': messageFormat };
}

/** ZooKeeper's `dump` lists the ephemeral nodes of all sessions. */
async function isUnregistered(zooKeeper: ZooKeeperHandle): Promise<boolean> {
  return !(await zooKeeperDump(zooKeeper.port)).includes('/brokers/ids/1');
}
