import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { auditPartition } from '../../audit/auditor.js';
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
import {
  type DeclaredBreak,
  type DeclaredGap,
  GapIndex,
  gapsOf,
  parseBreak,
  parseGap,
  withoutEnded,
} from '../../audit/declared-gaps.js';
import type { AuditRecord } from '../../audit/record.js';
import { sequenceOf } from '../../audit/record-reader.js';
import { type AuditCounts, type AuditResult, EMPTY_RESULT, isClean } from '../../audit/report.js';
import { sampleDump } from './sample-dump.js';

const options = { topic: 'orders', partition: 0 };
const audit = (source: readonly AuditRecord[], target: readonly AuditRecord[], extra = {}): Promise<AuditResult> =>
  auditPartition(sequenceOf(source, 7), sequenceOf(target, 5), { ...options, ...extra });

function assertCounts(
  result: AuditResult,
  source: readonly AuditRecord[],
  target: readonly AuditRecord[],
  expected: Partial<AuditCounts>,
): void {
  const { firstProblems, ...counts } = result;
  const { firstProblems: _none, ...empty } = EMPTY_RESULT;
  assert.deepEqual(counts, { ...empty, records: source.length, targetRecords: target.length, ...expected });
  const kinds = new Set(firstProblems.map((problem) => problem.kind));
  for (const kind of kinds) assert.ok(counts[kind] > 0, `problem listed but not counted: ${kind}`);
}

for (const tagged of [true, false]) {
  const source = sampleDump(100, { tagged });
  const check = async (target: readonly AuditRecord[], expected: Partial<AuditCounts>): Promise<AuditResult> => {
    const result = await audit(source, target);
    assertCounts(result, source, target, expected);
    return result;
  };

  describe(`the auditor, records ${tagged ? 'with' : 'without'} tags`, () => {
    test('finds nothing in a faithful copy at other offsets', async () => {
      const result = await check(
        source.map((record) => ({ ...record, offset: record.offset * 2 + 10 })),
        {},
      );
      assert.ok(isClean(result));
    });

    test('an empty target misses everything, and an empty source makes everything a phantom', async () => {
      await check([], { missing: 100 });
      assertCounts(await audit([], source), [], source, { phantom: 100 });
    });

    for (const at of [0, 50, 99]) {
      test(`one dropped record is missing, nothing else (position ${at})`, async () => {
        const result = await check(dropped(source, at), { missing: 1 });
        assert.deepEqual(result.firstProblems, [{ kind: 'missing', topic: 'orders', partition: 0, sourceOffset: at }]);
      });

      test(`one altered value is different, neither missing nor a phantom (position ${at})`, async () => {
        const result = await check(withAlteredValue(source, at), { different: 1 });
        assert.deepEqual(result.firstProblems[0]?.fields, ['value']);
        assert.equal(result.firstProblems[0]?.sourceOffset, at);
      });
    }

    test('a resent stretch counts as duplicates and not as reordered', async () => {
      const result = await check(repeated(source, 40, 49), { duplicated: 10 });
      assert.ok(!isClean(result));
      assert.ok(isClean(result, { allowDuplicates: true }));
    });

    test('two swapped neighbours are one record out of order', async () => {
      const result = await check(swapped(source, 30), { reordered: 1 });
      assert.equal(result.firstProblems[0]?.sourceOffset, 30);
    });

    test('a timestamp shifted by 1 ms is different', async () => {
      const result = await check(withShiftedTimestamp(source, 12, 1), { different: 1 });
      assert.deepEqual(result.firstProblems[0]?.fields, ['timestamp']);
    });

    test('an empty key in the place of a null key is different', async () => {
      const result = await check(withNullForEmptyKey(source, 5), { different: 1 });
      assert.deepEqual(result.firstProblems[0]?.fields, ['key']);
    });

    test('headers in another order, a lost repeat, and a null that became empty are different', async () => {
      const changes = [
        withHeaders(source, 20, (headers) => [...headers].reverse()),
        withHeaders(source, 20, (headers) => headers.slice(1)),
        withHeaders(source, 20, (headers) => headers.map(([key, value]) => [key, value ?? Buffer.alloc(0)])),
      ];
      for (const target of changes) {
        const result = await check(target, { different: 1 });
        assert.deepEqual(result.firstProblems[0]?.fields, ['headers']);
      }
    });

    test('an alien record is a phantom', async () => {
      const alien: AuditRecord = { offset: 0, timestamp: 1, key: null, value: Buffer.from('hello'), headers: [] };
      for (const at of [0, 33, 100]) await check(withIntruder(source, at, alien), { phantom: 1 });
    });

    test('a loss, a change and a resend in one log are told apart', async () => {
      const target = repeated(withAlteredValue(dropped(source, 70), 50), 10, 19);
      await check(target, { missing: 1, different: 1, duplicated: 10 });
    });
  });
}

