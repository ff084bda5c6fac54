import type { ApiKey } from './api-keys.js';
import { Reader } from './reader.js';

export interface RequestHeader {
  readonly api: ApiKey;
  readonly version: number;
  readonly flexible: boolean;
  readonly correlationId: number;
  readonly clientId: Buffer;
}

const FIXED_BYTES = 14;
const RESPONSE_HEADER_BYTES = 4;

/**
 * The size INT32 of the whole request, then header v1: api_key INT16, api_version INT16, correlation_id INT32,
 * client_id NULLABLE_STRING; v2 (flexible versions) adds TAGS, and its client id keeps the int16 length.
 */
export function requestHeader(header: RequestHeader, body: readonly Buffer[]): Buffer {
  const { api, version, flexible, correlationId, clientId } = header;
  const headerBytes = FIXED_BYTES + clientId.length + (flexible ? 1 : 0);
  let bodyBytes = 0;
  for (const piece of body) bodyBytes += piece.length;
  const bytes = Buffer.allocUnsafe(headerBytes);
  bytes.writeInt32BE(headerBytes - 4 + bodyBytes, 0);
  bytes.writeInt16BE(api, 4);
  bytes.writeInt16BE(version, 6);
  bytes.writeInt32BE(correlationId, 8);
  bytes.writeInt16BE(clientId.length, 12);
  clientId.copy(bytes, FIXED_BYTES);
  if (flexible) bytes[headerBytes - 1] = 0;
  return bytes;
}

/** Where the body begins behind response header v0 (correlation_id INT32) or v1 (adds TAGS). */
export function responseBodyStart(frame: Buffer, tagged: boolean): number {
  if (!tagged) return RESPONSE_HEADER_BYTES;
  if (frame[RESPONSE_HEADER_BYTES] === 0) return RESPONSE_HEADER_BYTES + 1;
  const reader = new Reader(frame, true, RESPONSE_HEADER_BYTES);
  reader.tags();
  return reader.position;
}
