import type { AssignmentView, PlacedPartition, WorkerList } from '../../common/api/fleet-shapes.js';

/* uReplicator's answers about instances, workload, progress and validation, from what the fleet tells. */

/** Its own thresholds of a lagging partition. */
const LAGGING_RECORDS = 100_000;
const LAGGING_S = 900;

/** GET /instances: partitions of each instance with their bytes a second. */
export interface LegacyInstances {
  readonly instances: Record<string, string[]>;
  readonly blacklisted: readonly string[];
  readonly allInstances: readonly string[];
}

/** @param only one instance; undefined: all */
export function instancesView(
  partitions: readonly PlacedPartition[],
  { workers }: WorkerList,
  only: string | undefined,
): LegacyInstances {
  const ids = workers.map(({ worker }) => worker);
  const instances: Record<string, string[]> = {};
  for (const id of only === undefined ? ids : ids.filter((one) => one === only)) {
    const mine = partitions.filter(({ worker }) => worker === id);
    const total = mine.reduce((sum, { bytesPerS }) => sum + rounded(bytesPerS), 0);
    instances[id] = [
      ...mine.map(({ topic, partition, bytesPerS }) => `${topic}.${partition}:${rounded(bytesPerS)}`),
      `TOTALWORKLOAD.${mine.length}:${total}`,
    ];
  }
  const blacklisted = workers.filter(({ role }) => role === 'drained' || role === 'excluded');
  return { instances, blacklisted: blacklisted.map(({ worker }) => worker), allInstances: ids };
}

/** GET /noprogress: what stands still although there is something to copy. */
export function noProgressView(partitions: readonly PlacedPartition[]): { readonly topics?: readonly object[] } {
  const topics = partitions
    .filter(({ stall, lagRecords }) => stall !== null && lagRecords !== 0)
    .map(({ topic, partition, worker, state }) => {
      return { topic, partition, idealWorker: worker, actualWorker: state === 'unknown' ? '' : worker };
    });
  return topics.length === 0 ? {} : { topics };
}

/** GET /offset: the lag of each partition that is known. */
export function offsetsText(partitions: readonly PlacedPartition[]): string {
  const known = partitions.filter(({ lagRecords }) => lagRecords !== null);
  return `{${known.map(({ topic, partition, lagRecords }) => `${topic}-${partition}=${lagRecords}`).join(', ')}}`;
}

/** GET /validation: what is ordered beside what is reported. */
export function validationView(route: string, { workers }: AssignmentView) {
  const ideal: Record<string, number> = {};
  const external: Record<string, number> = {};
  const idealOf = new Map<string, number>();
  const externalOf = new Map<string, number>();
  const counts = { online: 0, offline: 0, error: 0 };
  for (const { worker, items } of workers) {
    for (const { route: of, topic, state, actual, paused } of items) {
      if (of !== route || state !== 'own') continue;
      ideal[worker] = (ideal[worker] ?? 0) + 1;
      idealOf.set(topic, (idealOf.get(topic) ?? 0) + 1);
      if (actual === 'pending' || actual === 'released') continue;
      external[worker] = (external[worker] ?? 0) + 1;
      externalOf.set(topic, (externalOf.get(topic) ?? 0) + 1);
      counts[actual === 'doubtful' ? 'error' : paused ? 'offline' : 'online']++;
    }
  }
  const total = [...idealOf.values()].reduce((sum, count) => sum + count, 0);
  return {
    numTopics: idealOf.size,
    numTopicPartitions: total,
    numOnlineTopicPartitions: counts.online,
    numOfflineTopicPartitions: counts.offline,
    numErrorTopicPartitions: counts.error,
    numErrorTopics: [...idealOf].filter(([topic, count]) => externalOf.get(topic) !== count).length,
    IdealState: ideal,
    ExternalView: external,
  };
}

/** GET /validation/srcKafka: topics as they are mirrored beside what the source has; undefined partitions: it has none such. */
export function sourceValidationView(
  topics: readonly { readonly topic: string; readonly mirrored: number; readonly atSource: number | undefined }[],
) {
  const present = topics.filter(({ atSource }) => atSource !== undefined);
  const mismatched = present.filter(({ mirrored, atSource }) => mirrored !== atSource);
  const differences = mismatched.map(
    ({ topic, mirrored, atSource = 0 }) => [topic, Math.abs(atSource - mirrored)] as const,
  );
  return {
    numMissingTopics: topics.length - present.length,
    numMismatchedTopics: mismatched.length,
    numMismatchedTopicPartitions: differences.reduce((sum, [, count]) => sum + count, 0),
    mismatchedTopicPartitions: Object.fromEntries(differences),
  };
}

export interface WorkloadFacts {
  readonly partitions: readonly PlacedPartition[];
  readonly workers: WorkerList;
  readonly autoBalancing: boolean;
  readonly expectedWorkers: number;
  /** Wall clock, ms. */
  readonly nowMs: number;
}

/** GET /admin/workloadinfo. */
export function workloadView({ partitions, workers, autoBalancing, expectedWorkers, nowMs }: WorkloadFacts) {
  const instances = workers.workers.map(({ worker }) => {
    const mine = partitions.filter((partition) => partition.worker === worker);
    return {
      workerId: worker,
      numberOfTopicPartitions: mine.length,
      totalWorkload: workloadOf(mine, nowMs),
      laggingTopicPartition: mine.filter(isLagging).map((partition) => laggingView(partition, nowMs)),
    };
  });
  return {
    autoBalancingEnabled: autoBalancing,
    numOfExpectedWorkers: expectedWorkers,
    numOfLaggingWorkers: instances.filter(({ laggingTopicPartition }) => laggingTopicPartition.length > 0).length,
    topicWorkload: workloadOf(partitions, nowMs),
    workerInstances: instances,
  };
}

function workloadOf(partitions: readonly PlacedPartition[], lastUpdate: number) {
  const bytes = partitions.reduce((sum, { bytesPerS }) => sum + (bytesPerS ?? 0), 0);
  const records = partitions.reduce((sum, { recordsPerS }) => sum + (recordsPerS ?? 0), 0);
  const count = Math.max(1, partitions.length);
  return {
    bytesPerSecond: bytes,
    bytesPerSecondPerPartition: bytes / count,
    msgsPerSecond: records,
    msgsPerSecondPerPartition: records / count,
    partitions: partitions.length,
    lastUpdate,
  };
}

function isLagging({ lagRecords, lagSeconds }: PlacedPartition): boolean {
  return (lagRecords ?? 0) > LAGGING_RECORDS && (lagSeconds ?? 0) > LAGGING_S;
}

function laggingView(
  { topic, partition, lagRecords, lagSeconds, sourceOffset, sourceEndOffset }: PlacedPartition,
  nowMs: number,
) {
  return {
    topicName: topic,
    partitionId: partition,
    latestOffset: Number(sourceEndOffset ?? -1),
    commitOffset: Number(sourceOffset ?? -1),
    timeStamp: nowMs,
    lag: lagRecords,
    lagTime: lagSeconds,
  };
}

function rounded(value: number | null): number {
  return Math.round(value ?? 0);
}
