import { CausewayError } from '../../../errors/error.js';
import type { TopicPartition } from '../../../model/topic-partition.js';
import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';
import { groupByTopic } from './group-by-topic.js';

export interface OffsetFetchRequest {
  readonly groupId: string;
  /** null: everything the group has committed. */
  readonly partitions: readonly TopicPartition[] | null;
  /** True: UNSTABLE_OFFSET_COMMIT (88) where a transaction's commit is pending (v7+, KIP-447). */
  readonly requireStable: boolean;
}

export interface FetchedOffset {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  /** -1: nothing committed. */
  readonly offset: bigint;
  /** -1 unknown. */
  readonly leaderEpoch: number;
  /** null reads back as '' on most brokers. */
  readonly metadata: string | null;
}

export interface OffsetFetchResponse {
  readonly throttleTimeMs: number;
  /** Of the group as a whole. */
  readonly errorCode: number;
  readonly partitions: readonly FetchedOffset[];
}

/**
 * OffsetFetch request, v5 to v7: group_id STRING, topics NULLABLE [name STRING, partition_indexes [INT32], TAGS v6+], require_stable BOOLEAN v7+,
 * TAGS v6+. v8 (KIP-709): groups [group_id STRING, topics NULLABLE [as before], TAGS], require_stable BOOLEAN, TAGS.
 */
export function encodeOffsetFetchRequest(version: number, request: OffsetFetchRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.OffsetFetch, version));
  if (version >= 8) writer.arrayLength(1);
  writer.string(request.groupId);
  if (request.partitions === null) writer.arrayLength(-1);
  else {
    writer.array(groupByTopic(request.partitions), (partitions) => {
      writer.string((partitions[0] as TopicPartition).topic);
      writer.array(partitions, (item) => writer.int32(item.partition)).tags();
    });
  }
  if (version >= 8) writer.tags();
  if (version >= 7) writer.boolean(request.requireStable);
  return writer.tags().toBuffers();
}

const MIN_GROUP_BYTES = 5;
const MIN_TOPIC_BYTES = 3;
const MIN_PARTITION_BYTES = 19;

/**
 * OffsetFetch response, v5 to v7: throttle_time_ms INT32, topics [name STRING, partitions [partition_index INT32, committed_offset INT64,
 * committed_leader_epoch INT32, metadata NULLABLE_STRING, error_code INT16, TAGS v6+], TAGS v6+], error_code INT16, TAGS v6+.
 * v8: throttle_time_ms INT32, groups [group_id STRING, topics [as before], error_code INT16, TAGS], TAGS.
 */
export function decodeOffsetFetchResponse(version: number, body: Buffer): OffsetFetchResponse {
  const reader = new Reader(body, isFlexible(ApiKey.OffsetFetch, version));
  const throttleTimeMs = reader.int32();
  if (version >= 8) {
    const groups = reader.arrayLength(MIN_GROUP_BYTES);
    if (groups !== 1) throw new CausewayError('KAFKA_PROTOCOL', `OffsetFetch for one group answered for ${groups}`);
    reader.string();
  }
  const partitions = readOffsets(reader);
  const errorCode = reader.int16();
  if (version >= 8) reader.tags();
  reader.tags();
  reader.end();
  return { throttleTimeMs, errorCode, partitions };
}

/** topics [name STRING, partitions [as above], TAGS v6+] */
export function readOffsets(reader: Reader): FetchedOffset[] {
  return reader.array(MIN_TOPIC_BYTES, () => readTopic(reader)).flat();
}

function readTopic(reader: Reader): FetchedOffset[] {
  const topic = reader.string();
  const partitions = reader.array(MIN_PARTITION_BYTES, () => {
    const partition = reader.int32();
    const offset = reader.int64();
    const leaderEpoch = reader.int32();
    const metadata = reader.nullableString();
    const errorCode = reader.int16();
    reader.tags();
    return { topic, partition, errorCode, offset, leaderEpoch, metadata };
  });
  reader.tags();
  return partitions;
}

export const OFFSET_FETCH: Api<OffsetFetchRequest, OffsetFetchResponse> = {
  key: ApiKey.OffsetFetch,
  encode: encodeOffsetFetchRequest,
  decode: decodeOffsetFetchResponse,
};
