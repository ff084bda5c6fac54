import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FAULT_KINDS, specOf } from '../../chaos/catalogue.js';
import {
  BROKERS,
  MAX_AT_ONCE,
  type PlannedFault,
  placesOf,
  planLine,
  planOf,
  TAIL_MS,
  WORKERS,
} from '../../chaos/plan.js';

const SEEDS = Array.from({ length: 200 }, (_, i) => i * 7_919);
const durationMs = 30 * 60_000;
const planFor = (seed: number) => planOf({ seed, durationMs, kinds: FAULT_KINDS });
const endOf = ({ atMs, forMs }: PlannedFault): number => atMs + forMs;

/** What lasts at the moment this fault begins, itself included. */
function lastingAt(plan: readonly PlannedFault[], moment: PlannedFault): PlannedFault[] {
  return plan.filter((fault) => fault.atMs <= moment.atMs && endOf(fault) > moment.atMs);
}

describe('the plan of faults', () => {
  test('the same seed gives the same plan, another seed another one', () => {
    assert.deepEqual(planFor(1), planFor(1));
    assert.notDeepEqual(planFor(1), planFor(2));
    assert.ok(planFor(1).length > 100);
  });

  test('a plan for a shorter time is the beginning of the longer one', () => {
    const short = planOf({ seed: 5, durationMs: 3 * 60_000, kinds: FAULT_KINDS });
    assert.ok(short.length > 10);
    assert.deepEqual(short, planFor(5).slice(0, short.length));
  });

  test('every fault comes once in as many draws as there are faults', () => {
    for (const seed of SEEDS.slice(0, 20)) {
      const first = planFor(seed).slice(0, FAULT_KINDS.length);
      assert.deepEqual(first.map(({ kind }) => kind).sort(), [...FAULT_KINDS].sort());
    }
  });

  test('every worker and every broker is struck sooner or later', () => {
    const slots = new Set(planFor(3).map(({ kind, slot }) => `${kind} ${slot}`));
    for (let slot = 0; slot < WORKERS; slot += 1) assert.ok(slots.has(`kill-worker ${slot}`));
    for (let slot = 0; slot < BROKERS; slot += 1) assert.ok(slots.has(`bounce-target ${slot}`));
  });

  test('no place is struck twice at once, few faults last at once, and one worker at least is left alone', () => {
    for (const seed of SEEDS) {
      const plan = planFor(seed);
      for (const fault of plan) {
        const lasting = lastingAt(plan, fault);
        assert.ok(lasting.length <= MAX_AT_ONCE, `seed ${seed}`);
        const places = lasting.flatMap(placesOf);
        assert.equal(new Set(places).size, places.length, `seed ${seed}: ${lasting.map(planLine).join(' | ')}`);
        assert.ok(places.filter((place) => place.startsWith('worker-')).length < WORKERS);
      }
    }
  });

  test('what was struck is left in peace for a while, so that the next fault finds it well', () => {
    for (const seed of SEEDS.slice(0, 50)) {
      const lastEnd = new Map<string, number>();
      for (const fault of planFor(seed)) {
        for (const place of placesOf(fault)) {
          const end = lastEnd.get(place);
          if (end !== undefined) assert.ok(fault.atMs - end >= 5_000, `seed ${seed}: ${planLine(fault)}`);
          lastEnd.set(place, endOf(fault));
        }
      }
    }
  });

  test('faults begin in order, last as long as their kind says, and are over before the end', () => {
    for (const seed of SEEDS) {
      let last = 0;
      for (const [index, fault] of planFor(seed).entries()) {
        const { minMs, maxMs } = specOf(fault.kind);
        assert.equal(fault.number, index + 1);
        assert.ok(fault.atMs >= last);
        assert.ok(fault.forMs >= minMs && fault.forMs <= maxMs);
        assert.ok(endOf(fault) <= durationMs - TAIL_MS);
        last = fault.atMs;
      }
    }
  });

  test('with one kind there is a plan of that kind alone, one after the other', () => {
    const plan = planOf({ seed: 9, durationMs: 3 * 60_000, kinds: ['zookeeper-outage'] });
    assert.ok(plan.length > 5);
    for (const [index, fault] of plan.entries()) {
      assert.equal(fault.kind, 'zookeeper-outage');
      if (index > 0) assert.ok(fault.atMs > endOf(plan[index - 1] as PlannedFault));
    }
  });

  test('too short a time has no fault in it', () => {
    assert.deepEqual(planOf({ seed: 1, durationMs: 5_000, kinds: FAULT_KINDS }), []);
  });
});
