import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import type { KafkaVersion } from '../../bed/kafka-set.js';
import { TestCluster } from './thread-kit.js';

/** The clusters `source` and `target`, of one broker each. */
export class ClusterPair {
  readonly handles: readonly [source: KafkaClusterHandle, target: KafkaClusterHandle];
  readonly source: TestCluster;
  readonly target: TestCluster;

  private constructor(handles: readonly [KafkaClusterHandle, KafkaClusterHandle]) {
    this.handles = handles;
    this.source = new TestCluster(handles[0]);
    this.target = new TestCluster(handles[1]);
  }

  static async start(versions: { readonly source: KafkaVersion; readonly target: KafkaVersion }): Promise<ClusterPair> {
    const { source, target } = versions;
    return new ClusterPair(
      await Promise.all([
        startKafkaCluster({ name: 'source', version: source }),
        startKafkaCluster({ name: 'target', version: target }),
      ]),
    );
  }

  async stop(): Promise<void> {
    await Promise.all([this.source.close(), this.target.close()]);
    await Promise.all(this.handles.map((handle) => handle.stop()));
  }
}
