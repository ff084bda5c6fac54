import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PartitionView, TopicDetail, WorkerView } from '../../../common/api/fleet-shapes.js';
import { PARTITION_STATES } from '../../../common/model/status.js';
import { type WhyFacts, why } from '../../../controller/rest/why.js';

const PARTITION: PartitionView = {
  partition: 3,
  worker: 'w1',
  state: 'running',
  reason: null,
  stall: null,
  throttledBy: null,
  thread: 0,
  sourceOffset: '10',
  targetOffset: '10',
  sourceEndOffset: '10',
  lagRecords: 0,
  lagSeconds: 0,
  recordsPerS: 0,
  bytesPerS: 0,
  gapRecords: 0,
};
const DETAIL: TopicDetail = {
  route: 'r',
  topic: 't',
  targetTopic: 't',
  paused: false,
  assigned: 1,
  excluded: [],
  states: {},
  workers: ['w1'],
  lagRecords: 0,
  lagSeconds: 0,
  recordsPerS: 0,
  bytesPerS: 0,
  recordsCopied: 0,
  throttled: 0,
  problems: [],
  partitions: [PARTITION],
};
const WORKER: WorkerView = {
  worker: 'w1',
  incarnation: 'i',
  zone: '',
  capacity: 1,
  role: 'active',
  routes: [],
  http: 'http://w1:1',
  version: '1',
  startedAt: '',
  leaving: false,
  partitions: 1,
  lagRecords: 0,
  recordsPerS: 0,
  bytesPerS: 0,
  threads: [],
};

function facts(partition: Partial<PartitionView>, more: Partial<WhyFacts> = {}, detail: Partial<TopicDetail> = {}) {
  return {
    partition: 3,
    detail: { ...DETAIL, partitions: [{ ...PARTITION, ...partition }], ...detail },
    leader: 'c1',
    workers: [WORKER],
    ...more,
  };
}

const seen = (given: WhyFacts) => why(given).checks.map(({ check, verdict }) => `${check} ${verdict}`);

describe('why', () => {
  test('all is well: every check says so, and what it saw', () => {
    const view = why(facts({}));
    assert.equal(view.verdict, 'ok');
    assert.equal(view.summary, 'it has copied all there is');
    assert.deepEqual(
      view.checks.map(({ check }) => check),
      ['orders', 'plan', 'worker', 'worker alive', 'state', 'movement', 'limits', 'gaps', 'lag'],
    );
    assert.ok(view.checks.every(({ verdict, evidence, fix }) => verdict === 'ok' && evidence !== '' && fix === null));
  });

  test('orders come first: paused or excluded, nothing else is looked at', () => {
    assert.deepEqual(seen(facts({}, {}, { paused: true })), ['orders fault']);
    assert.deepEqual(seen(facts({}, {}, { excluded: [3] })), ['orders fault']);
    assert.equal(why(facts({}, {}, { excluded: [2] })).verdict, 'ok');
  });

  test('what the leader knows is told, also where the partition is copied in spite of it', () => {
    const problems = [{ route: 'r', topic: 't', code: 'TARGET_NOT_READY', message: 'too few partitions' }];
    const view = why(facts({}, {}, { problems }));
    assert.equal(view.verdict, 'fault');
    assert.equal(view.summary, 'TARGET_NOT_READY: too few partitions');
    assert.equal(view.checks.at(-1)?.check, 'lag');
    assert.equal(why(facts({}, { leader: null })).verdict, 'unknown');
  });

  test('without a worker, with one that is gone, silent, or has not taken it up yet', () => {
    assert.deepEqual(seen(facts({}, { workers: [] }, { partitions: [] })), ['orders ok', 'plan ok', 'worker fault']);
    assert.equal(why(facts({}, {}, { partitions: [] })).summary, 'none of the 1 workers has it (yet)');
    assert.equal(why(facts({}, { workers: [] })).summary, 'worker w1 is gone');
    const silent = why(facts({ state: 'unknown' }, { workers: [{ ...WORKER, threads: null }] }));
    assert.deepEqual([silent.verdict, silent.summary], ['unknown', 'it lives and does not answer at http://w1:1']);
    assert.equal(why(facts({ state: 'unknown' })).summary, 'it answers and has not taken the partition up yet');
  });

  test('every state has its verdict', () => {
    const verdicts = PARTITION_STATES.map((state) => {
      const reason = { code: 'KAFKA_ERROR', message: 'm' };
      return `${state} ${why(facts({ state, reason })).verdict}`;
    });
    assert.deepEqual(verdicts, [
      'starting busy',
      'running ok',
      'declaring-gap busy',
      'backing-off fault',
      'stalled ok',
      'paused fault',
      'draining busy',
    ]);
    assert.equal(
      why(facts({ state: 'paused', reason: { code: 'BATCH_CORRUPT', message: 'm' } })).summary,
      'paused: BATCH_CORRUPT: m',
    );
  });

  test('a stall is told with its evidence and what to do', () => {
    const stall = {
      code: 'target-leaderless',
      message: '2 batches wait',
      since: '2026-01-01T00:00:00Z',
      fix: 'mend it',
    };
    const view = why(facts({ state: 'stalled', stall }));
    assert.equal(view.verdict, 'fault');
    assert.equal(view.summary, 'nothing has moved since 2026-01-01T00:00:00Z: target-leaderless: 2 batches wait');
    assert.equal(view.checks.find(({ check }) => check === 'movement')?.fix, 'mend it');
  });

  test('declared gaps are told, and are no fault', () => {
    const view = why(facts({ gapRecords: 7 }));
    assert.equal(view.verdict, 'ok');
    assert.match(view.checks.find(({ check }) => check === 'gaps')?.evidence ?? '', /^7 source records were left out/);
  });

  test('a limit and a long way to go are no faults', () => {
    assert.equal(why(facts({ throttledBy: 'route' })).verdict, 'busy');
    assert.equal(why(facts({ lagRecords: 1_000, recordsPerS: 500 })).verdict, 'ok');
    const behind = why(facts({ lagRecords: 1_000_000, recordsPerS: 500 }));
    assert.deepEqual([behind.verdict, behind.summary], ['busy', '1000000 records behind, at 500 records/s']);
    assert.equal(why(facts({ lagRecords: null })).verdict, 'ok');
  });
});
