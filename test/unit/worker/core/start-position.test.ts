import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Checkpoint } from '../../../../common/model/checkpoint.js';
import { type ContinuityPolicy, DEFAULT_CONTINUITY } from '../../../../common/model/continuity.js';
import {
  planClosed,
  planDiverged,
  planStart,
  planUncertain,
  planWalked,
  type StartFacts,
} from '../../../../worker/core/start-position.js';

/** Nothing goes on by itself. */
const PAUSING: ContinuityPolicy = { ...DEFAULT_CONTINUITY, retentionOverrun: 'pause' };
const SOURCE_ID = '11111111-0000-0000-0000-000000000000';
const TARGET_ID = '22222222-0000-0000-0000-000000000000';

function checkpoint(changes: Partial<Checkpoint> = {}): Checkpoint {
  return {
    sourceOffset: 50n,
    targetOffset: 40n,
    sourceLeaderEpoch: 0,
    sourceTopicId: SOURCE_ID,
    targetTopicId: TARGET_ID,
    timeline: 1,
    runSourceStart: 10n,
    runTargetStart: 0n,
    rulesVersion: 1,
    released: false,
    lane: { transactionalId: 'x', producerId: 1n, producerEpoch: 0 },
    ...changes,
  };
}

function facts(changes: Partial<StartFacts> = {}, item: Partial<StartFacts['item']> = {}): StartFacts {
  return {
    item: {
      route: 'r',
      topic: 't',
      partition: 0,
      state: 'own',
      paused: false,
      sourceTopicId: SOURCE_ID,
      targetTopic: 't',
      timeline: 1,
      started: false,
      start: 'earliest',
      ...item,
    },
    checkpoint: undefined,
    sourceTopicId: SOURCE_ID,
    targetTopicId: TARGET_ID,
    former: undefined,
    formerSourceEnd: -1n,
    policy: PAUSING,
    isAccepted: false,
    sourceEarliest: 5n,
    sourceLatest: 100n,
    epochEnd: undefined,
    rulesVersion: 1,
    targetEnd: 40n,
    targetLostFrom: undefined,
    isTargetSettled: false,
    exactlyOnce: false,
    ...changes,
  };
}

test('a run of the offset map is of one version of the rules: where another one holds, another run begins (4.2)', () => {
  const committed = checkpoint({ rulesVersion: 7 });
  const where = { checkpoint: committed, targetEnd: 40n, exactlyOnce: false };
  assert.deepEqual(planStart(facts({ ...where, rulesVersion: 7 })), begin(50n, 40n, 10n, 0n));
  assert.deepEqual(planStart(facts({ ...where, rulesVersion: 8 })), begin(50n, 40n, 50n, 40n));
});

const begin = (sourceOffset: bigint, targetOffset: bigint, runSourceStart: bigint, runTargetStart: bigint) => ({
  kind: 'begin',
  sourceOffset,
  targetOffset,
  runSourceStart,
  runTargetStart,
});