describe('the auditor and records of elsewhere', () => {
  const source = sampleDump(50);

  test('a record of another partition or another topic is misplaced', async () => {
    const [, , otherPartition] = sampleDump(5, { partition: 1 });
    const [, , otherTopic] = sampleDump(5, { topic: 'clicks' });
    for (const intruder of [otherPartition, otherTopic]) {
      const target = withIntruder(source, 25, intruder as AuditRecord);
      assertCounts(await audit(source, target), source, target, { phantom: 1, misplaced: 1 });
    }
  });

  test('a record that the source never committed is a phantom even in the place of a missing one', async () => {
    const [intruder] = sampleDump(60).slice(55);
    const target = withIntruder(dropped(source, 25), 25, intruder as AuditRecord);
    assertCounts(await audit(source, target), source, target, { phantom: 1, missing: 1 });
  });

  test('a repeat that differs from the first copy is both a duplicate and different', async () => {
    const target = withAlteredValue(repeated(source, 10, 10), 11);
    assertCounts(await audit(source, target), source, target, { duplicated: 1, different: 1 });
  });

  test('records that the source itself holds twice are expected twice', async () => {
    const twice = repeated(source, 20, 29);
    assert.ok(isClean(await audit(twice, twice)));
    const target = dropped(twice, 35);
    assert.ok(!isClean(await audit(twice, target), { allowDuplicates: true }));
  });

  test('a record later than the window allows is missing here and a stranger there: never clean', async () => {
    const target = [...source.slice(1), source[0] as AuditRecord];
    const window = { records: 2, bytes: 1 << 20 };
    assertCounts(await audit(source, target, { window }), source, target, { reordered: 1 });
    const far = [...source.slice(4), ...source.slice(0, 4)];
    assert.ok(!isClean(await audit(source, far, { window }), { allowDuplicates: true }));
  });
});

