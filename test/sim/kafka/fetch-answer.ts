import type { FetchRequest } from '../../../common/kafka/wire/apis/fetch.js';
import { leaderFault, type Respond } from './answering.js';
import type { Broker, KafkaCluster } from './cluster.js';
import type { SessionPartition } from './fetch-sessions.js';
import type { Partition } from './partition.js';

const OFFSET_OUT_OF_RANGE = 1;
const UNKNOWN_TOPIC_ID = 100;
const NOTHING = Buffer.alloc(0);

interface Read {
  readonly partition: SessionPartition;
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly records: Buffer;
}

/** Long polls: answered when there is something to tell, or when the wait is over. */
export function answerFetch(cluster: KafkaCluster, broker: Broker, request: FetchRequest, respond: Respond): void {
  const session = broker.sessions.open(request);
  const partitions = session.partitions.map((each) => cluster.partition(each.asked));
  const look = (): Read[] => session.partitions.map((each, index) => read(each, partitions[index], broker, request));
  const tell = (reads: readonly Read[]): void => {
    respond({
      throttleTimeMs: 0,
      errorCode: session.errorCode,
      sessionId: session.sessionId,
      topics: reads.filter((each) => session.isFull || isNews(each)).map(told),
    });
  };
  const reads = look();
  const isWorthIt = (all: readonly Read[]): boolean =>
    all.some(({ errorCode, records }) => errorCode !== 0 || records.length > 0);
  if (session.errorCode !== 0 || request.maxWaitMs <= 0 || request.minBytes === 0 || isWorthIt(reads)) {
    tell(reads);
    return;
  }
  let isOver = false;
  const finish = (final: readonly Read[]): void => {
    isOver = true;
    patience.cancel();
    for (const partition of partitions) partition?.unwatch(watcher);
    tell(final);
  };
  const watcher = (): void => {
    if (isOver) return;
    const now = look();
    if (isWorthIt(now)) finish(now);
  };
  const patience = cluster.timeline.after(request.maxWaitMs, () => {
    if (!isOver) finish(look());
  });
  for (const partition of partitions) partition?.watch(watcher);
}

function read(each: SessionPartition, partition: Partition | undefined, broker: Broker, request: FetchRequest): Read {
  const { topicId, fetchOffset, currentLeaderEpoch, maxBytes } = each.asked;
  const empty = { partition: each, highWatermark: partition?.highWatermark ?? -1, records: NOTHING };
  const fault = leaderFault(partition, broker, currentLeaderEpoch);
  if (partition === undefined || fault !== 0)
    return { ...empty, errorCode: topicId !== null && partition === undefined ? UNKNOWN_TOPIC_ID : fault };
  if (fetchOffset > partition.log.end || fetchOffset < 0) return { ...empty, errorCode: OFFSET_OUT_OF_RANGE };
  const bytes = Math.min(maxBytes, request.maxBytes);
  return { ...empty, errorCode: 0, records: recordsFrom(partition, fetchOffset, bytes) };
}

/** Whole batches, the first one whatever its size. */
function recordsFrom({ log, highWatermark }: Partition, from: number, maxBytes: number): Buffer {
  const batches: Buffer[] = [];
  let size = 0;
  for (const { last, bytes } of log.entries) {
    if (last < from) continue;
    if (last >= highWatermark || (size > 0 && size + bytes.length > maxBytes)) break;
    batches.push(bytes);
    size += bytes.length;
  }
  return batches.length === 0 ? NOTHING : Buffer.concat(batches, size);
}

function isNews({ partition, errorCode, highWatermark, records }: Read): boolean {
  return errorCode !== 0 || records.length > 0 || partition.toldHighWatermark !== highWatermark;
}

function told({ partition, errorCode, highWatermark, records }: Read): object {
  const { asked } = partition;
  partition.toldHighWatermark = highWatermark;
  const byId = asked.topicId !== null;
  return {
    topic: byId ? '' : asked.topic,
    topicId: asked.topicId,
    partitions: [
      {
        partition: asked.partition,
        errorCode,
        highWatermark,
        lastStableOffset: highWatermark,
        logStartOffset: 0,
        abortedTransactions: [],
        preferredReadReplica: -1,
        records,
      },
    ],
  };
}
