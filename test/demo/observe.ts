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
  readonly lagSeconds: number;
  readonly recordsPerS: number;
}

const ASK_LIMIT_MS = 2_000;

interface StatusBody {
  readonly partitions: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly state: PartitionState;
    readonly reason?: { readonly code: string; readonly message: string };
    readonly sourceOffset: string;
    readonly lagSeconds: number;
    readonly recordsPerS: number;
  }[];
}

async function partitionsOf(worker: FleetProcess): Promise<ObservedPartition[]> {
  const response = await fetch(`${worker.url}/status`, { signal: AbortSignal.timeout(ASK_LIMIT_MS) });
  if (!response.ok) return [];
  const body = (await response.json()) as StatusBody;
  return body.partitions.map(({ topic, partition, state, reason, sourceOffset, lagSeconds, recordsPerS }) => ({
    topic,
    partition,
    worker: worker.id,
    state,
    reason: reason === undefined ? '' : `${reason.code}: ${reason.message}`,
    sourceOffset: Number(sourceOffset),
    lagSeconds,
    recordsPerS,
  }));
}

/** What all running workers hold at this moment; a worker that does not answer holds nothing as far as we know. */
export async function observeWorkers(fleet: Fleet): Promise<ObservedPartition[]> {
  const answers = await Promise.all(fleet.running('worker').map((worker) => partitionsOf(worker).catch(() => [])));
  return answers.flat();
}
