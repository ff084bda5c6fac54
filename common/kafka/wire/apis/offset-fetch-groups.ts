import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';
import { type FetchedOffset, readOffsets } from './offset-fetch.js';

/** From this version on one request asks for several groups (KIP-709). */
export const OFFSET_FETCH_GROUPS_VERSION = 8;

/** Everything that these groups, of one coordinator, have committed. */
export interface OffsetFetchGroupsRequest {
  readonly groups: readonly string[];
}

export interface GroupOffsets {
  readonly group: string;
  readonly errorCode: number;
  readonly partitions: readonly FetchedOffset[];
}

export interface OffsetFetchGroupsResponse {
  readonly throttleTimeMs: number;
  readonly groups: readonly GroupOffsets[];
}

/** OffsetFetch request, v8: groups [group_id STRING, topics NULLABLE [...] (null: all), TAGS], require_stable BOOLEAN, TAGS. */
export function encodeOffsetFetchGroupsRequest(version: number, { groups }: OffsetFetchGroupsRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.OffsetFetch, version));
  writer.array(groups, (group) => writer.string(group).arrayLength(-1).tags());
  // A transaction that is pending does not make the last committed position wrong.
  return writer.boolean(false).tags().toBuffers();
}

const MIN_GROUP_BYTES = 5;

/** OffsetFetch response, v8: throttle_time_ms INT32, groups [group_id STRING, topics [...], error_code INT16, TAGS], TAGS. */
export function decodeOffsetFetchGroupsResponse(version: number, body: Buffer): OffsetFetchGroupsResponse {
  const reader = new Reader(body, isFlexible(ApiKey.OffsetFetch, version));
  const throttleTimeMs = reader.int32();
  const groups = reader.array(MIN_GROUP_BYTES, () => {
    const group = reader.string();
    const partitions = readOffsets(reader);
    const errorCode = reader.int16();
    reader.tags();
    return { group, errorCode, partitions };
  });
  reader.tags();
  reader.end();
  return { throttleTimeMs, groups };
}

/** Only where the broker speaks version 8. */
export const OFFSET_FETCH_GROUPS: Api<OffsetFetchGroupsRequest, OffsetFetchGroupsResponse> = {
  key: ApiKey.OffsetFetch,
  encode: encodeOffsetFetchGroupsRequest,
  decode: decodeOffsetFetchGroupsResponse,
};
