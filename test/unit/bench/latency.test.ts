import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBatches } from '../../../common/kafka/wire/records/record-codec.js';
import { bucketEdgesMs, latencyFigures, latencyLine } from '../../bench/latency-figures.js';
import { type LatencyRun, latencyRows } from '../../bench/latency-rows.js';
import { readStamps, StampedBatches } from '../../bench/stamped-batch.js';

test('percentiles are nearest ranks, records that never came count with the time waited, buckets include their edges', () => {
  const seen = Float64Array.from({ length: 998 }, (_, index) => (index < 900 ? 1 : 3));
  const figures = latencyFigures(seen, 2, 4_000);
  const { records, missing, p50, p90, p99, p999, max } = figures;
  assert.deepEqual(
    { records, missing, p50, p90, p99, p999, max },
    { records: 1_000, missing: 2, p50: 1, p90: 1, p99: 3, p999: 4_000, max: 4_000 },
  );
  assert.equal(figures.histogram.length, bucketEdgesMs.length + 1);
  assert.equal(figures.histogram[bucketEdgesMs.indexOf(1)], 900);
  assert.equal(figures.histogram[bucketEdgesMs.indexOf(3)], 98);
  assert.equal(figures.histogram[bucketEdgesMs.indexOf(5_000)], 2);
  assert.match(latencyLine('causeway', figures), /p99\.9 4000 .*2 NOT SEEN/);
});

test('a stamped batch is one that any Kafka client reads, and its stamps come back from wherever it is stored', () => {
  const stamps = Array.from({ length: 200 }, (_, index) => index + 0.5);
  const batch = new StampedBatches(100, 7).build(stamps);
  const [decoded] = decodeBatches(batch);
  assert.equal(decoded?.records.length, 200);
  assert.equal(decoded?.records[199]?.value?.length, 100);
  const stored = Buffer.from(batch);
  stored.writeBigInt64BE(5_000n, 0);
  const seen: number[] = [];
  const next = readStamps(Buffer.concat([stored, batch.subarray(0, 80)]), 5_010, (stampMs, run) => {
    assert.equal(run, 7);
    seen.push(stampMs);
  });
  assert.equal(next, 5_200);
  assert.deepEqual(seen, stamps.slice(10));
});

test('latency rows judge medians over the rounds: by the goal, and against MirrorMaker 2 at every percentile', () => {
  const run = (subject: LatencyRun['subject'], p50: number): LatencyRun => {
    const latency = { ...latencyFigures(Float64Array.of(p50), 0, 0), p99: p50 * 4 };
    const rest = { round: 1, producedPerS: 1_000, latestSendMs: 1, cores: 0.1, foreignCores: 0 };
    return { load: '1000/s', recordsPerS: 1_000, subject, latency, ...rest };
  };
  const runs = [run('floor', 0.5), run('mm2', 1.2), ...[0.9, 0.8, 4].map((p50) => run('causeway', p50))];
  const rows = latencyRows(runs);
  const p50 = rows.filter(({ what }) => what === '1000/s: p50 ms');
  assert.deepEqual(
    p50.map(({ goal, measured, mm2, met }) => ({ goal, measured, mm2, met })),
    [
      { goal: '<= 1', measured: 0.9, mm2: 1.2, met: true },
      { goal: '< MM2', measured: 0.9, mm2: 1.2, met: true },
    ],
  );
  assert.equal(rows.find(({ what }) => what.includes('p50 ms beyond reading at the source (0.5)'))?.measured, 0.4);
});
