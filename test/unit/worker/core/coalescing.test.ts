import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { coalesceRule, coalescible } from '../../../../worker/core/coalescing.js';
import { queued } from './queued-batch.js';

const MB = 1 << 20;
const sameCodec = (): number => 0;
const tiny = (count: number, recordCount: number, bytes: number) =>
  Array.from({ length: count }, (_, i) => ({ ...queued(i * recordCount, recordCount), bytes }));

describe('which waiting batches are merged', () => {
  test('nearby only those of a few records: well compressed ones of few bytes and many records pass as they are', () => {
    const near = coalesceRule(undefined, 0.3);
    assert.equal(coalescible(tiny(10, 1, 120), near, MB, sameCodec), 10);
    assert.equal(coalescible(tiny(10, 64, 1_500), near, MB, sameCodec), 0);
    assert.equal(coalescible(tiny(10, 1, 4_000), near, MB, sameCodec), 0);
  });

  test('far away, or where the route says so, whatever they hold', () => {
    const batches = tiny(10, 64, 1_500);
    assert.equal(coalescible(batches, coalesceRule(undefined, 100), MB, sameCodec), 10);
    assert.equal(coalescible(batches, coalesceRule(2_000, 0.3), MB, sameCodec), 10);
    assert.equal(coalescible(batches, coalesceRule(0, 100), MB, sameCodec), 0);
  });

  test('no further than another codec, and no larger than the target takes', () => {
    const far = coalesceRule(undefined, 100);
    const batches = tiny(10, 1, 1_000);
    assert.equal(coalescible(batches, far, 3_500, sameCodec), 3);
    const third = batches[2]?.source;
    assert.equal(
      coalescible(batches, far, MB, (source) => (source === third ? 4 : 0)),
      2,
    );
  });
});
