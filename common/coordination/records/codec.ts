import { gunzipSync, gzipSync } from 'node:zlib';
import type { z } from 'zod';
import { CausewayError, messageOf } from '../../errors/error.js';

/** Every record carries `v`; a reader refuses a version it does not know instead of guessing. */
export const RECORD_VERSION = 1;
/** A node that inflates to more than this is refused: no record of ours comes near. */
const MAX_INFLATED_BYTES = 64 * 1024 * 1024;

const GZIP_MAGIC = 0x1f8b;

/** JSON with bigints as decimal strings, gzipped where asked. */
export function encodeRecord(value: object, options: { readonly gzip: boolean }): Buffer {
  const json = JSON.stringify({ v: RECORD_VERSION, ...value }, (_key, field) =>
    typeof field === 'bigint' ? field.toString() : field,
  );
  return options.gzip ? gzipSync(json) : Buffer.from(json);
}

/**
 * Reads a record, gzipped or not, and checks it against its schema; unknown fields are ignored so that a newer version may add some.
 * @throws NODE_CORRUPT naming the path: the caller keeps its last good value (reliability.md A15).
 */
export function decodeRecord<S extends z.ZodType>(schema: S, data: Buffer, path: string): z.output<S> {
  const corrupt = (why: string, cause?: unknown): CausewayError =>
    new CausewayError('NODE_CORRUPT', `cannot read the node: ${why}`, {
      place: { path },
      fix: 'The last good value stays in force; restore or remove the node.',
      cause,
    });
  let parsed: unknown;
  try {
    const gzipped = data.length >= 2 && data.readUInt16BE(0) === GZIP_MAGIC;
    const json = gzipped ? gunzipSync(data, { maxOutputLength: MAX_INFLATED_BYTES }) : data;
    parsed = JSON.parse(json.toString('utf8'));
  } catch (error) {
    throw corrupt(messageOf(error), error);
  }
  const version = typeof parsed === 'object' && parsed !== null ? (parsed as { v?: unknown }).v : undefined;
  if (version !== RECORD_VERSION) throw corrupt(`its format version is ${String(version)}, not ${RECORD_VERSION}`);
  const checked = schema.safeParse(parsed);
  if (!checked.success) throw corrupt(checked.error.issues[0]?.message ?? 'it does not match its schema');
  return checked.data;
}
