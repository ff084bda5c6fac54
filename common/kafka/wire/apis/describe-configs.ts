import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';

/** A broker is named by its id, and asked itself. */
export const BROKER_RESOURCE = 4;

export interface ConfigQuestion {
  readonly type: number;
  readonly name: string;
  readonly keys: readonly string[];
}

export interface DescribeConfigsRequest {
  readonly resources: readonly ConfigQuestion[];
}

export interface ConfigAnswer {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly type: number;
  readonly name: string;
  readonly configs: readonly { readonly name: string; readonly value: string | null }[];
}

export interface DescribeConfigsResponse {
  readonly throttleTimeMs: number;
  readonly results: readonly ConfigAnswer[];
}

/**
 * DescribeConfigs request, v1 to v4: resources [resource_type INT8, resource_name STRING, configuration_keys [STRING], TAGS v4+],
 * include_synonyms BOOLEAN, include_documentation BOOLEAN v3+, TAGS v4+.
 */
export function encodeDescribeConfigsRequest(version: number, request: DescribeConfigsRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.DescribeConfigs, version));
  writer.array(request.resources, ({ type, name, keys }) =>
    writer
      .int8(type)
      .string(name)
      .array(keys, (key) => writer.string(key))
      .tags(),
  );
  writer.boolean(false);
  if (version >= 3) writer.boolean(false);
  return writer.tags().toBuffers();
}

const MIN_RESULT_BYTES = 7;
const MIN_CONFIG_BYTES = 6;
const MIN_SYNONYM_BYTES = 3;

/**
 * DescribeConfigs response, v1 to v4: throttle_time_ms INT32, results [error_code INT16, error_message NULLABLE_STRING, resource_type INT8,
 *   resource_name STRING, configs [name STRING, value NULLABLE_STRING, read_only BOOLEAN, config_source INT8, is_sensitive BOOLEAN,
 *     synonyms [name STRING, value NULLABLE_STRING, source INT8, TAGS v4+], config_type INT8 v3+, documentation NULLABLE_STRING v3+,
 *     TAGS v4+], TAGS v4+], TAGS v4+
 */
export function decodeDescribeConfigsResponse(version: number, body: Buffer): DescribeConfigsResponse {
  const reader = new Reader(body, isFlexible(ApiKey.DescribeConfigs, version));
  const throttleTimeMs = reader.int32();
  const results = reader.array(MIN_RESULT_BYTES, () => {
    const result = {
      errorCode: reader.int16(),
      errorMessage: reader.nullableString(),
      type: reader.int8(),
      name: reader.string(),
      configs: reader.array(MIN_CONFIG_BYTES, () => readConfig(reader, version)),
    };
    reader.tags();
    return result;
  });
  reader.tags();
  reader.end();
  return { throttleTimeMs, results };
}

function readConfig(reader: Reader, version: number): { readonly name: string; readonly value: string | null } {
  const name = reader.string();
  const value = reader.nullableString();
  reader.boolean();
  reader.int8();
  reader.boolean();
  reader.array(MIN_SYNONYM_BYTES, () => {
    reader.string();
    reader.nullableString();
    reader.int8();
    reader.tags();
  });
  if (version >= 3) {
    reader.int8();
    reader.nullableString();
  }
  reader.tags();
  return { name, value };
}

export const DESCRIBE_CONFIGS: Api<DescribeConfigsRequest, DescribeConfigsResponse> = {
  key: ApiKey.DescribeConfigs,
  encode: encodeDescribeConfigsRequest,
  decode: decodeDescribeConfigsResponse,
};
