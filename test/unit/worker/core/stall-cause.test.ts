import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { STALL_CODES, type StallCode } from '../../../../common/model/stalls.js';
import { stallCause } from '../../../../worker/core/stall-cause.js';
import type { LineFacts, StallFacts } from '../../../../worker/core/stall-facts.js';

const NOW_MS = 100_000;
const LINE: LineFacts = { broker: 2, address: 'b:9092', fault: undefined, throttledMs: 0 };
const GONE: LineFacts = { ...LINE, address: undefined, fault: { message: 'refused', sinceMs: 60_000 } };

/** A running partition with nothing between source and target, which the source has answered a moment ago: nothing blocks it. */
const FREE: StallFacts = {
  nowMs: NOW_MS,
  phase: 'running',
  reason: undefined,
  startFault: undefined,
  startStep: 'waiting',
  isLaneDead: false,
  isLaneUnconfirmed: false,
  mayWrite: true,
  isJudging: false,
  batches: 0,
  unanswered: 0,
  unansweredSinceMs: undefined,
  isUncommitted: false,
  laneTransaction: undefined,
  isDeclaring: false,
  checkpointFault: undefined,
  position: 10,
  lastStableOffset: 20,
  highWatermark: 20,
  target: {
    hasLeader: true,
    line: LINE,
    isInTurn: false,
    requests: 0,
    requestsSinceMs: undefined,
    retryAtMs: undefined,
  },
  intake: { isWanted: true, isDecoding: false, errorCode: undefined },
  source: {
    hasLeader: true,
    isConfirmed: true,
    line: LINE,
    isAsked: false,
    isStarved: false,
    answeredMs: NOW_MS - 100,
    isSilent: false,
  },
  limit: undefined,
  memory: undefined,
  transaction: undefined,
};
const IDLE_LANE = { transactionalId: 'id', isDead: false, phase: 'idle', sinceMs: 0, aborted: 0 } as const;
const QUEUED: StallFacts = { ...FREE, batches: 3 };
const target = (more: Partial<StallFacts['target']>): Pick<StallFacts, 'target'> => ({
  target: { ...FREE.target, ...more },
});
const source = (more: Partial<StallFacts['source']>): Pick<StallFacts, 'source'> => ({
  source: { ...FREE.source, ...more },
});

/** Each cause at its simplest, with what has to be in its evidence. */
const CASES: readonly (readonly [StallCode, StallFacts, RegExp])[] = [
  ['lane-dead', { ...QUEUED, isLaneDead: true }, /refuses/],
  ['lane-unconfirmed', { ...QUEUED, isLaneUnconfirmed: true }, /being asked/],
  ['lease-ended', { ...QUEUED, mayWrite: false }, /session/],
  ['fence-pending', { ...FREE, phase: 'starting', startStep: 'closing' }, /last owner wrote/],
  [
    'fence-pending',
    { ...FREE, phase: 'restarting', startFault: { code: 'LANE_DEAD', message: 'no marker' } },
    /LANE_DEAD: no marker/,
  ],
  [
    'source-leaderless',
    { ...FREE, phase: 'restarting', startFault: { code: 'SOURCE_TOPIC_MISSING', message: 'none' } },
    /none/,
  ],
  [
    'target-leaderless',
    { ...FREE, phase: 'restarting', startFault: { code: 'TARGET_TOPIC_MISSING', message: 'none' } },
    /none/,
  ],
  [
    'start-failing',
    { ...FREE, phase: 'restarting', startFault: { code: 'KAFKA_ERROR', message: 'why' } },
    /next attempt; the last attempt: KAFKA_ERROR: why/,
  ],
  ['target-unanswered', { ...QUEUED, phase: 'restarting', unanswered: 1, unansweredSinceMs: 99_000 }, /for 1 s$/],
  ['start-failing', { ...FREE, phase: 'starting', startStep: 'finding' }, /being asked for/],
  [
    'checkpoint-failing',
    { ...FREE, phase: 'starting', startStep: 'beginning', checkpointFault: { message: 'no', sinceMs: 70_000 } },
    /failing for 30 s: no/,
  ],
  ['checkpoint-failing', { ...FREE, phase: 'draining' }, /under way/],
  ['inspecting', { ...QUEUED, isJudging: true }, /refused/],
  [
    'gap-unwritten',
    { ...QUEUED, isDeclaring: true, reason: { code: 'TARGET_TOPIC_MISSING', message: 'no gap topic' } },
    /no gap topic/,
  ],
  ['target-throttled', { ...QUEUED, ...target({ line: { ...LINE, throttledMs: 2_500 } }) }, /b:9092.*2\.5 s \(quota\)/],
  ['target-throttled', { ...QUEUED, unanswered: 1, ...target({ line: { ...LINE, throttledMs: 1 } }) }, /quota/],
  [
    'target-unanswered',
    { ...QUEUED, unanswered: 2, unansweredSinceMs: 55_000 },
    /2 of 3 batches sent to broker 2 \(b:9092\) and not answered for 45 s$/,
  ],
  [
    'target-unanswered',
    { ...QUEUED, unanswered: 1, unansweredSinceMs: 55_000, ...target({ hasLeader: false }) },
    /by now it has no leader/,
  ],
  [
    'target-unanswered',
    { ...QUEUED, ...target({ isInTurn: true, requests: 5, requestsSinceMs: 90_000 }) },
    /behind 5 requests.*for 10 s/,
  ],
  ['target-leaderless', { ...QUEUED, ...target({ hasLeader: false, line: undefined }) }, /3 batches/],
  ['target-unreachable', { ...QUEUED, ...target({ line: GONE }) }, /broker 2: failing for 40 s: refused/],
  [
    'target-transaction',
    { ...QUEUED, laneTransaction: { ...IDLE_LANE, phase: 'ending', sinceMs: 90_000 } },
    /of id has been under way for 10 s and is ending$/,
  ],
  [
    'target-transaction',
    { ...FREE, isUncommitted: true, laneTransaction: { ...IDLE_LANE, aborted: 2 } },
    /after 2 in a row were aborted/,
  ],
  ['target-failing', { ...QUEUED, reason: { code: 'KAFKA_ERROR', message: 'error 7' } }, /error 7/],
  ['target-failing', { ...QUEUED, ...target({ retryAtMs: NOW_MS + 3_000 }) }, /again in 3\.0 s/],
  ['rate-limit', { ...FREE, limit: { scope: 'topic', untilMs: NOW_MS + 1_500 } }, /the topic .* 1\.5 s/],
  [
    'memory',
    { ...FREE, memory: { usedBytes: 3 << 20, freeBytes: 0, holders: [['r/full', 2 << 20]] } },
    /^0\.0 MiB free.*3\.0 MiB in use, held by r\/full 2\.0 MiB$/,
  ],
  ['memory', { ...FREE, memory: { usedBytes: 1, freeBytes: 0, holders: [] } }, /fetches under way/],
  ['inspecting', { ...FREE, intake: { ...FREE.intake, isDecoding: true } }, /decoded/],
  ['source-leaderless', { ...FREE, ...source({ hasLeader: false }) }, /no leader/],
  ['source-unconfirmed', { ...FREE, ...source({ isConfirmed: false }) }, /new leader/],
  ['source-failing', { ...FREE, intake: { ...FREE.intake, errorCode: 74 } }, /error 74/],
  ['source-throttled', { ...FREE, ...source({ line: { ...LINE, throttledMs: 900 } }) }, /0\.9 s \(quota\)/],
  ['source-unreachable', { ...FREE, ...source({ line: GONE }) }, /refused/],
  [
    'source-unreachable',
    { ...FREE, ...source({ line: { ...LINE, address: undefined }, isAsked: true, isSilent: true }) },
    /being connected/,
  ],
  [
    'source-unanswered',
    { ...FREE, ...source({ isAsked: true, isSilent: true, answeredMs: 80_000 }) },
    /broker 2 \(b:9092\) has not answered for 20 s/,
  ],
  ['source-transaction-open', { ...FREE, lastStableOffset: 10 }, /offset is 10, behind the high watermark 20$/],
  [
    'source-transaction-open',
    {
      ...FREE,
      lastStableOffset: 10,
      transaction: { producerId: 7n, producerEpoch: 1, startOffset: 10n, lastTimestampMs: 0 },
    },
    /producer 7 \(epoch 1\) opened it at offset 10, its newest record here is of 1970-01-01/,
  ],
  [
    'source-transaction-open',
    {
      ...FREE,
      lastStableOffset: 10,
      transaction: { producerId: 7n, producerEpoch: 1, startOffset: 10n, lastTimestampMs: Number(2n ** 63n - 1n) },
    },
    /producer 7 \(epoch 1\) opened it at offset 10$/,
  ],
  ['source-empty', { ...FREE, ...source({ isAsked: true }) }, /from offset 10 .* reaches to 20/],
];

