import { decodeWorkerStatus } from '../../common/api/worker-status.js';
import type { PartitionState } from '../../common/model/status.js';
import type { Fleet, FleetProcess } from './fleet.js';

/** One mirrored partition as its worker tells it. */
export interface ObservedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly worker: string;
  readonly state: PartitionState;
  /** What blocks it, or why it is not running; '' where it is. */
  readonly reason: string;
  /** Next source offset to settle; -1 unknown. */
  readonly sourceOffset: number;
  /** -1 unknown, both. */
  readonly lagRecords: number;
  readonly lagSeconds: number;
}

const ASK_LIMIT_MS = 2_000;

/** What this worker holds. @throws when it does not answer */
export async function observeWorker(worker: FleetProcess): Promise<ObservedPartition[]> {
  const response = await fetch(`${worker.url}/status`, { signal: AbortSignal.timeout(ASK_LIMIT_MS) });
  const status = decodeWorkerStatus(await response.json());
  if (status === undefined)
    throw new Error(`${worker.id} answers ${response.status} with something else than its status`);
  return status.partitions.map((partition) => {
    const why = partition.stall ?? partition.reason;
    return {
      topic: partition.topic,
      partition: partition.partition,
      worker: worker.id,
      state: partition.state,
      reason: why === undefined ? '' : `${why.code}: ${why.message}`,
      sourceOffset: Number(partition.sourceOffset),
      lagRecords: partition.lagRecords,
      lagSeconds: partition.lagSeconds,
    };
  });
}

/** What all running workers hold at this moment; a worker that does not answer holds nothing as far as we know. */
export async function observeWorkers(fleet: Fleet): Promise<ObservedPartition[]> {
  const answers = await Promise.all(fleet.running('worker').map((worker) => observeWorker(worker).catch(() => [])));
  return answers.flat();
}
