import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';

/** To every broker: each knows the groups that it coordinates. Nothing is filtered: all states, all types. */
export type ListGroupsRequest = Record<string, never>;

export interface ListedGroup {
  readonly groupId: string;
  /** `consumer`, `connect`...; '' where nobody ever joined: offsets were committed from outside. */
  readonly protocolType: string;
  /** Empty, Stable, PreparingRebalance, CompletingRebalance, Assigning, Reconciling, Dead...; null before v4. */
  readonly state: string | null;
  /** classic, consumer (KIP-848), share...; null before v5. */
  readonly type: string | null;
}

export interface ListGroupsResponse {
  readonly throttleTimeMs: number;
  readonly errorCode: number;
  /** Only those that the caller may describe. */
  readonly groups: readonly ListedGroup[];
}

/** ListGroups request, v1 to v5 (KIP-518, 848): states_filter [STRING] v4+, types_filter [STRING] v5+, TAGS v3+. */
export function encodeListGroupsRequest(version: number, _request: ListGroupsRequest = {}): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.ListGroups, version));
  if (version >= 4) writer.arrayLength(0);
  if (version >= 5) writer.arrayLength(0);
  return writer.tags().toBuffers();
}

const MIN_GROUP_BYTES = 2;

/**
 * ListGroups response, v1 to v5: throttle_time_ms INT32, error_code INT16,
 * groups [group_id STRING, protocol_type STRING, group_state STRING v4+, group_type STRING v5+, TAGS v3+], TAGS v3+
 */
export function decodeListGroupsResponse(version: number, body: Buffer): ListGroupsResponse {
  const reader = new Reader(body, isFlexible(ApiKey.ListGroups, version));
  const throttleTimeMs = reader.int32();
  const errorCode = reader.int16();
  const groups = reader.array(MIN_GROUP_BYTES, () => {
    const groupId = reader.string();
    const protocolType = reader.string();
    const state = version >= 4 ? reader.string() : null;
    const type = version >= 5 ? reader.string() : null;
    reader.tags();
    return { groupId, protocolType, state, type };
  });
  reader.tags();
  reader.end();
  return { throttleTimeMs, errorCode, groups };
}

export const LIST_GROUPS: Api<ListGroupsRequest, ListGroupsResponse> = {
  key: ApiKey.ListGroups,
  encode: encodeListGroupsRequest,
  decode: decodeListGroupsResponse,
};
