import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';

/** Kafka's names: `user`, `client-id`, `ip`. A null name is the default of its type. */
export interface QuotaEntityPart {
  readonly type: string;
  readonly name: string | null;
}

export interface QuotaEntry {
  readonly entity: readonly QuotaEntityPart[];
  readonly values: readonly { readonly key: string; readonly value: number }[];
}

/** All quotas: no filter. */
export type DescribeClientQuotasRequest = Readonly<Record<never, never>>;

export interface DescribeClientQuotasResponse {
  readonly throttleTimeMs: number;
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly entries: readonly QuotaEntry[];
}

/**
 * DescribeClientQuotas request, v0 to v1 (KIP-546): components [entity_type STRING, match_type INT8, match NULLABLE_STRING, TAGS v1+],
 * strict BOOLEAN, TAGS v1+. Without components everything matches.
 */
export function encodeDescribeClientQuotasRequest(version: number): Buffer[] {
  return new Writer(isFlexible(ApiKey.DescribeClientQuotas, version)).arrayLength(0).boolean(false).tags().toBuffers();
}

const MIN_ENTRY_BYTES = 2;
const MIN_PART_BYTES = 2;
const MIN_VALUE_BYTES = 9;

/**
 * DescribeClientQuotas response, v0 to v1: throttle_time_ms INT32, error_code INT16, error_message NULLABLE_STRING,
 *   entries NULLABLE [entity [entity_type STRING, entity_name NULLABLE_STRING, TAGS v1+], values [key STRING, value FLOAT64, TAGS v1+],
 *     TAGS v1+], TAGS v1+
 */
export function decodeDescribeClientQuotasResponse(version: number, body: Buffer): DescribeClientQuotasResponse {
  const reader = new Reader(body, isFlexible(ApiKey.DescribeClientQuotas, version));
  const throttleTimeMs = reader.int32();
  const errorCode = reader.int16();
  const errorMessage = reader.nullableString();
  const count = reader.nullableArrayLength(MIN_ENTRY_BYTES);
  const entries: QuotaEntry[] = [];
  for (let i = 0; i < count; i += 1) entries.push(readEntry(reader));
  reader.tags();
  reader.end();
  return { throttleTimeMs, errorCode, errorMessage, entries };
}

function readEntry(reader: Reader): QuotaEntry {
  const entity = readQuotaEntity(reader);
  const values = reader.array(MIN_VALUE_BYTES, () => {
    const value = { key: reader.string(), value: reader.float64() };
    reader.tags();
    return value;
  });
  reader.tags();
  return { entity, values };
}

/** entity [entity_type STRING, entity_name NULLABLE_STRING, TAGS] */
export function readQuotaEntity(reader: Reader): readonly QuotaEntityPart[] {
  return reader.array(MIN_PART_BYTES, () => {
    const part = { type: reader.string(), name: reader.nullableString() };
    reader.tags();
    return part;
  });
}

export const DESCRIBE_CLIENT_QUOTAS: Api<DescribeClientQuotasRequest, DescribeClientQuotasResponse> = {
  key: ApiKey.DescribeClientQuotas,
  encode: encodeDescribeClientQuotasRequest,
  decode: decodeDescribeClientQuotasResponse,
};
