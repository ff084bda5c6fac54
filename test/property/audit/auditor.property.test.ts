import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { auditPartition } from '../../audit/auditor.js';
import { contentHash } from '../../audit/content-hash.js';
import {
  dropped,
  repeated,
  swapped,
  withAlteredValue,
  withHeaders,
  withIntruder,
  withNullForEmptyKey,
  withShiftedTimestamp,
} from '../../audit/damage.js';
import { type AuditRecord, differences } from '../../audit/record.js';
import { sequenceOf } from '../../audit/record-reader.js';
import { isClean } from '../../audit/report.js';
import { sampleDump } from '../../unit/audit/sample-dump.js';

type Counted = 'missing' | 'duplicated' | 'reordered' | 'different' | 'phantom';
interface Damage {
  readonly name: Counted;
  apply(dump: readonly AuditRecord[], at: number): AuditRecord[];
}

const alien: AuditRecord = { offset: 0, timestamp: 5, key: Buffer.from('?'), value: null, headers: [] };
const foreign = sampleDump(9, { partition: 3 })[8] as AuditRecord;
const damages: readonly Damage[] = [
  { name: 'missing', apply: dropped },
  { name: 'duplicated', apply: (dump, at) => repeated(dump, at, at) },
  {
    name: 'duplicated',
    apply: (dump, at) => repeated(dump, Math.max(0, at - 4), at).filter((_, i) => i <= at || i > at + Math.min(4, at)),
  },
  { name: 'reordered', apply: swapped },
  { name: 'different', apply: withAlteredValue },
  { name: 'different', apply: withNullForEmptyKey },
  { name: 'different', apply: (dump, at) => withHeaders(dump, at, (headers) => [...headers].reverse()) },
  { name: 'different', apply: (dump, at) => withShiftedTimestamp(dump, at, -1) },
  { name: 'phantom', apply: (dump, at) => withIntruder(dump, at, alien) },
  { name: 'phantom', apply: (dump, at) => withIntruder(dump, at, foreign) },
];

describe('properties of the auditor', () => {
  test('any set of separate damages is found and named, each once', async () => {
    const run = fc.record({
      length: fc.integer({ min: 8, max: 300 }),
      tagged: fc.boolean(),
      // Every eighth position may be damaged, from the end so that earlier positions stay where they are.
      picks: fc.array(fc.option(fc.nat(damages.length - 1)), { minLength: 1, maxLength: 40 }),
      pieces: fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 })),
    });
    await fc.assert(
      fc.asyncProperty(run, async ({ length, tagged, picks, pieces }) => {
        const source = sampleDump(length, { tagged });
        const expected: Record<Counted, number> = { missing: 0, duplicated: 0, reordered: 0, different: 0, phantom: 0 };
        let target: AuditRecord[] = source;
        for (let slot = Math.min(picks.length, Math.floor(length / 8)) - 1; slot >= 0; slot--) {
          const pick = picks[slot];
          if (pick === null || pick === undefined) continue;
          const damage = damages[pick] as Damage;
          // The same alien twice would rightly be two phantoms; that is fine, too.
          target = damage.apply(target, slot * 8 + 4);
          expected[damage.name] += 1;
        }
        const result = await auditPartition(sequenceOf(source, pieces[0]), sequenceOf(target, pieces[1]), {
          topic: 'orders',
          partition: 0,
        });
        const { missing, duplicated, reordered, different, phantom } = result;
        assert.deepEqual({ missing, duplicated, reordered, different, phantom }, expected);
      }),
      { numRuns: 300 },
    );
  });

  test('records of few contents, without tags: clean exactly when the two logs are equal, and the sums balance', async () => {
    const log = fc.array(fc.nat(2), { maxLength: 30 });
    const recordsOf = (contents: readonly number[]): AuditRecord[] =>
      contents.map((content, offset) => ({
        offset,
        timestamp: 0,
        key: null,
        value: Buffer.from([content]),
        headers: [],
      }));
    await fc.assert(
      fc.asyncProperty(log, log, async (a, b) => {
        const result = await auditPartition(sequenceOf(recordsOf(a)), sequenceOf(recordsOf(b)), {
          topic: 't',
          partition: 0,
        });
        assert.equal(isClean(result), JSON.stringify(a) === JSON.stringify(b));
        assert.equal(result.targetRecords - result.duplicated - result.phantom, result.records - result.missing);
      }),
      { numRuns: 1_000 },
    );
  });

  test('any order of any part of the log, with any repeats: counts of missing and duplicated are exact', async () => {
    const source = sampleDump(40);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(39), { maxLength: 80 }), async (picks) => {
        const target = picks.map((pick) => source[pick] as AuditRecord);
        const result = await auditPartition(sequenceOf(source), sequenceOf(target), { topic: 'orders', partition: 0 });
        const kept = new Set(picks);
        assert.equal(result.missing, 40 - kept.size);
        assert.equal(result.duplicated, picks.length - kept.size);
        let highest = -1;
        let reordered = 0;
        for (const pick of kept) {
          if (pick < highest) reordered += 1;
          highest = Math.max(highest, pick);
        }
        assert.equal(result.reordered, reordered);
        assert.equal(result.different + result.phantom, 0);
      }),
      { numRuns: 300 },
    );
  });

  test('equal hashes mean equal records', () => {
    const bytes = fc.option(fc.uint8Array({ maxLength: 6 }).map((array) => Buffer.from(array)));
    const name = fc.uint8Array({ maxLength: 2 }).map((array) => Buffer.from(array));
    const headers = fc.array(fc.tuple(name, bytes), { maxLength: 3 });
    const record = fc.record({
      offset: fc.constant(0),
      timestamp: fc.integer({ min: -1, max: 2 ** 45 }),
      key: bytes,
      value: bytes,
      headers,
    });
    fc.assert(
      fc.property(record, record, (a, b) => {
        assert.equal(contentHash(a) === contentHash(b), differences(a, b).length === 0);
        assert.equal(contentHash(a), contentHash({ ...a }));
      }),
      { numRuns: 5_000 },
    );
  });
});
