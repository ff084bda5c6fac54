import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { STALL_CODES, type StallCode } from '../../../common/model/stalls.js';
import type { PartitionStatus, WorkerStatus } from '../../../common/model/status.js';
import type { LiveWorker } from '../../../common/model/worker.js';
import { LoadBook } from '../../../controller/core/load-book.js';
import { runningStatus } from '../model/samples.js';

const SETTINGS = { stuckAfterMs: 180_000, moveCooldownMs: 600_000, settleMs: 60_000 };

function status(worker: string, partitions: readonly PartitionStatus[], incarnation = `${worker}1`): WorkerStatus {
  return { worker, incarnation, epoch: 1, generation: 1, partitions, threads: [] };
}

const live = (...ids: string[]): Map<string, LiveWorker> =>
  new Map(
    ids.map((worker) => [
      worker,
      { worker, incarnation: '', zone: '', capacity: 1, http: '', version: '', startedAt: '', leaving: false },
    ]),
  );

describe('the load book', () => {
  test('believes rates only once a worker has had the partition for a while', () => {
    const book = new LoadBook(SETTINGS, 0);
    for (const nowMs of [0, 10_000, 20_000]) book.observe([status('a', [runningStatus(0, { bytesPerS: 500 })])], nowMs);
    assert.equal(book.facts(20_000).loadOf('r/t-0'), undefined);
    book.observe([status('a', [runningStatus(0, { bytesPerS: 500 })])], 30_000);
    assert.equal(book.facts(30_000).loadOf('r/t-0'), 500);
  });

  test('smooths what it hears', () => {
    const book = new LoadBook(SETTINGS, 0);
    for (let nowMs = 0; nowMs <= 60_000; nowMs += 10_000) {
      book.observe([status('a', [runningStatus(0, { bytesPerS: 1_000 })])], nowMs);
    }
    book.observe([status('a', [runningStatus(0, { bytesPerS: 11_000 })])], 70_000);
    const burst = book.facts(70_000).loadOf('r/t-0') ?? 0;
    assert.ok(burst > 1_500 && burst < 2_000, `${burst}`);
    for (let nowMs = 80_000; nowMs <= 900_000; nowMs += 10_000) {
      book.observe([status('a', [runningStatus(0, { bytesPerS: 11_000 })])], nowMs);
    }
    assert.ok((book.facts(900_000).loadOf('r/t-0') ?? 0) > 10_900);
  });

  test('a partition keeps its load when it changes workers, starts or pauses', () => {
    const book = new LoadBook(SETTINGS, 0);
    for (const nowMs of [0, 30_000]) book.observe([status('a', [runningStatus(0, { bytesPerS: 700 })])], nowMs);
    book.observe([status('b', [runningStatus(0)])], 40_000);
    book.observe([status('b', [runningStatus(0, { state: 'paused' })])], 100_000);
    assert.equal(book.facts(100_000).loadOf('r/t-0'), 700);
  });

  test('forgets what nobody has told of for an hour', () => {
    const book = new LoadBook(SETTINGS, 0);
    for (const nowMs of [0, 30_000]) book.observe([status('a', [runningStatus(0, { bytesPerS: 700 })])], nowMs);
    book.observe([], 3_700_000);
    assert.equal(book.facts(3_700_000).loadOf('r/t-0'), undefined);
  });

  test('a partition that moved rests for the cool-down; whatever changes hands delays load moves', () => {
    const book = new LoadBook(SETTINGS, 0);
    assert.equal(book.isCalm(59_999), false);
    assert.equal(book.isCalm(60_000), true);
    book.moved('r/t-0', 100_000);
    book.disturbed(100_000);
    assert.equal(book.isCalm(150_000), false);
    assert.deepEqual(
      [699_999, 700_000].map((nowMs) => book.facts(nowMs).rests('r/t-0')),
      [true, false],
    );
  });
});

