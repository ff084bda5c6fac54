import type { CodecName } from '../../../common/kafka/wire/records/compression.js';
import type { AuditHeader } from '../../audit/record.js';
import { type Draft, shapeNamed, type TopicShape } from '../../audit/shapes.js';
import { TAG_BYTES } from '../../audit/tag.js';

/** Partition n of a topic with one per codec is written with the n-th. */
export const CODECS: readonly CodecName[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

export const text = (value: string): Buffer => Buffer.from(value);
export const header = (key: string, value: string | null): AuditHeader => [
  text(key),
  value === null ? null : text(value),
];

/** An ordinary record. */
export const plain: TopicShape['make'] = ({ sequence, nowMs, tagged }) => ({
  key: text(`key-${sequence % 97}`),
  value: tagged(160),
  headers: [header('n', String(sequence))],
  timestamp: nowMs - (sequence % 3),
});

/** As small as a record with a tag can be. */
export const tiny: TopicShape['make'] = ({ nowMs, tagged }) => ({
  key: null,
  value: tagged(TAG_BYTES),
  headers: [],
  timestamp: nowMs,
});

/** Tombstones, null and empty keys and values, repeated, null and empty headers, odd timestamps. */
export const odd: TopicShape['make'] = (draft) => shapeNamed('audit-log').make(draft);

/** A value that no codec makes smaller, its tag in front. */
export function incompressible({ sequence, tagged }: Draft, bytes: number): Buffer {
  const value = tagged(bytes);
  let state = (sequence * 747796405 + 2891336453) >>> 0;
  for (let at = TAG_BYTES; at < bytes; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    value[at] = state >>> 24;
  }
  return value;
}
