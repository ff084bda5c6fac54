import type { PlanPartition } from './plan-model.js';

/**
 * What a record costs beyond its bytes, in bytes: passed raw, 100-byte records take about 2.5 ns a byte and 1 KB records 1.7 ns
 * (design.md 5.1), which is 1.6 ns a byte and 0.1 us a record.
 */
const RECORD_COST_BYTES = 64;
/** What lags behind is wanted within this time: a worker with much to catch up has more to do than its rates say. */
const CATCH_UP_S = 600;
/** Yet it counts at most this many times what is copied now: a lag that is only waited for costs nothing. */
const MAX_CATCH_UP_FACTOR = 3;

export interface MeasuredRates {
  readonly bytesPerS: number;
  readonly recordsPerS: number;
  /** -1: unknown. */
  readonly lagRecords: number;
}

/** The cost of a partition to its worker, in bytes a second: linear in bytes and records, with what has to be caught up. */
export function loadOf({ bytesPerS, recordsPerS, lagRecords }: MeasuredRates): number {
  const now = bytesPerS + RECORD_COST_BYTES * recordsPerS;
  if (lagRecords <= 0 || recordsPerS <= 0) return now;
  const catchUp = lagRecords / CATCH_UP_S / recordsPerS;
  return now * (1 + Math.min(catchUp, MAX_CATCH_UP_FACTOR - 1));
}

/** Where fewer are measured than this share, the others would be guessed from too little: partitions are only counted. */
const MIN_MEASURED_SHARE = 0.5;

/** The load of each partition, those not measured counting as the average; undefined where too few are measured. */
export function weigh(partitions: readonly PlanPartition[]): ((partition: PlanPartition) => number) | undefined {
  let measured = 0;
  let sum = 0;
  for (const { load } of partitions) {
    if (load === undefined) continue;
    measured++;
    sum += load;
  }
  if (measured === 0 || measured < partitions.length * MIN_MEASURED_SHARE || sum <= 0) return undefined;
  const mean = sum / measured;
  return ({ load }) => load ?? mean;
}
