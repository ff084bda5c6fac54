import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';

/** org.apache.kafka.clients.admin.AlterConfigOp.OpType, as far as single values go. */
const OPERATION_CODES = { set: 0, delete: 1 } as const;

export interface ConfigChange {
  readonly name: string;
  /** Null: the resource has no value of its own any more. */
  readonly value: string | null;
}

export interface IncrementalAlterConfigsRequest {
  readonly resources: readonly {
    readonly type: number;
    readonly name: string;
    readonly changes: readonly ConfigChange[];
  }[];
}

export interface IncrementalAlterConfigsResponse {
  readonly throttleTimeMs: number;
  readonly results: readonly {
    readonly errorCode: number;
    readonly errorMessage: string | null;
    readonly type: number;
    readonly name: string;
  }[];
}

/**
 * IncrementalAlterConfigs request (KIP-339), v0 and v1: resources [resource_type INT8, resource_name STRING, configs [name STRING,
 * config_operation INT8, value NULLABLE_STRING, TAGS v1+], TAGS v1+], validate_only BOOLEAN, TAGS v1+.
 */
export function encodeIncrementalAlterConfigsRequest(
  version: number,
  { resources }: IncrementalAlterConfigsRequest,
): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.IncrementalAlterConfigs, version));
  writer.array(resources, ({ type, name, changes }) =>
    writer
      .int8(type)
      .string(name)
      .array(changes, (change) =>
        writer
          .string(change.name)
          .int8(change.value === null ? OPERATION_CODES.delete : OPERATION_CODES.set)
          .nullableString(change.value)
          .tags(),
      )
      .tags(),
  );
  return writer.boolean(false).tags().toBuffers();
}

const MIN_RESULT_BYTES = 5;

/**
 * IncrementalAlterConfigs response, v0 and v1: throttle_time_ms INT32, responses [error_code INT16, error_message NULLABLE_STRING,
 * resource_type INT8, resource_name STRING, TAGS v1+], TAGS v1+
 */
export function decodeIncrementalAlterConfigsResponse(version: number, body: Buffer): IncrementalAlterConfigsResponse {
  const reader = new Reader(body, isFlexible(ApiKey.IncrementalAlterConfigs, version));
  const throttleTimeMs = reader.int32();
  const results = reader.array(MIN_RESULT_BYTES, () => {
    const result = {
      errorCode: reader.int16(),
      errorMessage: reader.nullableString(),
      type: reader.int8(),
      name: reader.string(),
    };
    reader.tags();
    return result;
  });
  reader.tags();
  reader.end();
  return { throttleTimeMs, results };
}

export const INCREMENTAL_ALTER_CONFIGS: Api<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse> = {
  key: ApiKey.IncrementalAlterConfigs,
  encode: encodeIncrementalAlterConfigsRequest,
  decode: decodeIncrementalAlterConfigsResponse,
};
