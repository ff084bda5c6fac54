import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';

/** Of all users. */
export type DescribeUserScramCredentialsRequest = Readonly<Record<never, never>>;

export interface DescribeUserScramCredentialsResponse {
  readonly throttleTimeMs: number;
  readonly errorCode: number;
  readonly errorMessage: string | null;
  /** Users with credentials. What the cluster knows of their passwords (salted hashes) is never told by any API. */
  readonly users: readonly string[];
}

/** DescribeUserScramCredentials request, v0 (KIP-554): users NULLABLE [name STRING, TAGS], TAGS. Null asks for all. */
export function encodeDescribeUserScramCredentialsRequest(version: number): Buffer[] {
  return new Writer(isFlexible(ApiKey.DescribeUserScramCredentials, version)).arrayLength(-1).tags().toBuffers();
}

const MIN_RESULT_BYTES = 5;
const MIN_CREDENTIAL_BYTES = 5;

/**
 * DescribeUserScramCredentials response, v0: throttle_time_ms INT32, error_code INT16, error_message NULLABLE_STRING, results [user STRING,
 *   error_code INT16, error_message NULLABLE_STRING, credential_infos [mechanism INT8, iterations INT32, TAGS], TAGS], TAGS
 */
export function decodeDescribeUserScramCredentialsResponse(
  version: number,
  body: Buffer,
): DescribeUserScramCredentialsResponse {
  const reader = new Reader(body, isFlexible(ApiKey.DescribeUserScramCredentials, version));
  const throttleTimeMs = reader.int32();
  const errorCode = reader.int16();
  const errorMessage = reader.nullableString();
  const users = reader.array(MIN_RESULT_BYTES, () => {
    const user = reader.string();
    reader.int16();
    reader.nullableString();
    reader.array(MIN_CREDENTIAL_BYTES, () => {
      reader.int8();
      reader.int32();
      reader.tags();
    });
    reader.tags();
    return user;
  });
  reader.tags();
  reader.end();
  return { throttleTimeMs, errorCode, errorMessage, users };
}

export const DESCRIBE_USER_SCRAM_CREDENTIALS: Api<
  DescribeUserScramCredentialsRequest,
  DescribeUserScramCredentialsResponse
> = {
  key: ApiKey.DescribeUserScramCredentials,
  encode: encodeDescribeUserScramCredentialsRequest,
  decode: decodeDescribeUserScramCredentialsResponse,
};
