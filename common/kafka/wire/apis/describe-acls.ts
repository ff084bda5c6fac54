import type { AclBinding, AclResource } from '../../../model/acl.js';
import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';
import { ANY, patternOf, readGrant, resourceCode, resourceOf } from './acl-codes.js';

/** All ACLs of one kind of resource, whatever their names, patterns and principals. */
export interface DescribeAclsRequest {
  readonly resource: AclResource;
}

export interface DescribeAclsResponse {
  readonly throttleTimeMs: number;
  /** SECURITY_DISABLED (54): the cluster has no authorizer. */
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly bindings: readonly AclBinding[];
  /** ACLs with an operation, pattern or permission that we do not know: younger than this code. */
  readonly strange: number;
}

/**
 * DescribeAcls request, v1 to v3 (KIP-140, pattern types KIP-290): resource_type_filter INT8, resource_name_filter NULLABLE_STRING,
 * pattern_type_filter INT8, principal_filter NULLABLE_STRING, host_filter NULLABLE_STRING, operation INT8, permission_type INT8, TAGS v2+.
 */
export function encodeDescribeAclsRequest(version: number, { resource }: DescribeAclsRequest): Buffer[] {
  return new Writer(isFlexible(ApiKey.DescribeAcls, version))
    .int8(resourceCode(resource))
    .nullableString(null)
    .int8(ANY)
    .nullableString(null)
    .nullableString(null)
    .int8(ANY)
    .int8(ANY)
    .tags()
    .toBuffers();
}

const MIN_RESOURCE_BYTES = 4;
const MIN_ACL_BYTES = 4;

/**
 * DescribeAcls response, v1 to v3: throttle_time_ms INT32, error_code INT16, error_message NULLABLE_STRING, resources [resource_type INT8,
 *   resource_name STRING, pattern_type INT8, acls [principal STRING, host STRING, operation INT8, permission_type INT8, TAGS v2+], TAGS v2+],
 *   TAGS v2+
 */
export function decodeDescribeAclsResponse(version: number, body: Buffer): DescribeAclsResponse {
  const reader = new Reader(body, isFlexible(ApiKey.DescribeAcls, version));
  const throttleTimeMs = reader.int32();
  const errorCode = reader.int16();
  const errorMessage = reader.nullableString();
  const bindings: AclBinding[] = [];
  let strange = 0;
  reader.array(MIN_RESOURCE_BYTES, () => {
    const resource = resourceOf(reader.int8());
    const name = reader.string();
    const pattern = patternOf(reader.int8());
    for (const { operation, permission, ...who } of reader.array(MIN_ACL_BYTES, () => readGrant(reader))) {
      const isKnown = resource !== undefined && pattern !== undefined && operation !== undefined;
      if (isKnown && permission !== undefined)
        bindings.push({ resource, pattern, name, ...who, operation, permission });
      else strange += 1;
    }
    reader.tags();
  });
  reader.tags();
  reader.end();
  return { throttleTimeMs, errorCode, errorMessage, bindings, strange };
}

export const DESCRIBE_ACLS: Api<DescribeAclsRequest, DescribeAclsResponse> = {
  key: ApiKey.DescribeAcls,
  encode: encodeDescribeAclsRequest,
  decode: decodeDescribeAclsResponse,
};
