import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RateBucket } from '../../../../worker/core/rate-bucket.js';
import { type LimitOrder, RateLimit } from '../../../../worker/core/rate-limit.js';

const order = (bounds: Pick<LimitOrder, 'bytesPerS' | 'recordsPerS'>): LimitOrder => ({
  scope: 'route',
  route: 'r',
  topic: '',
  account: new SharedArrayBuffer(16),
  ...bounds,
});

/** Fetches as soon as it may, `fetchBytes` at a time; gives what came within `seconds`. */
function fetchAll(limits: readonly RateLimit[], fetchBytes: number, seconds: number, recordBytes = 1_000): number {
  let taken = 0;
  const startMs = 5_000;
  for (let nowMs = startMs; nowMs < startMs + seconds * 1_000; nowMs++) {
    for (const limit of limits) {
      if (limit.waitMs(nowMs) > 0) continue;
      limit.taken('p', fetchBytes, fetchBytes / recordBytes, nowMs);
      taken += fetchBytes;
    }
  }
  return taken;
}

describe('a rate limit', () => {
  test('lets its rate through, within the credit of a quarter of a second and one fetch, whatever the fetches’ size', () => {
    for (const fetchBytes of [1_000, 30_000, 250_000]) {
      const taken = fetchAll([new RateLimit(order({ bytesPerS: 1_000_000 }))], fetchBytes, 10);
      assert.ok(taken >= 10_000_000, `${taken}`);
      assert.ok(taken <= 10_250_000 + fetchBytes, `${taken}`);
    }
  });

  test('in records counts records; of both bounds the tighter one holds', () => {
    const both = new RateLimit(order({ bytesPerS: 10_000_000, recordsPerS: 500 }));
    const records = fetchAll([both], 10_000, 10) / 1_000;
    assert.ok(records >= 5_000 && records <= 5_150, `${records}`);
  });

  test('smaller than one batch lets a batch through and is paid for before the next', () => {
    const taken = fetchAll([new RateLimit(order({ bytesPerS: 1_000 }))], 5_000, 21);
    assert.equal(taken, 5 * 5_000);
  });

  test('is one for all threads that share its account', () => {
    const shared = order({ bytesPerS: 1_000_000 });
    const taken = fetchAll([new RateLimit(shared), new RateLimit(shared), new RateLimit(shared)], 20_000, 10);
    assert.ok(taken >= 10_000_000 && taken <= 10_350_000, `${taken}`);
  });

  test('asks for a quarter of a second’s worth, shared by the partitions that took something lately', () => {
    const limit = new RateLimit(order({ bytesPerS: 1_000_000 }));
    assert.equal(limit.quotaBytes(10, 0), 25_000);
    limit.taken('a', 10, 1, 0);
    assert.equal(limit.quotaBytes(10, 0), 250_000);
    limit.taken('b', 10, 1, 1);
    assert.equal(limit.quotaBytes(10, 1), 125_000);
    assert.equal(limit.quotaBytes(10, 60_000), 25_000);
    assert.equal(limit.quotaBytes(1_000_000, 60_000), 4_096);
  });

  test('in records learns how large records are', () => {
    const limit = new RateLimit(order({ recordsPerS: 1_000 }));
    assert.equal(limit.quotaBytes(1, 0), 250_000);
    for (let i = 0; i < 50; i++) limit.taken('a', 10_000, 100, i);
    assert.ok(Math.abs(limit.quotaBytes(1, 50) - 25_000) < 100);
  });

  test('that changes is paid for at the new rate', () => {
    const paidAt = new BigInt64Array(new SharedArrayBuffer(8));
    const bucket = new RateBucket(1_000, paidAt);
    bucket.take(100_250, 10_000);
    assert.equal(bucket.waitMs(10_000), 100_000);
    RateBucket.changeRate(paidAt, 1_000, 100_000, 10_000);
    assert.equal(new RateBucket(100_000, paidAt).waitMs(10_000), 1_000);
  });
});
