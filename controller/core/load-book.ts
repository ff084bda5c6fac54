import { refKey } from '../../common/model/assignment.js';
import { isCuredByMove } from '../../common/model/stalls.js';
import type { PartitionStatus, WorkerStatus } from '../../common/model/status.js';
import type { LiveWorker } from '../../common/model/worker.js';
import { loadOf } from './load.js';
import type { LoadPolicy } from './plan-model.js';
import { fairShares } from './quotas.js';

/** About how far the loads look back: longer than a burst, shorter than a change of the hour. */
const HORIZON_MS = 120_000;
/** What a worker said of a partition's state is believed for so long. */
const TRUST_MS = 60_000;
/** What no worker has told of for so long is forgotten. */
const FORGET_MS = 3_600_000;

export interface LoadBookSettings {
  /** A partition that stands still for so long is stuck. */
  readonly stuckAfterMs: number;
  /** A partition that moved is not moved again for load, and not because it is stuck, for so long. */
  readonly moveCooldownMs: number;
  /** How long measured loads need to mean something after partitions moved. */
  readonly settleMs: number;
}

/** What the planner asks of the book. */
export interface LoadFacts {
  /** Undefined: not measured yet. */
  loadOf(key: string): number | undefined;
  rests(key: string): boolean;
  readonly stuck: ReadonlySet<string>;
  /** It was last seen to look for its position, or to wait before it tries again. */
  isUnsettled(key: string): boolean;
}

interface Entry {
  worker: string;
  /** The stay at one worker: rates begin at zero with each. */
  incarnation: string;
  sinceMs: number;
  load: number | undefined;
  seenMs: number;
  sourceOffset: bigint;
  /** When the offset last changed; the stay's start before it did. */
  advancedMs: number;
  hasAdvanced: boolean;
  /** When it last was seen to stand for a reason of its own, or advanced: stuck is what waits longer. */
  contentMs: number;
  state: PartitionStatus['state'];
}

/** What the workers tell of their partitions, smoothed: the leader's memory of one reign. Time comes in. */
export class LoadBook {
  readonly #settings: LoadBookSettings;
  readonly #entries = new Map<string, Entry>();
  readonly #movedMs = new Map<string, number>();
  #disturbedMs: number;
  #unsettled: ReadonlySet<string> = new Set();
  #settlements = 0;

  constructor(settings: LoadBookSettings, nowMs: number) {
    this.#settings = settings;
    this.#disturbedMs = nowMs;
  }

