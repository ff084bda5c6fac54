import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Checkpoint } from '../../../../common/model/checkpoint.js';
import { planStart, planWalked, type StartFacts } from '../../../../worker/core/start-position.js';

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
    sourceEarliest: 5n,
    sourceLatest: 100n,
    targetEnd: 40n,
    exactlyOnce: false,
    ...changes,
  };
}

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
