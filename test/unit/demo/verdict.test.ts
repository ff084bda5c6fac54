import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClusterComparison } from '../../audit/compare-clusters.js';
import { EMPTY_RESULT } from '../../audit/report.js';
import { type CheckFacts, verdictOf } from '../../demo/verdict.js';

const ledger = { records: 150_000, lost: 0, altered: 0, abortedButVisible: 0, unacknowledged: 0 };
const comparison: ClusterComparison = {
  ...EMPTY_RESULT,
  records: 150_000,
  targetRecords: 150_000,
  ledger,
  topics: new Map(),
  refused: [],
  gapFaults: [],
};
const facts: CheckFacts = { comparison, ledgers: [], loadSeconds: 20, lagZeroMs: 40 };
const takeover = { worker: 'worker-1', partitions: 4, firstMs: 10, medianMs: 20, lastMs: 30 };
const failover = { controller: 'controller-1', newLeaderMs: 4_000, longestPauseMs: 90 };
const withCounts = (counts: Partial<ClusterComparison>): CheckFacts => ({
  ...facts,
  comparison: { ...comparison, ...counts },
});

describe('the verdict of a check', () => {
  test('a clean run of enough records passes, and its line begins with the counts', () => {
    const { ok, line } = verdictOf(facts);
    assert.ok(ok);
    assert.match(line, /^\{"records":150000,"missing":0,"duplicated":0,"reordered":0,"different":0,/);
    assert.doesNotMatch(line, /\n/);
  });

  test('each kind of damage fails it', () => {
    for (const kind of ['missing', 'duplicated', 'reordered', 'different', 'phantom'] as const) {
      assert.equal(verdictOf(withCounts({ [kind]: 1 })).ok, false, kind);
    }
  });

  test('shapes that are not clean fail it, with what is wrong; clean ones are counted in its line', () => {
    const gallery = {
      faults: [],
      specimens: 3,
      records: 10,
      duplicated: 0,
      declaredGaps: 2,
      deadLetters: 1,
      batches: { raw: 4 },
      clean: true,
    };
    const clean = verdictOf({ ...facts, gallery });
    assert.ok(clean.ok);
    const { notShown, batches, ...counts } = JSON.parse(clean.line).shapes;
    assert.deepEqual(counts, {
      specimens: 3,
      records: 10,
      duplicated: 0,
      declaredGaps: 2,
      deadLetters: 1,
      clean: true,
    });
    assert.deepEqual(batches, { raw: 4 });
    assert.match(notShown, /magic 0 and 1/);
    const spoiled = verdictOf({ ...facts, gallery: { ...gallery, faults: ['a record is missing'], clean: false } });
    assert.equal(spoiled.ok, false);
    assert.ok(spoiled.faults.includes('a record is missing'));
  });

  test('repeats are forgiven after a SIGKILL and reported; nothing else is', () => {
    const killed = { ...withCounts({ duplicated: 17 }), takeover, failover };
    const verdict = verdictOf(killed);
    assert.ok(verdict.ok);
    assert.deepEqual(JSON.parse(verdict.line).duplicated, 17);
    for (const kind of ['missing', 'reordered', 'different', 'phantom'] as const) {
      assert.equal(verdictOf({ ...withCounts({ [kind]: 1 }), takeover, failover }).ok, false, kind);
    }
  });

  test('too few records, a lag that stays, a takeover that does not come, a source that lost records: each fails it', () => {
    assert.equal(verdictOf(withCounts({ records: 100_000 })).ok, false);
    assert.equal(verdictOf({ ...facts, lagZeroMs: -1 }).ok, false);
    assert.equal(verdictOf({ ...facts, takeover: { ...takeover, lastMs: -1 } }).ok, false);
    assert.equal(verdictOf({ ...facts, failover: { ...failover, newLeaderMs: -1 } }).ok, false);
    assert.equal(verdictOf(withCounts({ ledger: { ...ledger, lost: 1 } })).ok, false);
    assert.equal(verdictOf(withCounts({ ledger: { ...ledger, unacknowledged: 1 } })).ok, false);
  });
});
