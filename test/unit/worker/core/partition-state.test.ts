import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Stall } from '../../../../common/model/stalls.js';
import { PARTITION_STATES } from '../../../../common/model/status.js';
import {
  INITIAL_CONDITION,
  nextCondition,
  type PartitionCondition,
  type PartitionEvent,
  type PartitionPhase,
  type Reason,
  stateOf,
  TRANSITIONS,
  takesRecords,
} from '../../../../worker/core/partition-state.js';

const BEFORE: Reason = { code: 'KAFKA_ERROR', message: 'before' };
const AFTER: Reason = { code: 'TARGET_REFUSED', message: 'after' };
const STALL: Stall = { code: 'target-leaderless', message: 'nobody leads', since: '2026-01-01T00:00:00.000Z' };

/** Written down once more, by hand: phase by phase, what each event leads to. `.` stays as it is. */
const EXPECTED: Record<PartitionPhase, string> = {
  //               start     put-off     copy    pause  restart    fail        store   declare       declared drain
  starting: '      .         restarting  running paused restarting .           .       .             .        draining',
  restarting: '    starting  .           running paused .          .           .       .             .        draining',
  running: '       starting  restarting  .       paused restarting backing-off .       declaring-gap .        draining',
  'declaring-gap': 'starting restarting  .       paused restarting backing-off .       .             running  draining',
  'backing-off': ' starting  restarting  running paused restarting .           running .             running  draining',
  paused: '        starting  restarting  running .      restarting .           .       .             .        draining',
  draining: '      .         .           .       .      .          .           .       .             .        .',
};
const EVENTS = [
  { type: 'start' },
  { type: 'put-off', reason: AFTER },
  { type: 'copy' },
  { type: 'pause', reason: AFTER },
  { type: 'restart', reason: AFTER },
  { type: 'fail', reason: AFTER },
  { type: 'store' },
  { type: 'declare' },
  { type: 'declared' },
  { type: 'drain' },
] as const satisfies readonly PartitionEvent[];
const PHASES = Object.keys(EXPECTED) as PartitionPhase[];
/** The phase that an event's reason explains. */
const EXPLAINED = new Map<string, PartitionPhase>([
  ['put-off', 'restarting'],
  ['pause', 'paused'],
  ['restart', 'restarting'],
  ['fail', 'backing-off'],
]);

for (const phase of PHASES) {
  for (const [i, event] of EVENTS.entries()) {
    const word = EXPECTED[phase].trim().split(/\s+/)[i] as string;
    const next = word === '.' ? phase : (word as PartitionPhase);
    test(`${phase}: ${event.type} leads to ${next}`, () => {
      assert.equal(TRANSITIONS[phase][event.type], next);
      const condition: PartitionCondition = { phase, reason: BEFORE };
      const after = nextCondition(condition, event);
      assert.equal(after.phase, next);
      const expected = EXPLAINED.get(event.type) === next ? AFTER : next === phase ? BEFORE : undefined;
      assert.equal(after.reason, expected, 'the reason is that of the event which led here, and outlives no change');
      if (next === phase && expected === BEFORE)
        assert.equal(after, condition, 'nothing is made where nothing changes');
    });
  }
}

test('the table names every phase and event, and no others', () => {
  assert.deepEqual(Object.keys(TRANSITIONS).sort(), [...PHASES].sort());
  for (const phase of PHASES) {
    assert.deepEqual(Object.keys(TRANSITIONS[phase]).sort(), EVENTS.map(({ type }) => type).sort());
  }
});

for (const phase of PHASES) {
  test(`${phase}: a stall is ${phase === 'paused' ? 'no news' : 'shown beside what it does'}, and over when it moves`, () => {
    const stalled = nextCondition({ phase, reason: BEFORE }, { type: 'stall', stall: STALL });
    assert.equal(stalled.phase, phase);
    assert.equal(stalled.reason, BEFORE);
    assert.equal(stateOf(stalled), phase === 'paused' ? 'paused' : 'stalled');
    const later = { ...STALL, code: 'target-unreachable' } as const;
    assert.equal(
      nextCondition(stalled, { type: 'stall', stall: later }).stall,
      phase === 'paused' ? undefined : later,
      'the cause may change',
    );
    const moved = nextCondition(stalled, { type: 'move' });
    assert.deepEqual(moved, { phase, reason: BEFORE });
    assert.equal(nextCondition(moved, { type: 'move' }), moved);
  });

  for (const event of EVENTS) {
    test(`${phase}, stalled: after ${event.type} it is stalled still, unless it copies now or is paused`, () => {
      if (phase === 'paused') return;
      const { phase: next, stall } = nextCondition({ phase, stall: STALL }, event);
      const over = (next === 'running' && phase !== 'running') || next === 'paused';
      assert.equal(stall, over ? undefined : STALL);
    });
  }
}

test('records are taken from the source while it copies, writes a gap down, or waits for the target', () => {
  const taking = PHASES.filter(takesRecords);
  assert.deepEqual(taking.sort(), ['backing-off', 'declaring-gap', 'running']);
});

test('operators see every state that is listed, and no other', () => {
  const seen = new Set(PHASES.flatMap((phase) => [stateOf({ phase }), stateOf({ phase, stall: STALL })]));
  assert.deepEqual([...seen].sort(), [...PARTITION_STATES].sort());
  assert.equal(stateOf(INITIAL_CONDITION), 'starting');
});
