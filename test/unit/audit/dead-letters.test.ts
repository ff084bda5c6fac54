import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { withoutAppendTimes, withoutTimestamps } from '../../audit/append-time.js';
import { auditDeadLetters, type RefusedRecord } from '../../audit/dead-letters.js';
import type { AuditHeader, AuditRecord } from '../../audit/record.js';
import { type RecordSequence, sequenceOf } from '../../audit/record-reader.js';
import { sampleDump } from './sample-dump.js';

const REASON = 'too-large';

function refused(count: number): RefusedRecord[] {
  return sampleDump(count).map((record) => ({
    record,
    gap: {
      route: 'r',
      topic: 'orders',
      partition: 3,
      firstOffset: record.offset,
      lastOffset: record.offset,
      records: 1,
      reason: REASON,
    },
  }));
}

function letterOf({ record, gap }: RefusedRecord, offset: number): AuditRecord {
  const header = (name: string, value: string | number): AuditHeader => [
    Buffer.from(`causeway.${name}`),
    Buffer.from(String(value)),
  ];
  const provenance = [
    header('route', gap.route),
    header('topic', gap.topic),
    header('partition', gap.partition),
    header('offset', record.offset),
    header('timestamp', record.timestamp),
    header('reason', gap.reason),
  ];
  return { ...record, offset, timestamp: 1_800_000_000_000, headers: [...record.headers, ...provenance] };
}

describe('dead letters', () => {
  const records = refused(10);
  const letters = records.map(letterOf);
  const damaged = (change: (letter: AuditRecord) => AuditRecord): AuditRecord[] =>
    letters.map((letter, index) => (index === 4 ? change(letter) : letter));

  test('the refused records and nothing else are in order, in any order and repeated', () => {
    assert.deepEqual(auditDeadLetters(records, letters), { letters: 10, repeated: 0, faults: [] });
    const again = [...letters].reverse().concat(letters.slice(0, 2));
    assert.deepEqual(auditDeadLetters(records, again), { letters: 10, repeated: 2, faults: [] });
  });

  test('a lost letter, one too many, and every kind of damage are told', () => {
    const cases: [RegExp, readonly AuditRecord[]][] = [
      [/is no dead letter/, letters.slice(1)],
      [/differs in key/, damaged((letter) => ({ ...letter, key: Buffer.from('other') }))],
      [/differs in value/, damaged((letter) => ({ ...letter, value: null }))],
      [/differs in headers/, damaged((letter) => ({ ...letter, headers: letter.headers.slice(1) }))],
      [/does not say where it comes from/, damaged((letter) => ({ ...letter, headers: letter.headers.slice(0, -1) }))],
    ];
    for (const [fault, spoiled] of cases) assert.match(auditDeadLetters(records, spoiled).faults.join('\n'), fault);
    assert.match(auditDeadLetters(records.slice(1), letters).faults.join('\n'), /which no gap declares/);
    const other = records.map((item) => ({ ...item, gap: { ...item.gap, reason: 'invalid' } }));
    assert.match(auditDeadLetters(other, letters).faults.join('\n'), /names too-large, its gap invalid/);
  });
});

test('a target’s own append times are taken out of the comparison, times from elsewhere stand out', async () => {
  const now = Date.now();
  const [first, second] = sampleDump(2) as [AuditRecord, AuditRecord];
  const dump = [
    { ...first, timestamp: now },
    { ...second, timestamp: now - 3_600_000 },
  ];
  const times = async (records: RecordSequence): Promise<number[]> => {
    const found: number[] = [];
    for await (const piece of records) found.push(...piece.map(({ timestamp }) => timestamp));
    return found;
  };
  assert.deepEqual(await times(withoutTimestamps(sequenceOf(dump))), [-1, -1]);
  assert.deepEqual(await times(withoutAppendTimes(sequenceOf(dump), now - 60_000)), [-1, now - 3_600_000]);
});
