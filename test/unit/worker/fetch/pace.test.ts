import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LIVE, nextPace, type PaceAnswer, type PaceState } from '../../../../worker/fetch/pace.js';

const MAX = 1_000_000;
const answer = (changes: Partial<PaceAnswer>): PaceAnswer => ({
  fromOffset: 100,
  nextOffset: 200,
  endOffset: 200,
  bytes: 10_000,
  maxBytes: MAX,
  ...changes,
});
const after = (state: PaceState, ...answers: Partial<PaceAnswer>[]): PaceState =>
  answers.reduce((reached: PaceState, changes) => nextPace(reached, answer(changes)), state);
const BEHIND: PaceState = { pace: 'catch-up', streak: 0 };

describe('live or catch-up', () => {
  test('a partition at the head stays live, however much comes', () => {
    assert.equal(after(LIVE, {}, { bytes: MAX - 1 }, { bytes: 0, fromOffset: 200 }).pace, 'live');
  });

  test('a large lag, estimated from what came, is sent to catch up at once', () => {
    // 100 bytes an offset: 50,000 offsets are five fetches.
    assert.equal(after(LIVE, { endOffset: 50_200 }).pace, 'catch-up');
    assert.equal(after(LIVE, { endOffset: 20_200 }).pace, 'live');
  });

  test('answers that keep coming back full are sent to catch up', () => {
    const full = { bytes: MAX, endOffset: 201 };
    assert.equal(after(LIVE, full, full).pace, 'live');
    assert.equal(after(LIVE, full, full, full).pace, 'catch-up');
    assert.equal(after(LIVE, full, full, {}, full).pace, 'live', 'in a row only');
  });

  test('it comes back when some answers in a row left next to nothing, and not between bursts', () => {
    assert.equal(after(BEHIND, {}, {}).pace, 'catch-up');
    assert.equal(after(BEHIND, {}, {}, { endOffset: 300 }).pace, 'live');
    assert.equal(after(BEHIND, {}, {}, { endOffset: 50_200 }, {}).pace, 'catch-up');
  });

  test('what is still being decoded says nothing', () => {
    const decoding = { nextOffset: 100, endOffset: 1_000_000 };
    assert.deepEqual(after({ pace: 'catch-up', streak: 2 }, decoding), { pace: 'catch-up', streak: 2 });
    assert.deepEqual(after({ pace: 'live', streak: 2 }, decoding), { pace: 'live', streak: 2 });
  });
});
