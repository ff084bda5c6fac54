import { type Random, seededRandom } from '../../common/runtime/random.js';
import { type FaultKind, type Place, specOf } from './catalogue.js';

export const WORKERS = 3;
export const CONTROLLERS = 2;
export const BROKERS = 2;

/** A fault at its time: all that is left to chance is decided here. */
export interface PlannedFault {
  /** 1, 2, 3... in the order of their begin. */
  readonly number: number;
  readonly kind: FaultKind;
  /** Since the begin of the plan. */
  readonly atMs: number;
  readonly forMs: number;
  /** Which worker or broker, from 0. */
  readonly slot: number;
  /** 0 to 1: chooses among the ways of doing it. */
  readonly variant: number;
}

export interface PlanOptions {
  readonly seed: number;
  readonly durationMs: number;
  /** At least one. */
  readonly kinds: readonly FaultKind[];
}

/** Copying is seen to run before anything goes wrong, and for a while after the last fault. */
const FIRST_AT_MS = 4_000;
export const TAIL_MS = 6_000;
const MIN_GAP_MS = 500;
const MAX_GAP_MS = 4_000;
/** With three workers one is always left alone: no fault touches more than one of them. */
export const MAX_AT_ONCE = 2;
/** How long a place is left in peace after a fault: what was started again may find its way in. */
const SETTLE_MS: Readonly<Record<Place, number>> = {
  worker: 5_000,
  controllers: 6_000,
  zookeeper: 6_000,
  source: 7_000,
  target: 7_000,
};

/** Where a fault strikes; workers one by one, clusters as a whole: of two brokers one must serve. */
export function placesOf({ kind, slot }: Pick<PlannedFault, 'kind' | 'slot'>): string[] {
  return specOf(kind).touches.map((place) => (place === 'worker' ? `worker-${slot}` : place));
}

/**
 * A pure function of its options. Kinds are drawn from a bag that is filled again when it is empty: each comes once in as many draws as
 * there are kinds. A fault waits until its places are free and fewer than MAX_AT_ONCE others last; all are over before the end.
 */
export function planOf({ seed, durationMs, kinds }: PlanOptions): readonly PlannedFault[] {
  const random = seededRandom(seed);
  const plan: PlannedFault[] = [];
  const freeAt = new Map<string, number>();
  let bag: FaultKind[] = [];
  let from = FIRST_AT_MS;
  for (;;) {
    if (bag.length === 0) bag = shuffled(kinds, random);
    const kind = bag.pop();
    if (kind === undefined) return plan;
    const drawn = draw(kind, random);
    const places = placesOf(drawn);
    const earliest = Math.max(from, ...places.map((place) => freeAt.get(place) ?? 0));
    const fault: PlannedFault = { number: plan.length + 1, ...drawn, atMs: whenFewer(plan, earliest) };
    const endMs = fault.atMs + fault.forMs;
    if (endMs > durationMs - TAIL_MS) return plan;
    plan.push(fault);
    for (const [index, place] of places.entries()) {
      freeAt.set(place, endMs + SETTLE_MS[specOf(kind).touches[index] as Place]);
    }
    from = fault.atMs + between(random, MIN_GAP_MS, MAX_GAP_MS);
  }
}

function draw(kind: FaultKind, random: Random): Omit<PlannedFault, 'number' | 'atMs'> {
  const { touches, minMs, maxMs } = specOf(kind);
  const slots = touches.includes('worker') ? WORKERS : BROKERS;
  const slot = Math.floor(random.unit() * slots);
  return { kind, slot, variant: random.unit(), forMs: between(random, minMs, maxMs) };
}

/** The first moment from `earliest` on at which fewer than MAX_AT_ONCE faults last. */
function whenFewer(plan: readonly PlannedFault[], earliest: number): number {
  const ends = plan
    .map(({ atMs, forMs }) => atMs + forMs)
    .filter((endMs) => endMs > earliest)
    .sort((a, b) => a - b);
  return ends.length < MAX_AT_ONCE ? earliest : (ends[ends.length - MAX_AT_ONCE] as number);
}

function between(random: Random, least: number, most: number): number {
  return Math.round(least + random.unit() * (most - least));
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random.unit() * (i + 1));
    [copy[i], copy[j]] = [copy[j] as T, copy[i] as T];
  }
  return copy;
}

/** `  12.3 s to   18.0 s  stop-worker (worker 2)`: one line of a plan. */
export function planLine({ kind, atMs, forMs, slot }: PlannedFault): string {
  const seconds = (ms: number) => (ms / 1_000).toFixed(1).padStart(6);
  const touched = specOf(kind).touches.flatMap((place) => {
    if (place === 'worker') return [`worker ${slot + 1}`];
    return place === 'source' || place === 'target' ? [`${place} broker ${brokerOf(slot)}`] : [];
  });
  const where = touched.length === 0 ? '' : ` (${touched.join(', ')})`;
  return `${seconds(atMs)} s to ${seconds(atMs + forMs)} s  ${kind}${where}`;
}

/** The id, from 1, of the broker that a slot means. */
export function brokerOf(slot: number): number {
  return (slot % BROKERS) + 1;
}
