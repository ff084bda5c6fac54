import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type EmbeddedEngine, openEmbeddedEngine } from '../../../../common/coordination/embedded/engine.js';
import type { CoordinationStore } from '../../../../common/coordination/ports.js';
import { encodeTopicProgress } from '../../../../common/coordination/records/desired.js';
import { decodeJob, encodeJob } from '../../../../common/coordination/records/job.js';
import { encodeReport } from '../../../../common/coordination/records/worker.js';
import {
  BASE_PATHS,
  jobPath,
  progressPath,
  progressRoutePath,
  reportPath,
} from '../../../../common/coordination/znodes.js';
import { type Job, jobRouteName } from '../../../../common/model/job.js';
import type { WorkerStatus } from '../../../../common/model/status.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { Metrics } from '../../../../common/observability/metrics.js';
import { type Clock, systemClock } from '../../../../common/runtime/clock.js';
import { systemRandom } from '../../../../common/runtime/random.js';
import { JobKeeper } from '../../../../controller/jobs/job-keeper.js';
import { until } from '../kit.js';

const JOB: Job = {
  id: 'j',
  run: 'r1',
  source: 'east',
  target: 'west',
  topics: [{ topic: 't', targetTopic: 'u', partitions: 1, ranges: [{ partition: 0, from: 5n, until: 15n }] }],
  delivery: 'exactly-once',
  isolation: 'read_committed',
  timestamps: 'keep',
  limits: {},
  state: 'running',
  createdAt: '2026-01-01T00:00:00.000Z',
  progress: [],
};
const ROUTE = jobRouteName(JOB);

/** A hundred times as fast. */
const quick: Clock = {
  wallMs: () => systemClock.wallMs(),
  monotonicMs: () => systemClock.monotonicMs() * 100,
  after: (delayMs, callback) => systemClock.after(delayMs / 100, callback),
  sleep: (delayMs, signal) => systemClock.sleep(delayMs / 100, signal),
};

describe('the keeper of jobs', () => {
  let dir: string;
  let engine: EmbeddedEngine;
  let store: CoordinationStore;
  let statuses: Map<string, WorkerStatus>;
  let stop: AbortController;
  let metrics: Metrics;
  let running: Promise<void>;

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'job-keeper-'));
    const parts = { clock: systemClock, random: systemRandom, logger: silentLogger };
    engine = await openEmbeddedEngine({ dir, ...parts });
    store = engine.connect();
    for (const path of BASE_PATHS) await store.create(path, Buffer.alloc(0));
    statuses = new Map();
    stop = new AbortController();
    const source = { ask: () => Promise.resolve(statuses) };
    metrics = new Metrics({ version: 'test', role: 'controller' });
    const keeper = new JobKeeper({ store, statuses: source, clock: quick, logger: silentLogger, metrics });
    running = keeper.run({ signal: stop.signal });
  });

  afterEach(async () => {
    stop.abort();
    await running;
    await store.close();
    await engine.close();
    rmSync(dir, { recursive: true, force: true });
  });

  async function present(): Promise<Job> {
    const node = await store.get(jobPath('j'));
    assert.ok(node !== undefined);
    return decodeJob(node.data, jobPath('j'));
  }

  function says(sourceOffset: bigint, recordsCopied: number): WorkerStatus {
    const status = {
      route: ROUTE,
      topic: 't',
      partition: 0,
      sourceOffset,
      recordsCopied,
      bytesCopied: 0,
      gapRecords: 0,
    };
    return { worker: 'w', incarnation: 'i', partitions: [status] } as unknown as WorkerStatus;
  }

  async function reports(route: string): Promise<void> {
    const ref = { route, topic: 't', partition: 0 };
    const report = {
      worker: 'w',
      incarnation: 'i',
      epoch: 1,
      generation: 1,
      doubtful: [],
      started: [{ ...ref, timeline: 1 }],
    };
    await store.create(reportPath('w'), encodeReport({ ...report, held: [ref], finished: [ref] }));
  }

  test('writes down what workers count, ends the job when a report says so, and waits for the last counts until then', async () => {
    statuses.set('w', says(9n, 4));
    await store.create(jobPath('j'), encodeJob(JOB));
    await until(async () => (await present()).progress[0]?.records === 4);
    assert.deepEqual([(await present()).state, (await present()).progress[0]?.position], ['running', 9n]);
    const told = async (text: string): Promise<boolean> => (await metrics.text()).includes(text);
    await until(() => told('causeway_job_offsets_left{job="j"} 6\n'));
    await reports(ROUTE);
    await systemClock.sleep(60);
    assert.equal((await present()).state, 'running', 'its worker has not said all yet');
    statuses.set('w', says(15n, 10));
    await until(async () => (await present()).state === 'done');
    const { progress, finishedAt } = await present();
    assert.deepEqual([progress[0]?.records, progress[0]?.isDone], [10, true]);
    assert.ok(finishedAt !== undefined);
    await until(async () => (await told('causeway_jobs_done_total 1\n')) && !(await told('offsets_left{job=')));
  });

  test('a worker that does not answer any more takes nothing along but its last counts', async () => {
    await reports(ROUTE);
    await store.create(jobPath('j'), encodeJob(JOB));
    await until(async () => (await present()).state === 'done');
    assert.deepEqual([(await present()).progress[0]?.records, (await present()).progress[0]?.position], [0, 15n]);
  });

  test('what an earlier job of the same id did says nothing about this one', async () => {
    await reports(jobRouteName({ id: 'j', run: 'r0' }));
    await store.create(jobPath('j'), encodeJob(JOB));
    await systemClock.sleep(60);
    assert.equal((await present()).state, 'running');
  });

  test('what was remembered of a deleted job is cleared, that of others and of routes is not', async () => {
    await store.create(jobPath('j'), encodeJob(JOB));
    const routes = [ROUTE, jobRouteName({ id: 'gone', run: 'r9' }), 'ordinary'];
    for (const route of routes) {
      await store.create(progressRoutePath(route), Buffer.alloc(0));
      const progress = { route, topic: 't', sourceTopicId: null, targetTopic: 'u', timeline: 1, started: [0] };
      await store.create(progressPath(route, 't'), encodeTopicProgress({ ...progress, initialPartitions: 1 }));
    }
    await until(async () => (await store.get(progressRoutePath(routes[1] as string))) === undefined);
    for (const route of [ROUTE, 'ordinary']) assert.ok((await store.get(progressPath(route, 't'))) !== undefined);
  });
});