describe('declared gaps', () => {
  const source = sampleDump(100);
  const gap = (firstOffset: number, lastOffset: number, changes: Partial<DeclaredGap> = {}): DeclaredGap => ({
    route: 'r',
    topic: 'orders',
    partition: 0,
    firstOffset,
    lastOffset,
    records: lastOffset - firstOffset + 1,
    reason: 'too-large',
    ...changes,
  });
  const without = (from: number, to: number): AuditRecord[] =>
    source.filter(({ offset }) => offset < from || offset > to);
  const judge = async (
    target: readonly AuditRecord[],
    gaps: readonly DeclaredGap[],
    expected: Partial<AuditCounts>,
  ) => {
    const index = new GapIndex(gaps);
    const refused: AuditRecord[] = [];
    const watched = index.watch(sequenceOf(source, 7), (record) => refused.push(record));
    const result = await auditPartition(watched, sequenceOf(target, 5), { ...options, gaps: index });
    assertCounts(result, source, target, expected);
    return { result, refused, faults: index.faults() };
  };

  test('what is left out and declared is declared, not missing', async () => {
    for (const [from, to] of [
      [0, 0],
      [40, 49],
      [99, 99],
    ] as const) {
      const { result, refused, faults } = await judge(without(from, to), [gap(from, to)], {
        declaredGaps: to - from + 1,
      });
      assert.ok(isClean(result));
      assert.deepEqual(faults, []);
      assert.deepEqual(
        refused,
        source.filter(({ offset }) => offset >= from && offset <= to),
      );
    }
  });

  test('what is left out beside the declared stretch is missing', async () => {
    const { result } = await judge(without(40, 50), [gap(40, 49)], { declaredGaps: 10, missing: 1 });
    assert.ok(!isClean(result));
    assert.equal(result.firstProblems[0]?.sourceOffset, 50);
  });

  test('what is declared and there all the same is an error', async () => {
    const { result } = await judge(without(41, 49), [gap(40, 49)], { declaredGaps: 9, contradicted: 1 });
    assert.ok(!isClean(result));
    assert.equal(result.firstProblems[0]?.sourceOffset, 40);
  });

  test('an altered record in the place of a missing one is not excused by a gap beside it', async () => {
    const target = withAlteredValue(
      without(40, 49).map((record, offset) => ({ ...record, offset })),
      60,
    );
    const { result } = await judge(target, [gap(40, 49)], { declaredGaps: 10, different: 1 });
    assert.ok(!isClean(result));
  });

  test('declarations that claim another number of records, or the same ones twice, are faults', async () => {
    const left = without(40, 49);
    const miscounted = await judge(left, [gap(40, 49, { records: 9 })], { declaredGaps: 10 });
    assert.match(miscounted.faults[0] ?? '', /declares 9 records, the source has 10/);
    const twice = await judge(left, [gap(40, 45), gap(45, 49)], { declaredGaps: 10 });
    assert.match(twice.faults[0] ?? '', /declared twice/);
    const beyond = await judge(left, [gap(40, 49), gap(200, 201)], { declaredGaps: 10 });
    assert.match(beyond.faults[0] ?? '', /the source has 0/);
    const stretch = await judge(left, [gap(40, 49), gap(200, 300, { reason: 'operator' })], { declaredGaps: 10 });
    assert.deepEqual(stretch.faults, [], 'an operator may skip what was not there');
  });

  test('gap records are read as they are written, and nothing else is taken for one', () => {
    const value = {
      route: 'r',
      topic: 't',
      partition: 1,
      firstOffset: '5',
      lastOffset: '7',
      records: 3,
      reason: 'invalid',
    };
    const record = (content: unknown) => ({ offset: 0, value: Buffer.from(JSON.stringify(content)) });
    assert.deepEqual(parseGap(record(value)), { ...value, firstOffset: 5, lastOffset: 7 });
    for (const bad of [
      null,
      {},
      { ...value, lastOffset: '4' },
      { ...value, partition: -1 },
      { ...value, records: 'x' },
    ])
      assert.throws(() => parseGap(record(bad)));
  });

  test('what a mirror declares of a timeline that ended is taken off the target, and nothing beside it', async () => {
    const value = { route: 'r', topic: 't', partition: 0, kind: 'diverged', reason: 'source-truncated', timeline: 1 };
    const range = {
      firstOffset: '5',
      lastOffset: '7',
      copiesFirstOffset: '5',
      copiesLastOffset: '7',
      targetOffset: '8',
    };
    const record = (content: unknown) => ({ offset: 0, value: Buffer.from(JSON.stringify(content)) });
    assert.equal(parseBreak(record({ ...value, ...range })), undefined, 'a gap of its own timeline');
    const broken = parseBreak(record({ ...value, ...range, nextTimeline: 2 }));
    assert.deepEqual(broken?.copies, { firstOffset: 5, lastOffset: 7 });
    assert.throws(() => parseBreak(record({ ...value, ...range, lastOffset: '3', nextTimeline: 2 })));
    const left = async (one: DeclaredBreak): Promise<number[]> => {
      const offsets: number[] = [];
      const records = (async function* () {
        yield Array.from({ length: 10 }, (_, offset) => ({ offset }) as AuditRecord);
      })();
      for await (const chunk of withoutEnded(records, [one])) offsets.push(...chunk.map(({ offset }) => offset));
      return offsets;
    };
    const known = broken as DeclaredBreak;
    assert.deepEqual(await left(known), [0, 1, 2, 3, 4, 8, 9]);
    assert.deepEqual(await left({ ...known, kind: 'gap', reason: 'source-recreated' }), [8, 9]);
    assert.equal((await left({ ...known, kind: 'recopied', reason: 'target-truncated' })).length, 10);
    assert.deepEqual(gapsOf([known]), []);
    const lost = gapsOf([{ ...known, kind: 'gap', reason: 'target-recreated' }]);
    assert.deepEqual([lost[0]?.firstOffset, lost[0]?.lastOffset, lost[0]?.bound], [5, 7, 'at-most']);
  });
});
