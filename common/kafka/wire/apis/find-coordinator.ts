import { CausewayError } from '../../../errors/error.js';
import { ApiKey, isFlexible } from '../api-keys.js';
import type { Api } from '../call.js';
import { Reader } from '../reader.js';
import { Writer } from '../writer.js';

export type CoordinatorKind = 'group' | 'transaction';

export interface FindCoordinatorRequest {
  readonly kind: CoordinatorKind;
  /** Group id or transactional id. */
  readonly key: string;
}

export interface FindCoordinatorResponse {
  readonly throttleTimeMs: number;
  readonly errorCode: number;
  readonly errorMessage: string | null;
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

const KEY_TYPES: Readonly<Record<CoordinatorKind, number>> = { group: 0, transaction: 1 };

/**
 * FindCoordinator request, v1 to v4 (KIP-699): key STRING v0-3, key_type INT8, coordinator_keys [STRING] v4+, TAGS v3+.
 * It is also what makes the broker create the internal topics (measured): ask it before anything else.
 */
export function encodeFindCoordinatorRequest(version: number, request: FindCoordinatorRequest): Buffer[] {
  const writer = new Writer(isFlexible(ApiKey.FindCoordinator, version));
  if (version <= 3) writer.string(request.key);
  writer.int8(KEY_TYPES[request.kind]);
  if (version >= 4) writer.array([request.key], (key) => writer.string(key));
  return writer.tags().toBuffers();
}

const MIN_COORDINATOR_BYTES = 14;

/**
 * FindCoordinator response, v1 to v3: throttle_time_ms INT32, error_code INT16, error_message NULLABLE_STRING, node_id INT32, host STRING,
 * port INT32, TAGS v3+. v4: throttle_time_ms INT32, coordinators [key STRING, node_id INT32, host STRING, port INT32, error_code INT16,
 * error_message NULLABLE_STRING, TAGS], TAGS.
 */
export function decodeFindCoordinatorResponse(version: number, body: Buffer): FindCoordinatorResponse {
  const reader = new Reader(body, isFlexible(ApiKey.FindCoordinator, version));
  const throttleTimeMs = reader.int32();
  if (version <= 3) {
    const errorCode = reader.int16();
    const errorMessage = reader.nullableString();
    const response = { throttleTimeMs, errorCode, errorMessage, ...readNode(reader) };
    reader.tags();
    reader.end();
    return response;
  }
  const coordinators = reader.array(MIN_COORDINATOR_BYTES, () => {
    reader.string();
    const node = readNode(reader);
    const coordinator = { ...node, errorCode: reader.int16(), errorMessage: reader.nullableString() };
    reader.tags();
    return coordinator;
  });
  reader.tags();
  reader.end();
  const first = coordinators[0];
  if (first === undefined || coordinators.length > 1) {
    throw new CausewayError('KAFKA_PROTOCOL', `FindCoordinator for one key named ${coordinators.length} coordinators`);
  }
  return { throttleTimeMs, ...first };
}

function readNode(reader: Reader): { nodeId: number; host: string; port: number } {
  return { nodeId: reader.int32(), host: reader.string(), port: reader.int32() };
}

export const FIND_COORDINATOR: Api<FindCoordinatorRequest, FindCoordinatorResponse> = {
  key: ApiKey.FindCoordinator,
  encode: encodeFindCoordinatorRequest,
  decode: decodeFindCoordinatorResponse,
};
