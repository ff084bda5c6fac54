import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';

export interface MetadataRequest {
  /** null: all topics. */
  readonly topics: readonly string[] | null;
}

export interface MetadataBroker {
  readonly id: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
}

export interface MetadataPartition {
  readonly partition: number;
  readonly errorCode: number;
  /** -1: none. */
  readonly leader: number;
  /** -1 before v7. */
  readonly leaderEpoch: number;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
}

export interface MetadataTopic {
  readonly name: string;
  /** null where the broker knows none (before v10, or before Kafka 2.8). */
  readonly topicId: string | null;
  readonly errorCode: number;
  readonly internal: boolean;
  readonly partitions: readonly MetadataPartition[];
}

export interface MetadataResponse {
  readonly throttleTimeMs: number;
  readonly brokers: readonly MetadataBroker[];
  /** null before v2. */
  readonly clusterId: string | null;
  /** -1: none. */
  readonly controllerId: number;
  readonly topics: readonly MetadataTopic[];
}

const ZERO_UUID = '00000000-0000-0000-0000-000000000000';
const UNKNOWN = -1;

/**
 * Metadata request, v1 to v12:
 * topics NULLABLE [topic_id UUID v10+, name STRING (nullable v10+), TAGS v9+], allow_auto_topic_creation BOOLEAN v4+,
 * include_cluster_authorized_operations BOOLEAN v8-10, include_topic_authorized_operations BOOLEAN v8+, TAGS v9+
 * Topics are never created by asking, as far as the version lets us say so.
 */
export function encodeMetadataRequest(version: number, request: MetadataRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.Metadata, version));
  if (request.topics === null) writer.arrayLength(-1);
  else {
    writer.array(request.topics, (topic) => {
      if (version >= 10) writer.uuid(null);
      writer.string(topic).tags();
    });
  }
  if (version >= 4) writer.boolean(false);
  if (version >= 8 && version <= 10) writer.boolean(false);
  if (version >= 8) writer.boolean(false);
  return writer.tags().toBuffers();
}

const MIN_BROKER_BYTES = 9;
const MIN_TOPIC_BYTES = 5;
const MIN_PARTITION_BYTES = 12;

/**
 * Metadata response, v1 to v12:
 * throttle_time_ms INT32 v3+, brokers [node_id INT32, host STRING, port INT32, rack NULLABLE_STRING, TAGS v9+],
 * cluster_id NULLABLE_STRING v2+, controller_id INT32,
 * topics [error_code INT16, name STRING (nullable v12+), topic_id UUID v10+, is_internal BOOLEAN,
 *   partitions [error_code INT16, partition_index INT32, leader_id INT32, leader_epoch INT32 v7+, replica_nodes [INT32], isr_nodes [INT32],
 *     offline_replicas [INT32] v5+, TAGS v9+], topic_authorized_operations INT32 v8+, TAGS v9+],
 * cluster_authorized_operations INT32 v8-10, TAGS v9+
 */
export function decodeMetadataResponse(version: number, body: Buffer): MetadataResponse {
  const reader = new Reader(body, isFlexible(ApiKey.Metadata, version));
  const throttleTimeMs = version >= 3 ? reader.int32() : 0;
  const brokers = reader.array(MIN_BROKER_BYTES, () => {
    const broker = { id: reader.int32(), host: reader.string(), port: reader.int32(), rack: reader.nullableString() };
    reader.tags();
    return broker;
  });
  const clusterId = version >= 2 ? reader.nullableString() : null;
  const controllerId = reader.int32();
  const topics = reader.array(MIN_TOPIC_BYTES, () => readTopic(reader, version));
  if (version >= 8 && version <= 10) reader.int32();
  reader.tags();
  reader.end();
  return { throttleTimeMs, brokers, clusterId, controllerId, topics };
}

function readTopic(reader: Reader, version: number): MetadataTopic {
  const errorCode = reader.int16();
  const name = version >= 12 ? (reader.nullableString() ?? '') : reader.string();
  const uuid = version >= 10 ? reader.uuid() : ZERO_UUID;
  const internal = reader.boolean();
  const partitions = reader.array(MIN_PARTITION_BYTES, () => readPartition(reader, version));
  if (version >= 8) reader.int32();
  reader.tags();
  return { name, topicId: uuid === ZERO_UUID ? null : uuid, errorCode, internal, partitions };
}

function readPartition(reader: Reader, version: number): MetadataPartition {
  const brokerIds = (): number[] => reader.array(4, () => reader.int32());
  const errorCode = reader.int16();
  const partition = reader.int32();
  const leader = reader.int32();
  const leaderEpoch = version >= 7 ? reader.int32() : UNKNOWN;
  const replicas = brokerIds();
  const isr = brokerIds();
  if (version >= 5) brokerIds();
  reader.tags();
  return { partition, errorCode, leader, leaderEpoch, replicas, isr };
}

export const METADATA: Api<MetadataRequest, MetadataResponse> = {
  key: ApiKey.Metadata,
  encode: encodeMetadataRequest,
  decode: decodeMetadataResponse,
};
