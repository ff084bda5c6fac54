import type { AclBinding } from '../../../model/acl.js';
import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';
import { operationCode, patternCode, permissionCode, readGrant, resourceCode } from './acl-codes.js';

/** Each binding is a filter that matches itself alone: nothing is ever deleted by a wildcard. */
export interface DeleteAclsRequest {
  readonly bindings: readonly AclBinding[];
}

export interface DeleteAclsResponse {
  readonly throttleTimeMs: number;
  /** In the order of the request. */
  readonly results: readonly {
    /** The filter's own error, else the first one of what it matched. */
    readonly errorCode: number;
    readonly errorMessage: string | null;
    /** How many ACLs it matched; 0: it was not there. */
    readonly matched: number;
  }[];
}

/**
 * DeleteAcls request, v1 to v3: filters [resource_type_filter INT8, resource_name_filter NULLABLE_STRING, pattern_type_filter INT8,
 * principal_filter NULLABLE_STRING, host_filter NULLABLE_STRING, operation INT8, permission_type INT8, TAGS v2+], TAGS v2+.
 */
export function encodeDeleteAclsRequest(version: number, { bindings }: DeleteAclsRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.DeleteAcls, version));
  writer.array(bindings, ({ resource, name, pattern, principal, host, operation, permission }) =>
    writer
      .int8(resourceCode(resource))
      .nullableString(name)
      .int8(patternCode(pattern))
      .nullableString(principal)
      .nullableString(host)
      .int8(operationCode(operation))
      .int8(permissionCode(permission))
      .tags(),
  );
  return writer.tags().toBuffers();
}

const MIN_RESULT_BYTES = 4;
const MIN_MATCH_BYTES = 9;

/**
 * DeleteAcls response, v1 to v3: throttle_time_ms INT32, filter_results [error_code INT16, error_message NULLABLE_STRING,
 *   matching_acls [error_code INT16, error_message NULLABLE_STRING, resource_type INT8, resource_name STRING, pattern_type INT8,
 *     principal STRING, host STRING, operation INT8, permission_type INT8, TAGS v2+], TAGS v2+], TAGS v2+
 */
export function decodeDeleteAclsResponse(version: number, body: Buffer): DeleteAclsResponse {
  const reader = new Reader(body, isFlexible(ApiKey.DeleteAcls, version));
  const throttleTimeMs = reader.int32();
  const results = reader.array(MIN_RESULT_BYTES, () => {
    const own = { errorCode: reader.int16(), errorMessage: reader.nullableString() };
    const matches = reader.array(MIN_MATCH_BYTES, () => readMatch(reader));
    reader.tags();
    const failed = own.errorCode === 0 ? matches.find(({ errorCode }) => errorCode !== 0) : undefined;
    return { ...(failed ?? own), matched: matches.length };
  });
  reader.tags();
  reader.end();
  return { throttleTimeMs, results };
}

function readMatch(reader: Reader): { readonly errorCode: number; readonly errorMessage: string | null } {
  const outcome = { errorCode: reader.int16(), errorMessage: reader.nullableString() };
  reader.int8();
  reader.string();
  reader.int8();
  readGrant(reader);
  return outcome;
}

export const DELETE_ACLS: Api<DeleteAclsRequest, DeleteAclsResponse> = {
  key: ApiKey.DeleteAcls,
  encode: encodeDeleteAclsRequest,
  decode: decodeDeleteAclsResponse,
};