describe('where a new owner continues', () => {
  test('exactly once: it walks, unless the last owner let go and the target ends where it said', () => {
    const once = (released: boolean, targetEnd: bigint) =>
      planStart(facts({ exactlyOnce: true, checkpoint: checkpoint({ released }), targetEnd })).kind;
    assert.deepEqual([once(true, 40n), once(false, 40n), once(true, 41n)], ['begin', 'walk', 'walk']);
    // Gone from the source, but perhaps at the target already: the walk has its say first (4.5).
    const gone = facts({ exactlyOnce: true, checkpoint: checkpoint(), sourceEarliest: 60n });
    assert.equal(planStart(gone).kind, 'walk');
    assert.deepEqual(planWalked(gone, 70n, 61n), begin(70n, 61n, 70n, 61n));
    assert.equal(planWalked(gone, 55n, 45n).kind, 'pause');
    // Copied by the last owner while this one was looking.
    assert.equal(planWalked(gone, 101n, 91n).kind, 'begin');
  });

  test('first start: earliest, latest, or 0 for partitions added later', () => {
    assert.deepEqual(planStart(facts()), begin(5n, 40n, 5n, 40n));
    assert.deepEqual(planStart(facts({}, { start: 'latest' })), begin(100n, 40n, 100n, 40n));
    assert.deepEqual(planStart(facts({ sourceEarliest: 0n }, { start: 'beginning' })), begin(0n, 40n, 0n, 40n));
  });

  test('a start of its own goes before the route’s, once, and is waited for where it cannot be read yet', () => {
    assert.deepEqual(planStart(facts({}, { startOffset: 77n })), begin(77n, 40n, 77n, 40n));
    assert.deepEqual(planStart(facts({}, { startOffset: 100n, start: 'earliest' })), begin(100n, 40n, 100n, 40n));
    const resumed = planStart(facts({ checkpoint: checkpoint() }, { startOffset: 77n }));
    assert.deepEqual(resumed, begin(50n, 40n, 10n, 0n), 'a position is not given up for it');
    const beyond = planStart(facts({}, { startOffset: 101n }));
    assert.equal(beyond.kind === 'wait' && beyond.code, 'START_BEYOND_END');
    const gone = planStart(facts({}, { startOffset: 2n }));
    assert.equal(gone.kind === 'pause' && gone.code, 'SOURCE_OFFSET_GONE');
  });

  test('4.5 a partition added later whose head is gone already is not begun silently', () => {
    const plan = planStart(facts({}, { start: 'beginning' }));
    assert.equal(plan.kind === 'pause' && plan.code, 'SOURCE_OFFSET_GONE');
  });

  test('a checkpoint continues its run when the target ends where it says', () => {
    assert.deepEqual(planStart(facts({ checkpoint: checkpoint() })), begin(50n, 40n, 10n, 0n));
  });

  test('a target that got more than the checkpoint knows opens a new run: repeats will follow', () => {
    assert.deepEqual(planStart(facts({ checkpoint: checkpoint(), targetEnd: 45n })), begin(50n, 45n, 50n, 45n));
  });

  test('a target that ends before the checkpoint is waited for: its high watermark may lag', () => {
    assert.equal(planStart(facts({ checkpoint: checkpoint(), targetEnd: 39n })).kind, 'wait');
  });

  test('4.2 a checkpoint of another timeline is void', () => {
    assert.deepEqual(planStart(facts({ checkpoint: checkpoint({ timeline: 2 }) })), begin(5n, 40n, 5n, 40n));
  });

  for (const [what, changes, item, code] of [
    ['4.4 a missing checkpoint of a partition that has started', {}, { started: true }, 'CHECKPOINT_MISSING'],
    ['a recreated source topic', { sourceTopicId: TARGET_ID }, {}, 'SOURCE_TOPIC_RECREATED'],
    [
      'a checkpoint about another source topic',
      { checkpoint: checkpoint({ sourceTopicId: TARGET_ID }) },
      {},
      'SOURCE_TOPIC_RECREATED',
    ],
    [
      'a recreated target topic',
      { checkpoint: checkpoint({ targetTopicId: SOURCE_ID }) },
      {},
      'TARGET_TOPIC_RECREATED',
    ],
    ['retention that passed the position', { checkpoint: checkpoint(), sourceEarliest: 51n }, {}, 'SOURCE_OFFSET_GONE'],
    [
      'a source that was truncated below the position',
      { checkpoint: checkpoint(), sourceLatest: 49n },
      {},
      'SOURCE_TRUNCATED',
    ],
  ] as const) {
    test(`${what} pauses with the reason instead of guessing`, () => {
      const plan = planStart(facts(changes, item));
      assert.equal(plan.kind === 'pause' && plan.code, code);
    });
  }

  test('positions beyond 2^53 pause the partition: they would be rounded', () => {
    const far = 2n ** 53n;
    const cases = [
      facts({ sourceLatest: far, targetEnd: far }, { start: 'latest' }),
      facts({ sourceEarliest: far, sourceLatest: far }),
      facts({ checkpoint: checkpoint({ runTargetStart: far }), sourceLatest: 100n, targetEnd: 40n }, { started: true }),
    ];
    for (const each of cases) {
      const plan = planStart(each);
      assert.ok(plan.kind === 'pause' && plan.code === 'BATCH_UNSUPPORTED', JSON.stringify(plan.kind));
    }
  });
});

