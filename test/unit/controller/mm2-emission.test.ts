import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PartitionMap, Run } from '../../../common/model/offset-map.js';
import { checkpointOffset, dueSyncs, isMoreRecent, lastCopied } from '../../../controller/core/mm2-emission.js';

const run = (source: number, target: number, length: number): Run => {
  return { source: BigInt(source), target: BigInt(target), length: BigInt(length) };
};

function mapOf(...runs: Run[]): PartitionMap {
  const last = runs.at(-1) ?? run(0, 0, 0);
  return { timeline: 1, runs, head: { source: last.source + last.length, target: last.target + last.length } };
}

const pair = (upstream: number, downstream: number) => ({ upstream: BigInt(upstream), downstream: BigInt(downstream) });
const nothing = { last: undefined, seen: undefined };

describe('checkpoints, as MirrorMaker 2 writes them', () => {
  test('the first, one that goes back at the source, one that goes on at the target; no other', () => {
    assert.ok(isMoreRecent(undefined, pair(0, 0)));
    assert.ok(!isMoreRecent(pair(10, 5), pair(10, 5)));
    assert.ok(!isMoreRecent(pair(10, 5), pair(11, 5)));
    assert.ok(!isMoreRecent(pair(10, 5), pair(12, 4)));
    assert.ok(isMoreRecent(pair(10, 5), pair(11, 6)));
    assert.ok(isMoreRecent(pair(10, 5), pair(9, 4)));
  });

  test('none where nothing was copied, and none for positions that have no answer', () => {
    const copied = mapOf(run(0, 0, 10));
    assert.equal(checkpointOffset(copied, { kind: 'exact', offset: 3n }), 3n);
    assert.equal(checkpointOffset(copied, { kind: 'hole', offset: 4n, source: 9n }), 4n);
    assert.equal(checkpointOffset(copied, { kind: 'head', offset: 10n, behind: 5n }), 10n);
    assert.equal(checkpointOffset(copied, { kind: 'before-mirror', first: null }), undefined);
    assert.equal(checkpointOffset(copied, { kind: 'unknown', reason: '' }), undefined);
    assert.equal(checkpointOffset(mapOf(), { kind: 'head', offset: 0n, behind: 0n }), undefined);
    assert.equal(checkpointOffset(mapOf(run(5, 0, 0)), { kind: 'head', offset: 0n, behind: 0n }), undefined);
  });
});

describe('offset syncs', () => {
  test('of a partition that nothing was written of: where its runs begin, more than the lag apart, and the last record', () => {
    assert.deepEqual(dueSyncs(mapOf(run(0, 0, 25), run(30, 25, 5)), nothing, 10n), [
      pair(0, 0),
      pair(11, 11),
      pair(22, 22),
      pair(30, 25),
      pair(34, 29),
    ]);
    assert.deepEqual(dueSyncs(mapOf(), nothing, 10n), []);
    assert.deepEqual(dueSyncs(mapOf(run(7, 0, 0)), nothing, 10n), []);
    assert.deepEqual(dueSyncs(mapOf(run(7, 0, 1)), nothing, 10n), [pair(7, 0)]);
  });

  test('as it grows: not before the lag is exceeded, then at once; the last record when it stands still', () => {
    const at = (length: number, last = pair(0, 0), seen: ReturnType<typeof pair> | undefined = undefined) =>
      dueSyncs(mapOf(run(0, 0, length)), { last, seen }, 10n);
    assert.deepEqual(at(11), []);
    assert.deepEqual(at(12), [pair(11, 11)]);
    assert.deepEqual(at(24), [pair(11, 11), pair(22, 22)]);
    assert.deepEqual(at(11, pair(0, 0), pair(9, 9)), [], 'it moved since');
    assert.deepEqual(at(11, pair(0, 0), pair(10, 10)), [pair(10, 10)]);
    assert.deepEqual(at(11, pair(10, 10), pair(10, 10)), []);
  });

  test('a new run is said at once, whatever the lag', () => {
    const map = mapOf(run(0, 0, 5), run(6, 5, 2));
    assert.deepEqual(dueSyncs(map, { last: pair(4, 4), seen: pair(4, 4) }, 1_000n), [pair(6, 5)]);
  });

  test('every record with a lag of 0', () => {
    const due = dueSyncs(mapOf(run(0, 0, 50)), { last: pair(0, 0), seen: undefined }, 0n);
    assert.deepEqual(due.length, 49);
    assert.deepEqual(due.at(-1), pair(49, 49));
  });

  test('begins anew where what was written is not of this map: the target was made anew', () => {
    assert.deepEqual(dueSyncs(mapOf(run(50, 0, 3)), { last: pair(51, 51), seen: undefined }, 10n), [
      pair(50, 0),
      pair(52, 2),
    ]);
  });

  test('of a long stretch and of thousands of runs a bounded number, the last record among them', () => {
    const long = dueSyncs(mapOf(run(0, 0, 10_000_000)), nothing, 10n);
    assert.ok(long.length > 50 && long.length <= 101, `${long.length}`);
    assert.deepEqual(long.at(-1), pair(9_999_999, 9_999_999));
    const many = mapOf(...Array.from({ length: 5_000 }, (_, i) => run(i * 10, i * 9, 9)));
    const growing = { last: pair(0, 0), seen: undefined };
    for (const [state, last] of [
      [nothing, 49_998n],
      [growing, 49_990n],
    ] as const) {
      const due = dueSyncs(many, state, 100n);
      assert.ok(due.length <= 100, `${due.length}`);
      assert.ok(due.every(({ upstream }, i) => i === 0 || upstream > (due[i - 1]?.upstream ?? 0n)));
      assert.equal(due.at(-1)?.upstream, last);
    }
    assert.deepEqual(lastCopied(many), pair(49_998, 44_999));
  });
});