describe('stuck partitions', () => {
  /** Looks every ten seconds: what each worker says at that time. */
  function watched(untilMs: number, says: (nowMs: number) => readonly WorkerStatus[]): Set<string> {
    const book = new LoadBook(SETTINGS, 0);
    for (let nowMs = 0; nowMs <= untilMs; nowMs += 10_000) book.observe(says(nowMs), nowMs);
    return new Set(book.facts(untilMs).stuck);
  }

  const moving = (number: number, nowMs: number) =>
    runningStatus(number, { sourceOffset: BigInt(nowMs), lagRecords: 5 });
  const standing = (number: number, says: Partial<PartitionStatus> = {}) =>
    runningStatus(number, { lagRecords: 5, ...says });

  test('one that stands still while its neighbours and the other workers advance', () => {
    const says = (nowMs: number) => [status('a', [standing(0), moving(1, nowMs)]), status('b', [moving(2, nowMs)])];
    assert.deepEqual(watched(170_000, says), new Set());
    assert.deepEqual(watched(180_000, says), new Set(['r/t-0']));
  });

  test('not where nothing is to be copied, where a limit holds it back, or where it is paused', () => {
    for (const reason of [{ lagRecords: 0 }, { throttledBy: 'topic' as const }, { state: 'paused' as const }]) {
      const says = (nowMs: number) => [
        status('a', [standing(0, reason), moving(1, nowMs)]),
        status('b', [moving(2, nowMs)]),
      ];
      assert.deepEqual(watched(400_000, says), new Set(), JSON.stringify(reason));
    }
  });

  test('stalled ones only where another worker might do better, for however long they stand', () => {
    const stalled = (code: StallCode) => {
      const stall = { code, message: '', since: '2026-01-01T00:00:00.000Z' };
      const says = (nowMs: number) => [
        status('a', [standing(0, { state: 'stalled', stall }), moving(1, nowMs)]),
        status('b', [moving(2, nowMs)]),
      ];
      return watched(900_000, says).has('r/t-0');
    };
    assert.deepEqual(STALL_CODES.filter(stalled).sort(), [
      'lost-wake-up',
      'memory',
      'source-unreachable',
      'start-failing',
      'target-unreachable',
    ]);
  });

  test('also one that does not get started, or fails again and again', () => {
    for (const state of ['starting', 'backing-off'] as const) {
      const says = (nowMs: number) => [
        status('a', [standing(0, { state, lagRecords: -1 }), moving(1, nowMs)]),
        status('b', [moving(2, nowMs)]),
      ];
      assert.deepEqual(watched(200_000, says), new Set(['r/t-0']), state);
    }
  });

  test('not where the whole worker stands still: another takes over when it is gone', () => {
    const says = (nowMs: number) => [status('a', [standing(0), standing(1)]), status('b', [moving(2, nowMs)])];
    assert.deepEqual(watched(400_000, says), new Set());
  });

  test('not where most workers have such: the fault is elsewhere', () => {
    const says = (nowMs: number) => [
      status('a', [standing(0), moving(1, nowMs)]),
      status('b', [standing(2), moving(3, nowMs)]),
      status('c', [moving(4, nowMs)]),
    ];
    assert.deepEqual(watched(400_000, says), new Set());
  });

  test('at another worker the clock begins anew', () => {
    const says = (nowMs: number) => [
      status(nowMs < 150_000 ? 'a' : 'b', [standing(0), moving(1, nowMs)]),
      status('c', [moving(2, nowMs)]),
    ];
    assert.deepEqual(watched(320_000, says), new Set());
    assert.deepEqual(watched(330_000, says), new Set(['r/t-0']));
  });
});

describe('a look at the loads', () => {
  const policy = { tolerance: 0.2, floor: 10, maxMoves: 1 };

  test('asks for a plan where one worker carries too much, and not where all carry alike', () => {
    for (const [bytesPerS, wanted] of [
      [100, false],
      [200, true],
    ] as const) {
      const book = new LoadBook(SETTINGS, 0);
      for (const nowMs of [0, 30_000]) {
        book.observe(
          [status('a', [runningStatus(0, { bytesPerS })]), status('b', [runningStatus(1, { bytesPerS: 100 })])],
          nowMs,
        );
      }
      assert.equal(book.isWorthAPlan(live('a', 'b'), policy, 30_000), wanted);
    }
  });
});
