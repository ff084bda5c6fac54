import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { refKey } from '../../../../common/model/assignment.js';
import { ThreadPlacement } from '../../../../worker/supervisor/thread-placement.js';
import { ownedItem, runningStatus } from '../../model/samples.js';

const items = [ownedItem('t', 0), ownedItem('t', 1)];
const keys = items.map(refKey) as [string, string];
const always = (): boolean => true;

function placed(): ThreadPlacement {
  const placement = new ThreadPlacement(2);
  placement.place(items, new Set());
  return placement;
}
const numbers = (placement: ThreadPlacement, thread: number): number[] =>
  placement.itemsOf(thread, items).map(({ partition }) => partition);

describe('a partition that changes threads', () => {
  test('is in nobody’s orders while the old thread drains it, then in the new one’s; held all the while', () => {
    const placement = placed();
    assert.deepEqual([numbers(placement, 0), numbers(placement, 1)], [[0], [1]]);
    placement.move(runningStatus(0), 1, undefined);
    assert.deepEqual([numbers(placement, 0), numbers(placement, 1)], [[], [1]]);
    assert.deepEqual(
      placement.reported(0, 2, new Set([keys[0]]), new Set(), always, () => 7).size,
      0,
      'still draining',
    );
    assert.deepEqual([...placement.reported(0, 2, new Set(), new Set(), always, () => 7)], [1]);
    assert.deepEqual(numbers(placement, 1), [0, 1]);
    assert.deepEqual(
      placement.between.map(({ ref }) => refKey(ref)),
      [keys[0]],
    );
    placement.reported(1, 6, new Set([keys[1]]), new Set(), always, () => 8);
    assert.equal(placement.between.length, 1, 'an answer to an earlier order says nothing');
    placement.reported(1, 7, new Set(keys), new Set(), always, () => 8);
    assert.equal(placement.between.length, 1, 'taken up, but not begun');
    placement.reported(1, 7, new Set(keys), new Set(keys), always, () => 8);
    assert.equal(placement.moving, false);
  });

  test('that is taken from the worker meanwhile goes to no thread', () => {
    const placement = placed();
    placement.move(runningStatus(0), 1, undefined);
    assert.deepEqual(
      [
        ...placement.reported(
          0,
          2,
          new Set(),
          new Set(),
          () => false,
          () => 7,
        ),
      ],
      [],
    );
    assert.equal(placement.moving, false);
    assert.deepEqual(placement.between, []);
  });

  test('goes on when a thread dies on the way: the old one holds nothing then, the new one is ordered again', () => {
    const placement = placed();
    placement.move(runningStatus(0), 1, undefined);
    placement.reported(0, 9, new Set(), new Set(), always, () => 3);
    assert.deepEqual(numbers(placement, 1), [0, 1]);
    // The new thread's next life answers a later order.
    placement.reported(1, 5, new Set(keys), new Set(keys), always, () => 6);
    assert.equal(placement.moving, false);
  });

  test('and one between two threads is still the next one’s when it is taken from the worker and assigned anew', () => {
    const placement = placed();
    placement.move(runningStatus(0), 1, undefined);
    placement.reported(0, 2, new Set(), new Set(), always, () => 7);
    // By now the next thread may have taken it up.
    placement.place([], new Set());
    placement.place(items, new Set());
    assert.equal(placement.threadOf(keys[0]), 1);
  });

  test('nothing that a thread still drains starts in another when it is assigned anew', () => {
    const placement = placed();
    placement.place([], new Set([keys[0]]));
    placement.place(items, new Set([keys[0]]));
    assert.equal(placement.threadOf(keys[0]), 0);
  });
});
