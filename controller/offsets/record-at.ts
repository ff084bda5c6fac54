import { FETCH, FETCH_TOPIC_ID_VERSION } from '../../common/kafka/wire/apis/fetch.js';
import { call } from '../../common/kafka/wire/call.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { KafkaCode } from '../../common/kafka/wire/error-codes.js';
import { loadCodecs } from '../../common/kafka/wire/records/compression.js';
import { type DecodedRecord, decodeBatches } from '../../common/kafka/wire/records/record-codec.js';
import type { TopicPartition } from '../../common/model/topic-partition.js';

const PURPOSE = 'offset-map';
/** The batch that holds the record comes whole, however large. */
const FETCH_BYTES = 1024;
const BY_NAME_VERSION = FETCH_TOPIC_ID_VERSION - 1;

/**
 * The record at this offset; undefined where there is none (any more), or its leader does not give it at the moment.
 * @throws CLUSTER_UNREACHABLE and the like
 */
export async function recordAt(
  client: ClusterClient,
  { topic, partition }: TopicPartition,
  offset: bigint,
): Promise<DecodedRecord | undefined> {
  await loadCodecs();
  const found = (await client.metadata([topic])).topics.get(topic);
  const leader = found?.partitions.find((one) => one.partition === partition)?.leader ?? -1;
  if (found === undefined || leader < 0) return undefined;
  const { topicId } = found;
  const fetchOffset = Number(offset);
  const asked = { topic, topicId, partition, fetchOffset, currentLeaderEpoch: -1, maxBytes: FETCH_BYTES };
  const answer = await call(
    await client.connection(leader, PURPOSE),
    FETCH,
    {
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: FETCH_BYTES,
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch: -1,
      partitions: [asked],
      forgotten: [],
      rackId: '',
    },
    topicId === null ? { maxVersion: BY_NAME_VERSION } : {},
  );
  const fetched = answer.topics[0]?.partitions[0];
  if (fetched === undefined || fetched.errorCode !== KafkaCode.NONE || fetched.records === null) return undefined;
  for (const { control, records } of decodeBatches(fetched.records)) {
    const record = control ? undefined : records.find((one) => one.offset === offset);
    if (record !== undefined) return record;
  }
  return undefined;
}
