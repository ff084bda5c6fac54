import type { ProcessAnswer } from '../../../controller/loop/process-probe.js';
import type { KafkaCluster } from '../kafka/cluster.js';
import type { Network } from '../kernel/network.js';
import type { Timeline } from '../kernel/timeline.js';
import type { Trace } from '../kernel/trace.js';
import type { SimZooKeeper } from '../zookeeper/client.js';

/** What every process of a world finds around it. */
export interface Surroundings {
  readonly timeline: Timeline;
  readonly trace: Trace;
  readonly network: Network;
  readonly zookeeper: SimZooKeeper;
  readonly source: KafkaCluster;
  readonly target: KafkaCluster;
  /** What a connection to a process's address comes to. */
  readonly knock: (address: string) => ProcessAnswer;
  /** A worker's process has ended by itself: it is started again. */
  readonly ended: (id: string) => void;
}
