import { createRequire } from 'node:module';
import { crc32cPortable } from './crc32c-table.js';

let native: ((data: Uint8Array) => number) | null | undefined;

function loadNative(): ((data: Uint8Array) => number) | null {
  try {
    const module = createRequire(import.meta.url)('@node-rs/crc32') as { crc32c?: (data: Uint8Array) => number };
    return typeof module.crc32c === 'function' ? module.crc32c : null;
  } catch {
    // No binary for this platform: the portable one is exact too, only slower, and the raw path needs no full CRC.
    return null;
  }
}

/** Below this a call out of JavaScript costs more than it saves. */
const MIN_NATIVE_BYTES = 128;

/** CRC-32C of the bytes as an unsigned 32-bit number; native where the platform has it. */
export function crc32c(data: Uint8Array, start = 0, end = data.length): number {
  if (end - start < MIN_NATIVE_BYTES) return crc32cPortable(data, start, end);
  if (native === undefined) native = loadNative();
  return native === null ? crc32cPortable(data, start, end) : native(data.subarray(start, end));
}
