import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClusterComparison } from '../../audit/compare-clusters.js';
import { EMPTY_RESULT } from '../../audit/report.js';
import { type ChaosFacts, chaosVerdict } from '../../chaos/verdict.js';

const ledger = { records: 50_000, lost: 0, altered: 0, abortedButVisible: 0, unacknowledged: 0 };
const comparison: ClusterComparison = {
  ...EMPTY_RESULT,
  records: 50_000,
  targetRecords: 50_000,
  ledger,
  topics: new Map(),
  refused: [],
  gapFaults: [],
};
const facts: ChaosFacts = {
  seed: 7,
  minutes: 3,
  allowDuplicates: false,
  comparison,
  missingStretches: 0,
  longestPause: { ms: 8_400, partition: 'orders-1', untilMs: 1 },
  takeoverMs: [5_200, 7_100],
  failoverMs: [4_300],
  lagZeroMs: 80,
  stalls: { causes: { memory: 2 }, kicks: [], silentThreads: 0 },
  writers: [{ batches: 40, markers: 2, behindMarker: 0 }],
  findings: { facts: { faults: 21 }, reasons: [] },
  troubles: [],
};
const withCounts = (counts: Partial<ClusterComparison>, more: Partial<ChaosFacts> = {}): ChaosFacts => ({
  ...facts,
  ...more,
  comparison: { ...comparison, ...counts },
});

describe('the verdict of a chaos run', () => {
  test('a clean run passes; its line is one line of JSON that begins with the counts in their order', () => {
    const { ok, line, reasons } = chaosVerdict(facts);
    assert.ok(ok);
    assert.deepEqual(reasons, []);
    assert.ok(
      line.startsWith(
        '{"records":50000,"missing":0,"duplicated":0,"reordered":0,"different":0,"undeclaredGaps":0,"longestPauseMs":8400,"takeoverMs":[5200,7100],"failoverMs":[4300],"clean":true,"seed":7',
      ),
      line,
    );
    assert.doesNotMatch(line, /\n/);
  });

  test('each kind of damage fails it', () => {
    for (const kind of ['missing', 'duplicated', 'reordered', 'different', 'phantom', 'contradicted'] as const) {
      assert.equal(chaosVerdict(withCounts({ [kind]: 1 })).ok, false, kind);
    }
  });

  test('a batch behind the marker of its producer’s fence fails it, and so does what the scenario found', () => {
    const late = chaosVerdict({ ...facts, writers: [{ batches: 40, markers: 2, behindMarker: 1 }] });
    assert.equal(late.ok, false);
    assert.equal(JSON.parse(late.line).batchesBehindMarker, 1);
    const found = chaosVerdict({ ...facts, findings: { facts: { zombies: 3 }, reasons: ['one was accepted'] } });
    assert.deepEqual(found.reasons, ['one was accepted']);
    assert.equal(JSON.parse(found.line).zombies, 3);
  });

  test('repeats are forgiven where they are allowed, nothing else is', () => {
    const allowed = { allowDuplicates: true };
    const verdict = chaosVerdict(withCounts({ duplicated: 9 }, allowed));
    assert.ok(verdict.ok);
    assert.equal(JSON.parse(verdict.line).duplicated, 9);
    for (const kind of ['missing', 'reordered', 'different', 'phantom', 'contradicted'] as const) {
      assert.equal(chaosVerdict(withCounts({ [kind]: 1 }, allowed)).ok, false, kind);
    }
  });

  test('gaps that are not declared, or declared wrongly, are counted and fail it', () => {
    const missing = chaosVerdict(withCounts({ missing: 30 }, { missingStretches: 2 }));
    assert.equal(JSON.parse(missing.line).undeclaredGaps, 2);
    const wrong = chaosVerdict(withCounts({ gapFaults: ['orders-1 5-9 is declared twice'] }));
    assert.equal(JSON.parse(wrong.line).undeclaredGaps, 1);
    assert.equal(wrong.ok, false);
  });

  test('declared gaps are no damage', () => {
    assert.ok(chaosVerdict(withCounts({ declaredGaps: 4 })).ok);
  });

  test('too few records, a lag that stays, a source that does not hold what it acknowledged, other trouble: each fails it and is named', () => {
    const bad: readonly ChaosFacts[] = [
      withCounts({ records: 999 }),
      { ...facts, lagZeroMs: -1 },
      withCounts({ ledger: { ...ledger, lost: 1 } }),
      withCounts({ ledger: { ...ledger, unacknowledged: 1 } }),
      { ...facts, stalls: { causes: {}, kicks: ['worker-1: t-1: nothing blocks it'], silentThreads: 0 } },
      { ...facts, stalls: { causes: {}, kicks: [], silentThreads: 1 } },
      { ...facts, troubles: ['worker-1 ended by itself with status 70'] },
    ];
    for (const each of bad) {
      const { ok, line, reasons } = chaosVerdict(each);
      assert.equal(ok, false);
      assert.equal(reasons.length, 1);
      assert.deepEqual(JSON.parse(line).reasons, reasons);
      assert.equal(JSON.parse(line).clean, false);
    }
  });
});