describe('the cause of a stall', () => {
  for (const [code, facts, evidence] of CASES) {
    test(`${code}: ${evidence.source}`, () => {
      const found = stallCause(facts);
      assert.equal(found?.code, code);
      assert.match(found?.message ?? '', evidence);
    });
  }

  test('every cause can be found, but for the two that are known without looking', () => {
    const found = new Set(CASES.map(([code]) => code));
    assert.deepEqual(
      STALL_CODES.filter((code) => !found.has(code)),
      ['thread-silent', 'lost-wake-up'],
    );
  });

  test('nothing is named where nothing blocks: batches that could be sent, a fetch that nobody asks for', () => {
    assert.equal(stallCause(QUEUED), undefined);
    assert.equal(stallCause({ ...QUEUED, ...target({ line: undefined }) }), undefined);
    assert.equal(stallCause({ ...QUEUED, ...target({ requests: 1, requestsSinceMs: NOW_MS - 10_000 }) }), undefined);
    assert.equal(stallCause({ ...QUEUED, ...target({ retryAtMs: NOW_MS - 1 }) }), undefined);
    assert.equal(stallCause({ ...QUEUED, laneTransaction: IDLE_LANE }), undefined);
    assert.equal(stallCause(FREE), undefined);
    assert.equal(stallCause({ ...FREE, ...source({ line: undefined }) }), undefined);
  });

  test('what lies nearer to the target is named first: it has to go before anything else can', () => {
    const everything: StallFacts = {
      ...FREE,
      lastStableOffset: 10,
      limit: { scope: 'worker', untilMs: NOW_MS },
      ...source({ hasLeader: false }),
      ...target({ hasLeader: false }),
    };
    assert.equal(stallCause({ ...everything, batches: 1 })?.code, 'target-leaderless');
    assert.equal(stallCause({ ...everything, batches: 1, unanswered: 1 })?.code, 'target-unanswered');
    assert.equal(stallCause(everything)?.code, 'rate-limit');
    assert.equal(stallCause({ ...everything, limit: undefined })?.code, 'source-leaderless');
  });

  test('read_uncommitted knows no open transactions', () => {
    assert.equal(stallCause({ ...FREE, lastStableOffset: -1, ...source({ isAsked: true }) })?.code, 'source-empty');
  });
});
