import { type Command, InvalidArgumentError } from 'commander';
import { CausewayError } from '../common/errors/error.js';
import type { RateLimits } from '../common/model/route.js';
import { megabytes } from './numbers.js';

type Bound = number | 'none';

export interface LimitOptions {
  readonly bytesPerS?: Bound;
  readonly recordsPerS?: Bound;
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
};

/** A number with an optional unit (1500000, 1.5M, 1.5MB, 2MiB), or `none`. */
export function rate(text: string): Bound {
  if (text === 'none') return 'none';
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*((?:[kMG]|[KMG]i)?)B?$/.exec(text) ?? [];
  const value = Math.round(Number(digits) * (UNITS[unit] ?? Number.NaN));
  if (digits !== '' && Number.isSafeInteger(value) && value >= 1) return value;
  throw new InvalidArgumentError('It must be a number such as 1500000, 1.5M or 2MiB, or "none".');
}

export function addLimitOptions(command: Command): Command {
  return command
    .option('--bytes-per-s <rate>', 'bytes a second, such as 1.5M or 2MiB; "none" removes the bound', rate)
    .option('--records-per-s <rate>', 'records a second; "none" removes the bound', rate);
}

/** @throws USAGE where nothing is to be changed */
export function checkLimitOptions({ bytesPerS, recordsPerS }: LimitOptions): void {
  if (bytesPerS !== undefined || recordsPerS !== undefined) return;
  throw new CausewayError('USAGE', 'which limit?', { fix: 'Give --bytes-per-s, --records-per-s or both.' });
}

/** A bound that is not named stays as it is. */
export function changedLimits(
  present: { readonly [K in keyof RateLimits]: RateLimits[K] | undefined },
  { bytesPerS = present.bytesPerS ?? 'none', recordsPerS = present.recordsPerS ?? 'none' }: LimitOptions,
): RateLimits {
  return {
    ...(bytesPerS === 'none' ? {} : { bytesPerS }),
    ...(recordsPerS === 'none' ? {} : { recordsPerS }),
  };
}

/** As a cell of a table. */
export function limitsText({
  bytesPerS,
  recordsPerS,
}: { readonly [K in keyof RateLimits]: RateLimits[K] | undefined }): string {
  const bounds = [
    ...(bytesPerS === undefined ? [] : [`${megabytes(bytesPerS)}MB/s`]),
    ...(recordsPerS === undefined ? [] : [`${recordsPerS}records/s`]),
  ];
  return bounds.length === 0 ? '-' : bounds.join(',');
}
