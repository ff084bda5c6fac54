import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';

/** From this version on topics can be named by their ids. */
export const DELETE_BY_ID_VERSION = 6;

export interface DeleteTopicsRequest {
  /** With an id, from v6 on, exactly that incarnation. */
  readonly topics: readonly { readonly name: string; readonly topicId: string | null }[];
  readonly timeoutMs: number;
}

export interface DeleteTopicsResponse {
  readonly throttleTimeMs: number;
  readonly results: readonly {
    /** Null: asked for by an id that is none. */
    readonly name: string | null;
    readonly errorCode: number;
    readonly errorMessage: string | null;
  }[];
}

/**
 * DeleteTopics request, v1 to v6: v6: topics [name NULLABLE_STRING, topic_id UUID, TAGS], below: topic_names [STRING]; timeout_ms INT32,
 * TAGS v4+.
 */
export function encodeDeleteTopicsRequest(version: number, { topics, timeoutMs }: DeleteTopicsRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.DeleteTopics, version));
  if (version >= DELETE_BY_ID_VERSION) {
    writer.array(topics, ({ name, topicId }) =>
      writer
        .nullableString(topicId === null ? name : null)
        .uuid(topicId)
        .tags(),
    );
  } else writer.array(topics, ({ name }) => writer.string(name));
  return writer.int32(timeoutMs).tags().toBuffers();
}

const MIN_RESULT_BYTES = 3;

/**
 * DeleteTopics response, v1 to v6: throttle_time_ms INT32, responses [name STRING (NULLABLE v6+), topic_id UUID v6+, error_code INT16,
 * error_message NULLABLE_STRING v5+, TAGS v4+], TAGS v4+
 */
export function decodeDeleteTopicsResponse(version: number, body: Buffer): DeleteTopicsResponse {
  const reader = new Reader(body, isFlexible(ApiKey.DeleteTopics, version));
  const throttleTimeMs = reader.int32();
  const results = reader.array(MIN_RESULT_BYTES, () => {
    const name = version >= DELETE_BY_ID_VERSION ? reader.nullableString() : reader.string();
    if (version >= DELETE_BY_ID_VERSION) reader.uuid();
    const errorCode = reader.int16();
    const errorMessage = version >= 5 ? reader.nullableString() : null;
    reader.tags();
    return { name, errorCode, errorMessage };
  });
  reader.tags();
  reader.end();
  return { throttleTimeMs, results };
}

export const DELETE_TOPICS: Api<DeleteTopicsRequest, DeleteTopicsResponse> = {
  key: ApiKey.DeleteTopics,
  encode: encodeDeleteTopicsRequest,
  decode: decodeDeleteTopicsResponse,
};
