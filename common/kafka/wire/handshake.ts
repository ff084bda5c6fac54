import { CausewayError } from '../../errors/error.js';
import { API_SPECS, ApiKey } from './api-keys.js';
import type { SaslCredentials } from './credentials.js';
import { KafkaCode, kafkaErrorCode } from './error-codes.js';
import { Reader } from './reader.js';
import { authenticate, mechanismName, refused } from './sasl.js';
import { Writer } from './writer.js';

/** One request of the handshake: the body of the answer. */
export type HandshakeCall = (api: ApiKey, version: number, body: readonly Buffer[]) => Promise<Buffer>;

/** What a broker offers: lowest and highest version per API key. */
export type OfferedVersions = ReadonlyMap<number, { readonly min: number; readonly max: number }>;

/** Told to the broker (KIP-511); it shows up in its metrics. Letters, digits, `-` and `.` only. */
const SOFTWARE_NAME = 'causeway';
const SOFTWARE_VERSION = '0.1.0';

/**
 * ApiVersions v3, then v0 where the broker does not know v3: it then answers v3 with UNSUPPORTED_VERSION in v0's layout (KIP-511).
 *
 * Request v3: client_software_name COMPACT_STRING, client_software_version COMPACT_STRING, TAGS. v0: empty.
 * Response: error_code INT16, api_keys [api_key INT16, min_version INT16, max_version INT16, TAGS v3+], throttle_time_ms INT32 v1+, TAGS v3+.
 */
export async function offeredVersions(call: HandshakeCall): Promise<OfferedVersions> {
  const request = new Writer(true).string(SOFTWARE_NAME).string(SOFTWARE_VERSION).tags().toBuffers();
  const answer = await call(ApiKey.ApiVersions, 3, request);
  if (new Reader(answer, false).int16() !== KafkaCode.UNSUPPORTED_VERSION) return decodeApiVersions(3, answer);
  return decodeApiVersions(0, await call(ApiKey.ApiVersions, 0, []));
}

/** @internal Exported for its test. */
export function decodeApiVersions(version: 0 | 3, body: Buffer): OfferedVersions {
  const reader = new Reader(body, version === 3);
  const errorCode = reader.int16();
  if (errorCode !== KafkaCode.NONE) {
    throw new CausewayError(
      'UNSUPPORTED_BROKER',
      `ApiVersions was answered with ${kafkaErrorCode(errorCode).name} (${errorCode})`,
      {
        kafkaCode: errorCode,
        fix: 'Causeway needs brokers of Kafka 0.11 or later.',
      },
    );
  }
  const offered = new Map<number, { min: number; max: number }>();
  const count = reader.arrayLength(6);
  for (let i = 0; i < count; i += 1) {
    const key = reader.int16();
    offered.set(key, { min: reader.int16(), max: reader.int16() });
    reader.tags();
  }
  return offered;
}

/** The highest version that both sides speak, or undefined. */
export function commonVersion(api: ApiKey, offered: OfferedVersions): number | undefined {
  const range = offered.get(api);
  const ours = API_SPECS[api];
  if (range === undefined) return undefined;
  const version = Math.min(range.max, ours.maxVersion);
  return version >= Math.max(range.min, ours.minVersion) ? version : undefined;
}

/**
 * SaslHandshake v1, then the mechanism's messages in SaslAuthenticate (KIP-152).
 * @returns the session's lifetime in ms (KIP-368), 0 without limit.
 */
export async function login(sasl: SaslCredentials, offered: OfferedVersions, call: HandshakeCall): Promise<number> {
  const mechanism = mechanismName(sasl);
  const version = commonVersion(ApiKey.SaslAuthenticate, offered);
  if (version === undefined || commonVersion(ApiKey.SaslHandshake, offered) === undefined) {
    throw new CausewayError('UNSUPPORTED_BROKER', 'the broker does not offer SaslHandshake v1 and SaslAuthenticate', {
      fix: 'Causeway needs brokers of Kafka 1.0 or later for SASL.',
    });
  }
  readHandshake(mechanism, await call(ApiKey.SaslHandshake, 1, new Writer(false).string(mechanism).toBuffers()));
  let lifetimeMs = 0;
  await authenticate(sasl, async (message) => {
    const request = new Writer(version >= 2).bytes(message).tags().toBuffers();
    const answer = readAuthenticate(version, await call(ApiKey.SaslAuthenticate, version, request));
    lifetimeMs = answer.lifetimeMs;
    return answer.message;
  });
  return lifetimeMs;
}

/** Response v1: error_code INT16, mechanisms [STRING]. */
function readHandshake(mechanism: string, body: Buffer): void {
  const reader = new Reader(body, false);
  const errorCode = reader.int16();
  const offered = reader.array(2, () => reader.string());
  reader.end();
  if (errorCode !== KafkaCode.NONE) {
    throw refused(
      `the broker does not accept ${mechanism} (${kafkaErrorCode(errorCode).name}); it offers ${offered.join(', ') || 'none'}`,
    );
  }
}

/** Response: error_code INT16, error_message NULLABLE_STRING, auth_bytes BYTES, session_lifetime_ms INT64 v1+, TAGS v2+. */
function readAuthenticate(version: number, body: Buffer): { message: Buffer; lifetimeMs: number } {
  const reader = new Reader(body, version >= 2);
  const errorCode = reader.int16();
  const errorMessage = reader.nullableString();
  const message = reader.bytes();
  const lifetimeMs = version >= 1 ? reader.int64AsNumber() : 0;
  reader.tags();
  reader.end();
  if (errorCode !== KafkaCode.NONE) {
    throw refused(`the broker refused the login: ${errorMessage ?? kafkaErrorCode(errorCode).name} (${errorCode})`);
  }
  return { message, lifetimeMs };
}
