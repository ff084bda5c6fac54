/** What a controller process of the fleet benchmark is told. */
export interface ControllerOrder {
  readonly id: string;
  readonly connect: string;
  readonly root: string;
  readonly sessionTimeoutMs: number;
  readonly route: string;
  readonly topics: number;
  readonly partitionsPerTopic: number;
}

/** In a controller's log after SIGUSR2: its heap after a collection, in MiB. */
export const heapEvent = 'bench.heap';

export const clusterNames = ['east', 'west'] as const;

export const topicName = (index: number): string => `topic-${String(index).padStart(6, '0')}`;
export const workerName = (index: number): string => `worker-${String(index).padStart(4, '0')}`;
