import type { AclBinding } from '../../../model/acl.js';
import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';
import { operationCode, patternCode, permissionCode, resourceCode } from './acl-codes.js';

/** Creating one that is there already is no error. */
export interface CreateAclsRequest {
  readonly bindings: readonly AclBinding[];
}

export interface CreateAclsResponse {
  readonly throttleTimeMs: number;
  /** In the order of the request. */
  readonly results: readonly { readonly errorCode: number; readonly errorMessage: string | null }[];
}

/**
 * CreateAcls request, v1 to v3: creations [resource_type INT8, resource_name STRING, resource_pattern_type INT8, principal STRING,
 * host STRING, operation INT8, permission_type INT8, TAGS v2+], TAGS v2+.
 */
export function encodeCreateAclsRequest(version: number, { bindings }: CreateAclsRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.CreateAcls, version));
  writer.array(bindings, ({ resource, name, pattern, principal, host, operation, permission }) =>
    writer
      .int8(resourceCode(resource))
      .string(name)
      .int8(patternCode(pattern))
      .string(principal)
      .string(host)
      .int8(operationCode(operation))
      .int8(permissionCode(permission))
      .tags(),
  );
  return writer.tags().toBuffers();
}

const MIN_RESULT_BYTES = 3;

/** CreateAcls response, v1 to v3: throttle_time_ms INT32, results [error_code INT16, error_message NULLABLE_STRING, TAGS v2+], TAGS v2+ */
export function decodeCreateAclsResponse(version: number, body: Buffer): CreateAclsResponse {
  const reader = new Reader(body, isFlexible(ApiKey.CreateAcls, version));
  const throttleTimeMs = reader.int32();
  const results = reader.array(MIN_RESULT_BYTES, () => {
    const result = { errorCode: reader.int16(), errorMessage: reader.nullableString() };
    reader.tags();
    return result;
  });
  reader.tags();
  reader.end();
  return { throttleTimeMs, results };
}

export const CREATE_ACLS: Api<CreateAclsRequest, CreateAclsResponse> = {
  key: ApiKey.CreateAcls,
  encode: encodeCreateAclsRequest,
  decode: decodeCreateAclsResponse,
};
