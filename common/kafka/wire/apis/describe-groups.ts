import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';

/** To the groups' coordinator. Of groups of the protocol of KIP-848 it says `Dead`, whatever they are (measured): ask ListGroups v5. */
export interface DescribeGroupsRequest {
  readonly groups: readonly string[];
}

export interface GroupDescription {
  readonly errorCode: number;
  readonly groupId: string;
  /** Dead: the coordinator knows no such group. */
  readonly state: string;
  readonly protocolType: string;
  readonly members: number;
}

export interface DescribeGroupsResponse {
  readonly throttleTimeMs: number;
  readonly groups: readonly GroupDescription[];
}

/** DescribeGroups request, v1 to v5: groups [STRING], include_authorized_operations BOOLEAN v3+, TAGS v5+. */
export function encodeDescribeGroupsRequest(version: number, request: DescribeGroupsRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.DescribeGroups, version));
  writer.array(request.groups, (group) => writer.string(group));
  if (version >= 3) writer.boolean(false);
  return writer.tags().toBuffers();
}

const MIN_GROUP_BYTES = 8;
const MIN_MEMBER_BYTES = 5;

/**
 * DescribeGroups response, v1 to v5: throttle_time_ms INT32, groups [error_code INT16, group_id STRING, group_state STRING,
 *   protocol_type STRING, protocol_data STRING, members [member_id STRING, group_instance_id NULLABLE_STRING v4+, client_id STRING,
 *     client_host STRING, member_metadata BYTES, member_assignment BYTES, TAGS v5+], authorized_operations INT32 v3+, TAGS v5+], TAGS v5+
 */
export function decodeDescribeGroupsResponse(version: number, body: Buffer): DescribeGroupsResponse {
  const reader = new Reader(body, isFlexible(ApiKey.DescribeGroups, version));
  const throttleTimeMs = reader.int32();
  const groups = reader.array(MIN_GROUP_BYTES, () => {
    const group = {
      errorCode: reader.int16(),
      groupId: reader.string(),
      state: reader.string(),
      protocolType: reader.string(),
    };
    reader.string();
    const members = reader.array(MIN_MEMBER_BYTES, () => skipMember(reader, version)).length;
    if (version >= 3) reader.int32();
    reader.tags();
    return { ...group, members };
  });
  reader.tags();
  reader.end();
  return { throttleTimeMs, groups };
}

function skipMember(reader: Reader, version: number): void {
  reader.string();
  if (version >= 4) reader.nullableString();
  reader.string();
  reader.string();
  reader.bytes();
  reader.bytes();
  reader.tags();
}

export const DESCRIBE_GROUPS: Api<DescribeGroupsRequest, DescribeGroupsResponse> = {
  key: ApiKey.DescribeGroups,
  encode: encodeDescribeGroupsRequest,
  decode: decodeDescribeGroupsResponse,
};
