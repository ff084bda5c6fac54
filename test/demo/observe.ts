import { decodeWorkerStatus } from '../../common/api/worker-status.js';
import type { PartitionState } from '../../common/model/status.js';
import type { Fleet, FleetProcess } from './fleet.js';

/** One mirrored partition as its worker tells it. */
export interface ObservedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly worker: string;
  readonly state: PartitionState;
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
  return status.partitions.map(({ topic, partition, state, reason, sourceOffset, lagRecords, lagSeconds }) => ({
    topic,
    partition,
    worker: worker.id,
    state,
    reason: reason === undefined ? '' : `${reason.code}: ${reason.message}`,
    sourceOffset: Number(sourceOffset),
    lagRecords,
    lagSeconds,
  }));
}

/** What all running workers hold at this moment; a worker that does not answer holds nothing as far as we know. */
export async function observeWorkers(fleet: Fleet): Promise<ObservedPartition[]> {
  const answers = await Promise.all(fleet.running('worker').map((worker) => observeWorker(worker).catch(() => [])));
  return answers.flat();
}
