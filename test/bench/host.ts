import { kafkaOf } from '../audit/topics.js';
import type { FarListener } from '../bed/broker-config.js';
import { type KafkaClusterHandle, type KafkaClusterOptions, startKafkaCluster } from '../bed/kafka.js';
import { Workspace } from '../bed/workspace.js';
import type { MirrorHost, MirrorProcess } from './subject.js';

const brokerHeapMb = 512;
// Kafka's own defaults where the bed has chosen smaller ones.
const brokerConfig = { 'num.network.threads': '3', 'num.io.threads': '8', 'broker.session.timeout.ms': '9000' };

export interface BenchHostOptions extends Pick<KafkaClusterOptions, 'security' | 'heapMb' | 'config' | 'jvm'> {
  /** Further listeners, for a mirror that comes over a long line. */
  readonly far?: { readonly source?: FarListener; readonly target?: FarListener };
}

/** Two one-broker clusters with production flags for as long as `work` takes; logs are kept when it fails. */
export async function withBenchHost<T>(options: BenchHostOptions, work: (host: MirrorHost) => Promise<T>): Promise<T> {
  const { far, config, ...rest } = options;
  const settings = { ...brokerConfig, ...config };
  const cluster = { version: '3.9.1', jvm: 'server', heapMb: brokerHeapMb, config: settings, ...rest } as const;
  const folder = new Workspace('bench');
  const clusters: KafkaClusterHandle[] = [];
  const start = async (name: string, listener: FarListener | undefined) => {
    const handle = await startKafkaCluster({ ...cluster, name, ...(listener === undefined ? {} : { far: listener }) });
    clusters.push(handle);
    return handle;
  };
  try {
    const [source, target] = await Promise.all([
      start('bench-source', far?.source),
      start('bench-target', far?.target),
    ]);
    return await work({ source, target, folder });
  } catch (error) {
    folder.markFailed();
    throw error;
  } finally {
    await Promise.all(clusters.map((handle) => handle.stop()));
    folder.remove();
  }
}

/** The port of the only broker's plaintext listener, for the bench's own instruments. */
export function plaintextPortOf(cluster: KafkaClusterHandle): number {
  const [broker] = cluster.brokers;
  if (broker === undefined) throw new Error(`cluster "${cluster.name}" has no broker`);
  return broker.plaintextPort;
}

/** A mirror's choices decide what the brokers have to do: worth seeing, but not the mirror's own. */
export function brokerProcesses({ source, target }: MirrorHost): MirrorProcess[] {
  const of = (role: string, { brokers }: KafkaClusterHandle) =>
    brokers.map(({ pid }) => ({ role, pid, isCounted: false }));
  return [...of('source-broker', source), ...of('target-broker', target)];
}

/** Deletes those of the topics that exist. */
export async function deleteTopics(cluster: KafkaClusterHandle, topics: readonly string[]): Promise<void> {
  const admin = kafkaOf(cluster.plaintextBootstrapServers).admin();
  await admin.connect();
  try {
    const known = new Set(await admin.listTopics());
    await admin.deleteTopics({ topics: topics.filter((topic) => known.has(topic)), timeout: 30_000 });
  } finally {
    await admin.disconnect();
  }
}
