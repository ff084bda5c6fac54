import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SkipSet } from '../../../../worker/core/skip-set.js';

const range = fc.tuple(fc.nat(60), fc.nat(6)).map(([first, length]) => ({ first, last: first + length }));

describe('declared offsets', () => {
  test('answer as a plain set of offsets would', () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 8 }), fc.nat(70), fc.nat(20), (ranges, from, span) => {
        const skips = SkipSet.of(ranges);
        const left = (offset: number): boolean => ranges.some(({ first, last }) => offset >= first && offset <= last);
        const stretch = Array.from({ length: span + 1 }, (_, i) => from + i);
        assert.equal(skips.has(from), left(from));
        assert.equal(skips.overlaps(from, from + span), stretch.some(left));
        assert.equal(skips.covers(from, from + span), stretch.every(left));
        assert.equal(skips.countIn(from, from + span), stretch.slice(0, -1).filter(left).length);
        let after = from;
        while (left(after)) after += 1;
        assert.equal(skips.after(from), after);
        let at = from;
        for (let free = 0; free < span; at++) if (!left(at)) free += 1;
        assert.equal(skips.after(skips.advance(from, span)), skips.after(at));
        assert.equal(skips.end, Math.max(0, ...ranges.map(({ last }) => last + 1)));
        const ahead = skips.from(from).flatMap(({ first, last }) => [first, last]);
        assert.deepEqual(
          ahead,
          [...ahead].sort((a, b) => a - b),
        );
        assert.ok(skips.from(from).every(({ first }) => first >= from));
      }),
      { numRuns: 500 },
    );
  });
});
