import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeJob, encodeJob } from '../../../../common/coordination/records/job.js';
import type { Job } from '../../../../common/model/job.js';
import { isComplete, type JobSighting, withSightings } from '../../../../controller/core/job-progress.js';
import { partsOf } from '../../../../controller/jobs/job-parts.js';

const JOB: Job = {
  id: 'j1',
  run: 'r1',
  source: 'east',
  target: 'west',
  topics: [
    {
      topic: 'orders',
      targetTopic: 'replay.orders',
      partitions: 3,
      ranges: [
        { partition: 0, from: 10n, until: 20n },
        { partition: 2, from: 5n, until: 500n },
      ],
    },
  ],
  delivery: 'exactly-once',
  isolation: 'read_committed',
  timestamps: 'keep',
  limits: { recordsPerS: 5 },
  state: 'running',
  createdAt: '2026-01-01T00:00:00.000Z',
  progress: [],
};

const seen = (partition: number, offset: number, records: number, incarnation = 'a', gapRecords = 0): JobSighting => ({
  incarnation,
  status: {
    topic: 'orders',
    partition,
    sourceOffset: BigInt(offset),
    recordsCopied: records,
    bytesCopied: records * 10,
    gapRecords,
  },
});
const none = new Set<string>();

describe('what a job has achieved', () => {
  test('counts go on over stays at workers: a smaller number, or another incarnation, is a new stay', () => {
    let job = withSightings(JOB, [seen(2, 105, 100)], none);
    job = withSightings(job, [seen(2, 205, 200)], none);
    assert.deepEqual([job.progress[0]?.records, job.progress[0]?.position], [200, 205n]);
    job = withSightings(job, [seen(2, 215, 10)], none);
    assert.equal(job.progress[0]?.records, 210, 'another thread of the same worker');
    job = withSightings(job, [seen(2, 230, 15, 'b')], none);
    assert.deepEqual([job.progress[0]?.records, job.progress[0]?.bytes], [225, 2_250]);
  });

  test('nothing new gives the very same job, so that nothing is written', () => {
    const job = withSightings(JOB, [seen(2, 105, 100)], none);
    assert.equal(withSightings(job, [seen(2, 105, 100)], none), job);
    assert.equal(withSightings(JOB, [], none), JOB);
  });

  test('a position stays within the range and never goes back; a worker that has not found one yet says nothing', () => {
    let job = withSightings(JOB, [seen(2, -1, 0)], none);
    assert.equal(job.progress[0]?.position, 5n);
    job = withSightings(job, [seen(2, 105, 100)], none);
    job = withSightings(job, [seen(2, -1, 0, 'b')], none);
    assert.deepEqual([job.progress[0]?.position, job.progress[0]?.records], [105n, 100]);
    job = withSightings(job, [seen(2, 900, 400, 'b')], none);
    assert.equal(job.progress[0]?.position, 500n);
  });

  test('it is complete when every range was reported to be at its end, with or without a last word on its counts', () => {
    let job = withSightings(JOB, [seen(0, 20, 10)], new Set(['orders/0']));
    assert.deepEqual(job.progress[0], {
      topic: 'orders',
      partition: 0,
      isDone: true,
      position: 20n,
      records: 10,
      bytes: 100,
      gapRecords: 0,
    });
    assert.equal(isComplete(job), false);
    job = withSightings(job, [], new Set(['orders/0', 'orders/2']));
    assert.equal(isComplete(job), true);
    assert.equal(withSightings(job, [seen(0, 15, 99)], none), job, 'what is done stays as it was');
  });

  test('a job is read as it was written', () => {
    const job = withSightings(JOB, [seen(0, 20, 10), seen(2, 105, 100)], new Set(['orders/0']));
    for (const one of [JOB, job, { ...job, state: 'done', finishedAt: '2026-01-02T00:00:00.000Z' } as const])
      assert.deepEqual(decodeJob(encodeJob(one), '/jobs/j1'), one);
  });
});

describe('a job as the planner sees it', () => {
  test('is a route with a topic that has starts and ends, and the other partitions are excluded', () => {
    const { route, entries, excluded } = partsOf(JOB);
    assert.deepEqual(
      [route.name, route.source, route.target, route.limits],
      ['job.j1.r1', 'east', 'west', { recordsPerS: 5 }],
    );
    const [entry] = entries;
    assert.equal(entry?.partitions, 3);
    assert.deepEqual(entry?.starts, [
      { partition: 0, from: 10n },
      { partition: 2, from: 5n },
    ]);
    assert.deepEqual(entry?.ends, [
      { partition: 0, until: 20n },
      { partition: 2, until: 500n },
    ]);
    assert.deepEqual([...excluded], [['job.j1.r1/orders', [1]]]);
  });

  test('partitions that are done are nobody’s any more, and so is a topic without any other', () => {
    const job = withSightings(JOB, [], new Set(['orders/0']));
    assert.deepEqual([...partsOf(job).excluded], [['job.j1.r1/orders', [0, 1]]]);
    assert.deepEqual(partsOf(withSightings(job, [], new Set(['orders/2']))).entries, []);
  });

  test('paused: its partitions stay, and are not copied', () => {
    assert.equal(partsOf({ ...JOB, state: 'paused' }).entries[0]?.paused, true);
  });
});
