import type { TopicPartition } from '../../../model/topic-partition.js';
import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';
import { type PartitionCode, readPartitionCodes, writePartitionLists } from './partition-lists.js';

export interface TxnMarker {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** False: an abort marker. */
  readonly committed: boolean;
  /** A marker of a lower coordinator epoch than the last one's is refused (52). */
  readonly coordinatorEpoch: number;
  readonly partitions: readonly TopicPartition[];
}

/** To the leader of the partitions. Needs rights on the cluster: CLUSTER_ACTION, on newer brokers ALTER. */
export interface WriteTxnMarkersRequest {
  readonly markers: readonly TxnMarker[];
}

export interface WriteTxnMarkersResponse {
  readonly markers: readonly { readonly producerId: bigint; readonly partitions: readonly PartitionCode[] }[];
}

/**
 * WriteTxnMarkers request, v0 and v1 (KIP-98): markers [producer_id INT64, producer_epoch INT16, transaction_result BOOLEAN,
 *   topics [name STRING, partition_indexes [INT32], TAGS v1+], coordinator_epoch INT32, TAGS v1+], TAGS v1+
 */
export function encodeWriteTxnMarkersRequest(version: number, request: WriteTxnMarkersRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.WriteTxnMarkers, version));
  writer.array(request.markers, (marker) => {
    writer.int64(marker.producerId).int16(marker.producerEpoch).boolean(marker.committed);
    writePartitionLists(writer, marker.partitions);
    writer.int32(marker.coordinatorEpoch).tags();
  });
  return writer.tags().toBuffers();
}

const MIN_MARKER_BYTES = 9;

/**
 * WriteTxnMarkers response, v0 and v1: markers [producer_id INT64,
 *   topics [name STRING, partitions [partition_index INT32, error_code INT16, TAGS v1+], TAGS v1+], TAGS v1+], TAGS v1+
 */
export function decodeWriteTxnMarkersResponse(version: number, body: Buffer): WriteTxnMarkersResponse {
  const reader = new Reader(body, isFlexible(ApiKey.WriteTxnMarkers, version));
  const markers = reader.array(MIN_MARKER_BYTES, () => {
    const marker = { producerId: reader.int64(), partitions: readPartitionCodes(reader) };
    reader.tags();
    return marker;
  });
  reader.tags();
  reader.end();
  return { markers };
}

export const WRITE_TXN_MARKERS: Api<WriteTxnMarkersRequest, WriteTxnMarkersResponse> = {
  key: ApiKey.WriteTxnMarkers,
  encode: encodeWriteTxnMarkersRequest,
  decode: decodeWriteTxnMarkersResponse,
};
