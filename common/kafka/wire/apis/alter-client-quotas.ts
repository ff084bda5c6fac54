import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';
import { type QuotaEntityPart, readQuotaEntity } from './describe-client-quotas.js';

export interface QuotaAlteration {
  readonly entity: readonly QuotaEntityPart[];
  /** Null: the quota is removed. */
  readonly values: readonly { readonly key: string; readonly value: number | null }[];
}

export interface AlterClientQuotasRequest {
  readonly alterations: readonly QuotaAlteration[];
}

export interface AlterClientQuotasResponse {
  readonly throttleTimeMs: number;
  /** One per entity, in no order that the protocol promises. */
  readonly results: readonly {
    readonly errorCode: number;
    readonly errorMessage: string | null;
    readonly entity: readonly QuotaEntityPart[];
  }[];
}

/**
 * AlterClientQuotas request, v0 to v1 (KIP-546): entries [entity [entity_type STRING, entity_name NULLABLE_STRING, TAGS v1+],
 * ops [key STRING, value FLOAT64, remove BOOLEAN, TAGS v1+], TAGS v1+], validate_only BOOLEAN, TAGS v1+.
 */
export function encodeAlterClientQuotasRequest(version: number, { alterations }: AlterClientQuotasRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.AlterClientQuotas, version));
  writer.array(alterations, ({ entity, values }) => {
    writer.array(entity, ({ type, name }) => writer.string(type).nullableString(name).tags());
    writer.array(values, ({ key, value }) =>
      writer
        .string(key)
        .float64(value ?? 0)
        .boolean(value === null)
        .tags(),
    );
    writer.tags();
  });
  return writer.boolean(false).tags().toBuffers();
}

const MIN_RESULT_BYTES = 4;

/**
 * AlterClientQuotas response, v0 to v1: throttle_time_ms INT32, entries [error_code INT16, error_message NULLABLE_STRING,
 *   entity [entity_type STRING, entity_name NULLABLE_STRING, TAGS v1+], TAGS v1+], TAGS v1+
 */
export function decodeAlterClientQuotasResponse(version: number, body: Buffer): AlterClientQuotasResponse {
  const reader = new Reader(body, isFlexible(ApiKey.AlterClientQuotas, version));
  const throttleTimeMs = reader.int32();
  const results = reader.array(MIN_RESULT_BYTES, () => {
    const errorCode = reader.int16();
    const errorMessage = reader.nullableString();
    const entity = readQuotaEntity(reader);
    reader.tags();
    return { errorCode, errorMessage, entity };
  });
  reader.tags();
  reader.end();
  return { throttleTimeMs, results };
}

export const ALTER_CLIENT_QUOTAS: Api<AlterClientQuotasRequest, AlterClientQuotasResponse> = {
  key: ApiKey.AlterClientQuotas,
  encode: encodeAlterClientQuotasRequest,
  decode: decodeAlterClientQuotasResponse,
};