const GOING_ON: ContinuityPolicy = {
  sourceRecreated: 'restart',
  sourceDeleted: 'stop',
  sourceTruncated: 'continue',
  retentionOverrun: 'continue',
  targetRecreated: 'continue',
  targetTruncated: 'continue',
};

describe('5.3 logs that are not what they were', () => {
  const lostAt = (plan: ReturnType<typeof planStart>) =>
    plan.kind === 'begin' ? [plan.lost?.firstOffset, plan.lost?.lastOffset, plan.lost?.bound] : plan.kind;

  test('retention that passed the position: declared and passed by default, exactly where nothing more was copied', () => {
    const overrun = (released: boolean, targetEnd: bigint) =>
      planStart(
        facts({
          policy: DEFAULT_CONTINUITY,
          checkpoint: checkpoint({ released }),
          sourceEarliest: 60n,
          targetEnd,
        }),
      );
    assert.deepEqual(lostAt(overrun(true, 40n)), [50, 59, undefined]);
    assert.deepEqual(lostAt(overrun(false, 45n)), [50, 59, 'at-most'], 'some of it may be at the target');
    const plan = overrun(true, 40n);
    assert.ok(
      plan.kind === 'begin' && plan.sourceOffset === 50n,
      'the pair stands before the gap until it is declared',
    );
    assert.equal(plan.kind === 'begin' && plan.lost?.reason, 'retention');
  });

  test('the head of a partition added later that is gone already is declared', () => {
    const plan = planStart(facts({ policy: DEFAULT_CONTINUITY }, { start: 'beginning' }));
    assert.deepEqual(lostAt(plan), [0, 4, undefined]);
  });

  test('an operator’s skip over what is gone is declared as the operator’s, not twice', () => {
    const skip = { partition: 0, from: 0n, to: 100n, reason: 'known', at: 'then' };
    for (const policy of [PAUSING, GOING_ON]) {
      const plan = planStart(facts({ policy, checkpoint: checkpoint(), sourceEarliest: 60n }, { skip }));
      assert.deepEqual(lostAt(plan), [undefined, undefined, undefined]);
    }
  });

  test('what the walk could not tell apart is declared as at most so much, or left to an operator', () => {
    const range = { from: 50n, to: 70n };
    const uncertain = (policy: ContinuityPolicy) => planUncertain(facts({ policy, sourceEarliest: 60n }), range, 45n);
    assert.equal(uncertain(PAUSING).kind, 'pause');
    const plan = uncertain(GOING_ON);
    assert.deepEqual(lostAt(plan), [50, 69, 'at-most']);
    assert.ok(plan.kind === 'begin' && plan.sourceOffset === 50n && plan.targetOffset === 45n);
  });

  test('what is gone behind the end of a range was never to be copied', () => {
    const range = { from: 50n, to: 70n };
    const bounded = (until: bigint) =>
      planUncertain(facts({ policy: GOING_ON, sourceEarliest: 55n }, { until }), range, 45n);
    assert.deepEqual(lostAt(bounded(60n)), [50, 59, 'at-most']);
    const done = bounded(50n);
    assert.ok(done.kind === 'begin' && done.sourceOffset === 50n && done.lost === undefined);
  });

  test('a truncated source: the leadership’s end shows it though the log has grown past the position', () => {
    const truncated = (changes: Partial<StartFacts>, item: Partial<StartFacts['item']> = {}) =>
      planStart(facts({ checkpoint: checkpoint({ released: true }), ...changes }, item));
    const paused = truncated({ epochEnd: 45n });
    assert.ok(paused.kind === 'pause' && paused.code === 'SOURCE_TRUNCATED');
    assert.match(paused.message, /\[45, 50\)/);
    const broken = truncated({ epochEnd: 45n, policy: GOING_ON });
    assert.deepEqual(broken.kind === 'break' && [broken.cause, broken.from], ['source-truncated', 45n]);
    const accepted = truncated({ epochEnd: 45n, isAccepted: true });
    assert.equal(accepted.kind, 'break', 'by an operator’s word');
    assert.equal(truncated({ epochEnd: 50n }).kind, 'begin');
    assert.equal(truncated({ sourceLatest: 49n }).kind, 'pause', 'by its end, where no leadership tells');
    assert.equal(truncated({ sourceLatest: 49n, epochEnd: 60n }).kind, 'wait', 'its high watermark lags');
  });

  test('a walk that finds another history behind the checkpoint: truncated where the leadership ended, shared otherwise', () => {
    const known = facts({ checkpoint: checkpoint(), exactlyOnce: true, policy: GOING_ON, epochEnd: 55n });
    const at = (sourceOffset: bigint, isSourceShort = false) =>
      planDiverged(known, { sourceOffset, upTo: 60n, isSourceShort, where: 'there' });
    assert.deepEqual([at(55n).kind, at(57n).kind, at(54n).kind], ['break', 'break', 'pause']);
    assert.equal(at(54n, true).kind, 'break', 'the source has fewer records');
    const shared = at(54n);
    assert.equal(shared.kind === 'pause' && shared.code, 'TARGET_SHARED');
  });

  test('a target that lost what it acknowledged: waited for, then paused or copied again from where the run says', () => {
    const short = (changes: Partial<StartFacts>) =>
      planStart(facts({ checkpoint: checkpoint({ released: true }), targetEnd: 30n, ...changes }));
    assert.equal(short({}).kind, 'wait');
    const paused = short({ isTargetSettled: true });
    assert.ok(paused.kind === 'pause' && paused.code === 'TARGET_TRUNCATED');
    assert.match(paused.message, /\[40, 50\)/);
    const broken = short({ isTargetSettled: true, policy: GOING_ON });
    assert.deepEqual(broken.kind === 'break' && [broken.cause, broken.from], ['target-truncated', 40n]);
    const regrown = short({ targetLostFrom: 30n, targetEnd: 60n, policy: GOING_ON });
    assert.deepEqual(regrown.kind === 'break' && regrown.from, 40n, 'also where it grew past the checkpoint since');
    const before = planStart(
      facts({
        checkpoint: checkpoint({ runSourceStart: 45n, runTargetStart: 35n }),
        targetEnd: 30n,
        isTargetSettled: true,
        policy: GOING_ON,
      }),
    );
    assert.ok(before.kind === 'pause', 'before the run nobody knows which record lies where');
    assert.match(before.message, /at most/);
  });
});