  observe(statuses: Iterable<WorkerStatus>, nowMs: number): void {
    for (const { worker, incarnation, partitions } of statuses) {
      for (const status of partitions) this.#note(worker, incarnation, status, nowMs);
    }
    for (const [key, { seenMs }] of this.#entries) if (nowMs - seenMs > FORGET_MS) this.#entries.delete(key);
    const { moveCooldownMs } = this.#settings;
    for (const [key, movedMs] of this.#movedMs) if (nowMs - movedMs > moveCooldownMs) this.#movedMs.delete(key);
    this.#noteUnsettled(nowMs);
  }

  /** Grows whenever a partition runs again, or is not heard of any more, that was being waited for. */
  get settlements(): number {
    return this.#settlements;
  }

  /** A partition began to move for a reason that may come back: it rests now. */
  moved(key: string, nowMs: number): void {
    this.#movedMs.set(key, nowMs);
  }

  /** Partitions changed hands: what is measured now does not show what will be. */
  disturbed(nowMs: number): void {
    this.#disturbedMs = nowMs;
  }

  isCalm(nowMs: number): boolean {
    return nowMs - this.#disturbedMs >= this.#settings.settleMs;
  }

  facts(nowMs: number): LoadFacts {
    const { moveCooldownMs } = this.#settings;
    return {
      loadOf: (key) => this.#entries.get(key)?.load,
      rests: (key) => nowMs - (this.#movedMs.get(key) ?? Number.NEGATIVE_INFINITY) < moveCooldownMs,
      stuck: this.#stuck(nowMs),
      isUnsettled: (key) => this.#unsettled.has(key),
    };
  }

  /** Would a plan find something to do that it did not find without loads? Cheaper than a plan, and not exact: pools are not known here. */
  isWorthAPlan(workers: ReadonlyMap<string, LiveWorker>, policy: LoadPolicy, nowMs: number): boolean {
    for (const key of this.#stuck(nowMs)) if (!this.#movedMs.has(key)) return true;
    const loads = new Map<string, number>();
    for (const { worker, load } of this.#entries.values()) {
      if (load !== undefined) loads.set(worker, (loads.get(worker) ?? 0) + load);
    }
    const living = [...workers.values()].filter(({ leaving }) => !leaving);
    const total = living.reduce((sum, { worker }) => sum + (loads.get(worker) ?? 0), 0);
    const shares = fairShares(living, total);
    return living.some(({ worker, capacity }, i) => {
      const fair = shares[i] as number;
      return (loads.get(worker) ?? 0) > fair * (1 + policy.tolerance) + policy.floor * capacity;
    });
  }

  #noteUnsettled(nowMs: number): void {
    const unsettled = new Set<string>();
    for (const [key, { state, seenMs }] of this.#entries) {
      if ((state === 'starting' || state === 'backing-off') && nowMs - seenMs < TRUST_MS) unsettled.add(key);
    }
    for (const key of this.#unsettled) {
      if (unsettled.has(key)) continue;
      this.#settlements++;
      break;
    }
    this.#unsettled = unsettled;
  }

  #note(worker: string, incarnation: string, status: PartitionStatus, nowMs: number): void {
    const key = refKey(status);
    const { sourceOffset } = status;
    let entry = this.#entries.get(key);
    if (entry === undefined || entry.incarnation !== incarnation) {
      // The load stays what it was: a move changes who carries it.
      const load = entry?.load;
      const times = { sinceMs: nowMs, seenMs: nowMs, advancedMs: nowMs, contentMs: nowMs };
      const { state } = status;
      entry = { worker, incarnation, load, sourceOffset, hasAdvanced: false, state, ...times };
      this.#entries.set(key, entry);
    }
    if (sourceOffset !== entry.sourceOffset) {
      entry.sourceOffset = sourceOffset;
      entry.advancedMs = nowMs;
      entry.hasAdvanced = true;
    }
    if (entry.advancedMs === nowMs || !waits(status)) entry.contentMs = nowMs;
    entry.state = status.state;
    const elapsedMs = nowMs - entry.seenMs;
    entry.seenMs = nowMs;
    // A worker's averages begin at zero: they need a while to be about the partition.
    if (status.state !== 'running' || nowMs - entry.sinceMs < this.#settings.settleMs / 2) return;
    const load = loadOf(status);
    const weight = 1 - Math.exp(-elapsedMs / HORIZON_MS);
    entry.load = entry.load === undefined ? load : entry.load + weight * (load - entry.load);
  }

  /**
   * Partitions that stand still while others of their worker advance. Where half of the workers have such, the fault is at a broker
   * or in the topics, and no other worker would do better: then there are none.
   */
  #stuck(nowMs: number): Set<string> {
    const { stuckAfterMs } = this.#settings;
    const stuckAt = new Map<string, string[]>();
    const advancing = new Set<string>();
    const workers = new Set<string>();
    for (const [key, { worker, seenMs, contentMs, advancedMs, hasAdvanced }] of this.#entries) {
      if (nowMs - seenMs >= stuckAfterMs) continue;
      workers.add(worker);
      if (nowMs - contentMs >= stuckAfterMs) stuckAt.set(worker, [...(stuckAt.get(worker) ?? []), key]);
      else if (hasAdvanced && nowMs - advancedMs < stuckAfterMs) advancing.add(worker);
    }
    if (stuckAt.size * 2 > workers.size) return new Set();
    return new Set([...stuckAt].flatMap(([worker, keys]) => (advancing.has(worker) ? keys : [])));
  }
}

/** There is something to copy, nobody said that it should not be copied now, and another worker might do better. */
function waits({ state, stall, throttledBy, lagRecords }: PartitionStatus): boolean {
  // A cluster without a leader is without one for every worker.
  if (stall !== undefined) return isCuredByMove(stall.code);
  if (throttledBy !== undefined) return false;
  if (state === 'running') return lagRecords > 0;
  return state === 'starting' || state === 'backing-off';
}
