import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';

export const TOPIC_RESOURCE = 2;
/** A broker is named by its id, and asked itself. */
export const BROKER_RESOURCE = 4;
/** The value is set on the topic itself (DescribeConfigsResponse.ConfigSource). */
export const TOPIC_CONFIG_SOURCE = 1;

export interface ConfigQuestion {
  readonly type: number;
  readonly name: string;
  /** Null: all there are. */
  readonly keys: readonly string[] | null;
}

export interface DescribeConfigsRequest {
  readonly resources: readonly ConfigQuestion[];
}

export interface DescribedConfig {
  readonly name: string;
  /** Null: sensitive, or it has none. */
  readonly value: string | null;
  readonly isReadOnly: boolean;
  readonly source: number;
  readonly isSensitive: boolean;
}

export interface ConfigAnswer {
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly type: number;
  readonly name: string;
  readonly configs: readonly DescribedConfig[];
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
  writer.array(request.resources, ({ type, name, keys }) => {
    writer.int8(type).string(name);
    if (keys === null) writer.arrayLength(-1);
    else writer.array(keys, (key) => writer.string(key));
    writer.tags();
  });
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

function readConfig(reader: Reader, version: number): DescribedConfig {
  const name = reader.string();
  const value = reader.nullableString();
  const isReadOnly = reader.boolean();
  const source = reader.int8();
  const isSensitive = reader.boolean();
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
  return { name, value, isReadOnly, source, isSensitive };
}

export const DESCRIBE_CONFIGS: Api<DescribeConfigsRequest, DescribeConfigsResponse> = {
  key: ApiKey.DescribeConfigs,
  encode: encodeDescribeConfigsRequest,
  decode: decodeDescribeConfigsResponse,
};
