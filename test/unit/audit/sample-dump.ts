import type { AuditHeader, AuditRecord } from '../../audit/record.js';
import { TAG_BYTES, topicHash, writeTag } from '../../audit/tag.js';

export interface SampleOptions {
  readonly topic?: string;
  readonly partition?: number;
  /** False: records are known by content and rank only. */
  readonly tagged?: boolean;
}

const text = (value: string): Buffer => Buffer.from(value);

/** A partition's records: keys null now and then, a repeated header, a null header, equal timestamps. */
export function sampleDump(
  count: number,
  { topic = 'orders', partition = 0, tagged = true }: SampleOptions = {},
): AuditRecord[] {
  return Array.from({ length: count }, (_, sequence) => {
    const timestamp = 1_700_000_000_000 + (sequence >> 1);
    const value = Buffer.alloc(TAG_BYTES + 8, `${topic}-${partition}-${sequence}-`);
    if (tagged) writeTag(value, { run: 7, topic: topicHash(topic), partition, sequence, timestamp });
    const headers: AuditHeader[] = [
      [text('a'), text('1')],
      [text('a'), text('2')],
      [text('b'), null],
    ];
    return { offset: sequence, timestamp, key: sequence % 5 === 0 ? null : text(`k${sequence % 3}`), value, headers };
  });
}
