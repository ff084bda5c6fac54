import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Glance, hasWork, type Watched, watched } from '../../../../worker/core/stall-watch.js';

const IDLE: Glance = {
  phase: 'running',
  started: true,
  settledNext: 10,
  batches: 0,
  sourceEnd: 10,
  highWatermark: 10,
  isBlind: false,
};

/** Looks once a second; gives for how long it has not moved after the last one. */
function standsMs(glances: readonly Partial<Glance>[]): number {
  let seen: Watched | undefined;
  for (const [second, glance] of glances.entries()) seen = watched(seen, { ...IDLE, ...glance }, second * 1_000);
  return (glances.length - 1) * 1_000 - (seen?.movedMs ?? 0);
}
const times = (count: number, glance: Partial<Glance>): Partial<Glance>[] => Array(count).fill(glance);

describe('a partition that is watched', () => {
  test('has work while records, batches, a start or a handover wait, or nobody knows', () => {
    assert.equal(hasWork(IDLE), false);
    assert.equal(hasWork({ ...IDLE, sourceEnd: 11 }), true);
    assert.equal(hasWork({ ...IDLE, highWatermark: 11 }), true, 'an open transaction');
    assert.equal(hasWork({ ...IDLE, sourceEnd: -1, highWatermark: -1 }), false);
    assert.equal(hasWork({ ...IDLE, batches: 1 }), true);
    assert.equal(hasWork({ ...IDLE, isBlind: true }), true);
    for (const phase of ['starting', 'restarting', 'draining'] as const) {
      assert.equal(hasWork({ ...IDLE, phase }), true, phase);
    }
    assert.equal(hasWork({ ...IDLE, phase: 'paused', sourceEnd: 99 }), false, 'it knows why it stands');
    for (const phase of ['declaring-gap', 'backing-off'] as const) {
      assert.equal(hasWork({ ...IDLE, phase }), false, phase);
      assert.equal(hasWork({ ...IDLE, phase, sourceEnd: 11 }), true, phase);
    }
  });

  test('stands from its last movement on, not from when the record came', () => {
    assert.equal(standsMs([{}, {}, ...times(5, { sourceEnd: 20 })]), 5_000);
    assert.equal(standsMs([...times(5, { sourceEnd: 20 }), { sourceEnd: 20, settledNext: 11 }]), 0);
    assert.equal(standsMs([...times(5, { sourceEnd: 20 }), {}]), 0, 'nothing left to do');
  });

  test('has not moved by being read, or by being begun again and again', () => {
    const restarts = [{ phase: 'running' }, { phase: 'restarting' }, { phase: 'starting' }] as const;
    assert.equal(standsMs([...restarts, ...restarts].map((glance) => ({ ...glance, sourceEnd: 20 }))), 5_000);
    assert.equal(standsMs([{ sourceEnd: 20 }, { sourceEnd: 30, batches: 4 }, { sourceEnd: 40, batches: 9 }]), 2_000);
  });

  test('its first beginning is a movement', () => {
    const begins = [...times(9, { phase: 'starting', started: false }), { sourceEnd: 20, started: true }] as const;
    assert.equal(standsMs(begins), 0);
  });

  test('what was paused counts from when it was let go on', () => {
    assert.equal(standsMs([...times(9, { phase: 'paused', sourceEnd: 20 }), ...times(3, { sourceEnd: 20 })]), 3_000);
  });
});
