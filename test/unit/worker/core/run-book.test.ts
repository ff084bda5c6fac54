import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { FIRST_OF_TIMELINE, linkBehind, type MapChain } from '../../../../common/model/offset-map-record.js';
import { MAX_CLOSED_RUNS, RunBook } from '../../../../worker/core/run-book.js';

const NOTHING: MapChain = { link: FIRST_OF_TIMELINE, entries: [] };

function bookAt(source: number, target: number, history = NOTHING): RunBook {
  const book = new RunBook();
  book.begin(history, { source, target, length: 0 });
  return book;
}

const raw = (sourceFirst: number, recordCount: number) => ({ sourceFirst, recordCount, sourceOffsets: null });
const run = (source: number, target: number, length: number) => {
  return { source, target, length, targetLength: length, lost: false };
};

describe('the runs of a partition', () => {
  test('without holes there is one open run and nothing to write', () => {
    const book = bookAt(100, 40);
    for (let i = 0; i < 1_000; i += 1) book.stored(raw(100 + 10 * i, 10), 40 + 10 * i);
    assert.equal(book.size, 0);
    assert.deepEqual([book.openSource, book.openTarget, book.openLength], [100, 40, 10_000]);
    assert.deepEqual(book.whole(), { link: FIRST_OF_TIMELINE, entries: [run(100, 40, 10_000)] });
  });

  test('a hole closes a run, and so does one at both sides that leaves the difference as it was', () => {
    const book = bookAt(0, 0);
    book.stored(raw(0, 5), 0);
    book.stored(raw(6, 4), 5);
    book.stored(raw(11, 1), 10);
    assert.deepEqual(book.history().entries, [run(0, 0, 5), run(6, 5, 4)]);
    assert.deepEqual([book.openSource, book.openTarget, book.openLength], [11, 10, 1]);
  });

  test('a batch that was made dense holds several runs, and the last one stays open', () => {
    const book = bookAt(0, 0);
    const sourceOffsets = Float64Array.from([0, 1, 4, 5, 6, 9]);
    book.stored({ sourceFirst: 0, recordCount: 6, sourceOffsets }, 0);
    book.stored(raw(10, 2), 6);
    assert.deepEqual(book.whole().entries, [run(0, 0, 2), run(4, 2, 3), run(9, 5, 3)]);
  });

  test('where copying began is told although nothing was copied there, and only there', () => {
    const first = bookAt(3, 7);
    first.stored(raw(10, 2), 7);
    assert.deepEqual(first.whole().entries, [run(3, 7, 0), run(10, 7, 2)]);
    const later = bookAt(3, 7, { link: 6, entries: [] });
    later.stored(raw(10, 2), 7);
    assert.deepEqual(later.whole(), { link: 6, entries: [run(10, 7, 2)] });
  });

  test('what was stored nobody knows where is a stretch of its own, not a hole', () => {
    const book = bookAt(0, 0);
    book.stored(raw(0, 5), 0);
    book.storedSomewhere({ ...raw(5, 3), sourceNext: 8 }, 5);
    book.stored(raw(8, 2), 8);
    const lost = { source: 5, target: 5, length: 3, targetLength: 3, lost: true };
    assert.deepEqual(book.whole().entries, [run(0, 0, 5), lost, run(8, 8, 2)]);
  });

  test('what is written down is forgotten, in order, unless it was written for an earlier life', () => {
    const book = bookAt(0, 0);
    for (let i = 0; i < 5; i += 1) book.stored(raw(2 * i, 1), i);
    const { life } = book;
    const written = book.history(2);
    book.written(life, linkBehind(written));
    assert.deepEqual(book.history(), { link: 2, entries: [run(4, 2, 1), run(6, 3, 1)] });
    book.begin(book.history(), { source: 8, target: 4, length: 1 });
    book.written(life, 4);
    assert.equal(book.size, 2);
  });

  test('8.1 a position committed without its runs, and copying goes back to it: they are still here, and written with the rest', () => {
    const book = bookAt(0, 0);
    for (let i = 0; i < 5; i += 1) book.stored(raw(2 * i, 1), i);
    const committed = { link: book.linkBefore, entries: [] };
    // What follows is aborted, the open run's growth with it.
    book.stored(raw(9, 1), 5);
    book.stored(raw(12, 1), 6);
    book.stored(raw(14, 1), 7);
    book.begin(committed, { source: 8, target: 4, length: 1 });
    assert.deepEqual(book.history(), {
      link: FIRST_OF_TIMELINE,
      entries: [run(0, 0, 1), run(2, 1, 1), run(4, 2, 1), run(6, 3, 1)],
    });
    book.stored(raw(9, 2), 9);
    assert.deepEqual(book.whole().entries.slice(-2), [run(8, 4, 1), run(9, 9, 2)]);
  });

  test('runs of an aborted stretch, or of one that does not meet the committed pair, are forgotten', () => {
    const book = bookAt(0, 0);
    for (let i = 0; i < 5; i += 1) book.stored(raw(2 * i, 1), i);
    book.begin({ link: 70, entries: [] }, { source: 90, target: 70, length: 0 });
    assert.deepEqual(book.history(), { link: 70, entries: [] });
    book.stored(raw(90, 1), 70);
    book.stored(raw(92, 1), 71);
    book.begin({ link: 70, entries: [] }, { source: 90, target: 70, length: 0 });
    assert.deepEqual(book.history(), { link: 70, entries: [] });
  });

  test('runs that cannot be written are bounded: the older half becomes one stretch of which nothing is known', () => {
    const book = bookAt(0, 0);
    for (let i = 0; i < MAX_CLOSED_RUNS + 2; i += 1) book.stored(raw(2 * i, 1), i);
    assert.ok(book.size <= MAX_CLOSED_RUNS);
    const { entries } = book.history();
    const half = MAX_CLOSED_RUNS / 2;
    assert.deepEqual(entries[0], { source: 0, target: 0, length: 2 * half, targetLength: half, lost: true });
    assert.deepEqual(entries[1], run(2 * half, half, 1));
  });

  test('whatever is copied and left out: written and kept runs together tell where each record lies', () => {
    const step = fc.record({
      skip: fc.nat(2),
      count: fc.integer({ min: 1, max: 6 }),
      markers: fc.nat(1),
      write: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const book = bookAt(0, 0);
        const truth = new Map<number, number>();
        const known: MapChain[] = [];
        let source = 0;
        let target = 0;
        for (const { skip, count, markers, write } of steps) {
          source += skip;
          target += markers;
          book.stored(raw(source, count), target);
          for (let i = 0; i < count; i += 1) truth.set(source + i, target + i);
          source += count;
          target += count;
          if (!write) continue;
          const chain = book.history();
          known.push(chain);
          book.written(book.life, linkBehind(chain));
        }
        known.push(book.whole());
        const found = new Map<number, number>();
        let link = FIRST_OF_TIMELINE;
        for (const chain of known) {
          assert.equal(chain.link, link, 'each goes on where the one before ended');
          link = linkBehind(chain);
          for (const entry of chain.entries)
            for (let i = 0; i < entry.length; i += 1) found.set(entry.source + i, entry.target + i);
        }
        assert.deepEqual(found, truth);
      }),
    );
  });
});