describe('4.2 a timeline that follows another', () => {
  const former = (changes: Partial<Checkpoint> = {}) => checkpoint({ released: true, ...changes });
  const next = (
    origin: NonNullable<StartFacts['item']['origin']>,
    changes: Partial<StartFacts> = {},
    item: Partial<StartFacts['item']> = {},
  ) => planStart(facts({ former: former(), policy: GOING_ON, ...changes }, { timeline: 2, origin, ...item }));
  const brokenOf = (plan: ReturnType<typeof planStart>) => {
    if (plan.kind !== 'begin') return plan.kind;
    const { firstOffset, lastOffset, bound, breaks } = plan.broken ?? {};
    return [firstOffset, lastOffset, bound, breaks?.kind, breaks?.timeline, breaks?.targetOffset];
  };

  test('truncated source: it begins where the logs part, and the stranded copies are declared', () => {
    const plan = next({ cause: 'source-truncated', from: 45n, former: 1 });
    assert.deepEqual(brokenOf(plan), [45, 49, 'exact', 'diverged', 1, 40]);
    assert.ok(plan.kind === 'begin' && plan.sourceOffset === 45n && plan.broken?.breaks?.copies?.firstOffset === 35);
    const unsure = next({ cause: 'source-truncated', from: 45n, former: 1 }, { targetEnd: 43n });
    assert.deepEqual(brokenOf(unsure), [45, 52, 'at-most', 'diverged', 1, 43]);
  });

  test('recreated source: from its first record; what of the old one was known and not copied is declared', () => {
    const origin = { cause: 'source-recreated', from: 'start', former: 1 } as const;
    const old = former({ sourceTopicId: 'old' });
    const changes = { former: old, formerSourceEnd: 70n, sourceEarliest: 3n };
    const plan = next(origin, changes, { start: 'beginning' });
    assert.deepEqual(brokenOf(plan), [50, 69, 'at-least', 'gap', 1, 40]);
    assert.ok(plan.kind === 'begin' && plan.broken?.breaks?.sourceTopicId === 'old');
    assert.ok(plan.kind === 'begin' && plan.lost?.lastOffset === 2, 'and what the new one lost already');
    assert.deepEqual(brokenOf(next(origin, { formerSourceEnd: -1n })), [50, 49, 'at-least', 'gap', 1, 40]);
  });

  test('recreated target: on from the position, or from the start; either is declared', () => {
    const old = { former: former({ targetTopicId: 'old' }), targetEnd: 0n };
    const on = next({ cause: 'target-recreated', from: 'position', former: 1 }, old);
    assert.deepEqual(brokenOf(on), [0, 49, 'at-most', 'gap', 1, 0]);
    assert.ok(on.kind === 'begin' && on.sourceOffset === 50n);
    const again = next({ cause: 'target-recreated', from: 'start', former: 1 }, { ...old, sourceEarliest: 0n });
    assert.deepEqual(brokenOf(again), [0, 49, 'at-most', 'recopied', 1, 0]);
    const lost = next({ cause: 'target-recreated', from: 'position', former: 1 }, { ...old, former: undefined });
    assert.equal(lost.kind === 'pause' && lost.code, 'CHECKPOINT_MISSING');
  });

  test('truncated target, and an operator’s restart: copied again', () => {
    const target = next({ cause: 'target-truncated', from: 40n, former: 1 }, { targetEnd: 30n });
    assert.deepEqual(brokenOf(target), [40, 49, 'exact', 'recopied', 1, 30]);
    const operator = next({ cause: 'operator', from: 'start', former: 1 });
    assert.deepEqual(brokenOf(operator), [5, 49, 'at-most', 'recopied', 1, 40]);
  });

  test('5.8 exactly once, the log of a former owner that did not let go is closed first', () => {
    const origin = { cause: 'source-truncated', from: 45n, former: 1 } as const;
    const open = former({ released: false });
    const exact = { exactlyOnce: true, former: open };
    assert.equal(next(origin, exact).kind, 'close');
    assert.equal(next(origin, { ...exact, former: former() }).kind, 'begin');
    assert.equal(next(origin, { ...exact, targetTopicId: 'new' }).kind, 'begin', 'that log is gone');
    const closed = planClosed(facts({ ...exact, targetEnd: 44n }, { timeline: 2, origin }));
    assert.deepEqual(brokenOf(closed), [45, 53, 'at-most', 'diverged', 1, 44]);
  });

  test('once it has a pair, nothing is declared again', () => {
    const own = checkpoint({ timeline: 2, released: true });
    const plan = next({ cause: 'operator', from: 'start', former: 1 }, { checkpoint: own }, { started: true });
    assert.deepEqual(brokenOf(plan), [undefined, undefined, undefined, undefined, undefined, undefined]);
  });
});
