import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type PlacedLoad,
  ThreadBalance,
  type ThreadLoad,
  type ThreadMove,
} from '../../../../worker/core/thread-balance.js';

const on = (thread: number, loads: Record<string, number>): PlacedLoad[] =>
  Object.entries(loads).map(([key, load]) => ({ key, thread, load, isMovable: true }));
const threads = (...utilizations: number[]): ThreadLoad[] =>
  utilizations.map((utilization, thread) => ({ thread, utilization }));

/** Looks once a second from `fromS`; gives every move. */
function look(
  balance: ThreadBalance,
  seconds: number,
  load: readonly ThreadLoad[],
  placed: readonly PlacedLoad[],
  fromS = 100,
): ThreadMove[] {
  return Array.from({ length: seconds }, (_, i) => balance.decide(load, placed, (fromS + i) * 1_000)).flat();
}

describe('moves between threads', () => {
  const uneven = [...on(0, { a: 50, b: 40, c: 10 }), ...on(1, { d: 5 })];

  test('come after five uneven looks, halve the difference, and say why', () => {
    const balance = new ThreadBalance();
    assert.deepEqual(look(balance, 4, threads(0.9, 0.1), uneven), []);
    const moves = look(balance, 1, threads(0.9, 0.1), uneven, 104);
    assert.deepEqual(
      moves.map(({ key, from, to }) => [key, from, to]),
      [['a', 0, 1]],
    );
    assert.match(moves[0]?.reason ?? '', /thread 0 is busy 90 %, thread 1 10 %/);
  });

  test('do not come where no thread is busy, where all are, or where it was for a moment only', () => {
    assert.deepEqual(look(new ThreadBalance(), 60, threads(0.5, 0), uneven), []);
    assert.deepEqual(look(new ThreadBalance(), 60, threads(0.95, 0.8), uneven), []);
    const balance = new ThreadBalance();
    for (let i = 0; i < 20; i++) assert.deepEqual(balance.decide(threads(i % 4 === 0 ? 0.3 : 0.9, 0.1), uneven, i), []);
  });

  test('never only turn the scales: one hot partition stays where it is, its neighbours leave', () => {
    assert.deepEqual(look(new ThreadBalance(), 10, threads(0.9, 0.1), on(0, { hot: 100 })), []);
    const moves = look(new ThreadBalance(), 10, threads(0.9, 0.1), on(0, { hot: 100, x: 20, y: 20 }));
    assert.deepEqual(moves.map(({ key }) => key).sort(), ['x', 'y']);
  });

  test('are few a round, then nothing moves for half a minute, and what moved rests', () => {
    const many = on(0, Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`p${i}`, 1])));
    const balance = new ThreadBalance();
    const first = look(balance, 30, threads(0.9, 0.1), many);
    assert.equal(first.length, 4);
    const second = look(balance, 20, threads(0.9, 0.1), many, 134);
    assert.equal(second.length, 4);
    assert.equal(new Set([...first, ...second].map(({ key }) => key)).size, 8);
  });

  test('leave alone what is starting, paused or being drained', () => {
    const fixed = uneven.map((entry) => ({ ...entry, isMovable: false }));
    assert.deepEqual(look(new ThreadBalance(), 30, threads(0.9, 0.1), fixed), []);
  });
});
