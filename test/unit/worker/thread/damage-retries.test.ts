import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MirroredPartition, Reason } from '../../../../worker/partition/mirrored-partition.js';
import { DamageRetries } from '../../../../worker/thread/damage-retries.js';
import { ManualClock } from '../manual-clock.js';
import { testPartition } from '../partition/partition-kit.js';

const MINUTE_MS = 60_000;

function damaged(partition: MirroredPartition): void {
  partition.on({ type: 'pause', reason: { code: 'BATCH_CORRUPT', message: 'the batch at offset 10' } });
}

function bench() {
  const clock = new ManualClock();
  const partition = testPartition();
  partition.begin({ source: 10, target: 0, runSource: 10, runTarget: 0 });
  partition.on({ type: 'copy' });
  const restarts: { readonly atMs: number; readonly reason: Reason }[] = [];
  const retries = new DamageRetries({
    held: { values: () => [{ partition }] },
    port: {
      restart: (which, reason) => {
        restarts.push({ atMs: clock.monotonicMs(), reason });
        which.on({ type: 'restart', reason });
      },
    },
    clock,
  });
  return { clock, partition, restarts, retries };
}

describe('a partition that paused at a damaged batch', () => {
  test('tries again after a minute, then more and more seldom, and as soon as before at the next damage', () => {
    const { clock, partition, restarts, retries } = bench();
    damaged(partition);
    clock.pass(MINUTE_MS - 5_000);
    assert.equal(restarts.length, 0);
    for (let i = 0; i < 8; i++) {
      const before: number = restarts.length;
      while (restarts.length === before) clock.pass(1_000);
      damaged(partition);
    }
    const waits = restarts.slice(1).map(({ atMs }, i) => Math.round((atMs - (restarts[i]?.atMs ?? 0)) / MINUTE_MS));
    assert.deepEqual(waits, [2, 4, 8, 15, 15, 15, 15]);
    assert.equal(restarts[0]?.reason.code, 'BATCH_CORRUPT');

    partition.begin({ source: 20, target: 10, runSource: 20, runTarget: 10 });
    damaged(partition);
    const before = restarts.length;
    clock.pass(MINUTE_MS + 10_000);
    assert.equal(restarts.length, before + 1);
    retries.close();
    damaged(partition);
    clock.pass(60 * MINUTE_MS);
    assert.equal(restarts.length, before + 1, 'closed');
  });

  test('what an operator paused, what pauses for another reason and what runs is left alone', () => {
    const { clock, partition, restarts } = bench();
    clock.pass(2 * MINUTE_MS);
    partition.on({ type: 'pause', reason: { code: 'BATCH_UNSUPPORTED', message: '' } });
    clock.pass(2 * MINUTE_MS);
    damaged(partition);
    partition.item = { ...partition.item, paused: true };
    clock.pass(20 * MINUTE_MS);
    assert.deepEqual(restarts, []);
  });
});
