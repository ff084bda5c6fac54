import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judgeRefusal, type RefusalVerdict, type RefusalView } from '../../../../worker/core/refusal.js';
import { MAX_REFUSED_AHEAD } from '../../../../worker/core/shaping.js';

const TOO_LARGE = 10;
const INVALID_TIMESTAMP = 32;
const UNSUPPORTED_COMPRESSION_TYPE = 76;
const INVALID_RECORD = 87;
const NOW_MS = 1_000_000_000;

/** One record per timestamp, keyed unless it is written in brackets. */
function judged(code: number, records: readonly (number | [number])[], blamed: readonly number[]): RefusalVerdict {
  const views = records.map((record, i): RefusalView => {
    const [timestamp] = [record].flat() as [number];
    return { offset: 100 + i, hasKey: typeof record === 'number', timestamp: BigInt(timestamp) };
  });
  return judgeRefusal(code, views.length, (visit) => views.forEach(visit), blamed, NOW_MS);
}

const offsets = (verdict: RefusalVerdict): readonly number[] => (verdict.kind === 'records' ? verdict.offsets : []);

describe('what a refused batch is to blame for', () => {
  test('records are not looked at where they do not matter: there may be millions of them', () => {
    const never = (): never => assert.fail('walked');
    assert.deepEqual(judgeRefusal(TOO_LARGE, 2, never, [], NOW_MS), { kind: 'split' });
    assert.deepEqual(judgeRefusal(UNSUPPORTED_COMPRESSION_TYPE, 2, never, [], NOW_MS), { kind: 'recompress' });
    assert.deepEqual(judgeRefusal(1, 2, never, [], NOW_MS), { kind: 'stop' });
  });

  test('a single record is to blame itself, unnamed ones are searched for', () => {
    assert.deepEqual(judged(TOO_LARGE, [1], []), { kind: 'records', reason: 'too-large', offsets: [100] });
    assert.deepEqual(judged(INVALID_TIMESTAMP, [1], []), { kind: 'records', reason: 'timestamp', offsets: [100] });
    assert.deepEqual(judged(INVALID_RECORD, [1, 2], []), { kind: 'search' });
    assert.deepEqual(judged(INVALID_RECORD, [1, 2], [9]), { kind: 'search' }, 'a name of no record');
  });

  test('a list that may be cut off stands for those behind it that are like all of those named', () => {
    const keyless: [number] = [5];
    assert.deepEqual(
      offsets(judged(INVALID_RECORD, [1, keyless, keyless, 1, keyless, 1, keyless], [1, 2, 4])),
      [101, 102, 104, 106],
    );
    const late = NOW_MS + 10_000;
    assert.deepEqual(
      offsets(judged(INVALID_TIMESTAMP, [late, late + 5, late, late, late + 5, 1], [0, 1, 2])),
      [100, 101, 102, 104],
    );
    assert.deepEqual(offsets(judged(INVALID_TIMESTAMP, [7, 6, 7, 8, 6, -1, NOW_MS], [0, 1, 2])), [100, 101, 102, 104]);
  });

  test('a shorter list is complete', () => {
    assert.deepEqual(offsets(judged(INVALID_TIMESTAMP, [50, 40, 30], [0])), [100]);
    assert.deepEqual(offsets(judged(INVALID_RECORD, [[1], [1], [1], [1]], [0, 1])), [100, 101]);
  });

  test('what the target passed over on its way to those it names is to its liking', () => {
    const older = NOW_MS - 60_000;
    assert.deepEqual(
      offsets(judged(INVALID_TIMESTAMP, [older, older + 1, older + 1, older + 1], [1, 2, 3])),
      [101, 102, 103],
    );
    assert.deepEqual(
      offsets(judged(INVALID_RECORD, [[1], [1], [1], [1], [1]], [1, 2, 3])),
      [101, 102, 103],
      'to be without a key is not the fault',
    );
  });

  test('two faults in one answer do not blame what has neither', () => {
    const recent: [number] = [NOW_MS - 5];
    const ancient = 3;
    assert.deepEqual(
      offsets(judged(INVALID_TIMESTAMP, [recent, ancient, recent, NOW_MS - 50, 2], [0, 1, 2])),
      [100, 101, 102, 104],
    );
    const future = NOW_MS + 10_000_000;
    assert.deepEqual(
      offsets(judged(INVALID_TIMESTAMP, [recent, future, recent, NOW_MS - 50], [0, 1, 2])),
      [100, 101, 102],
    );
  });

  test('one more than may be known is enough to say so', () => {
    const verdict = judgeRefusal(
      INVALID_RECORD,
      MAX_REFUSED_AHEAD + 500,
      (visit) => {
        for (let i = 0; i < MAX_REFUSED_AHEAD + 500; i++) visit({ offset: i, hasKey: false, timestamp: 0n }, i);
      },
      [0, 1, 2],
      NOW_MS,
    );
    assert.equal(offsets(verdict).length, MAX_REFUSED_AHEAD + 1);
  });
});
