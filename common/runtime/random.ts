import { randomBytes, randomUUID } from 'node:crypto';

/** All randomness comes through here, so that a run can be repeated from a seed. */
export interface Random {
  /** Uniform in [0, 1). */
  unit(): number;
  /** A fresh UUID (v4). */
  uuid(): string;
}

export const systemRandom: Random = {
  unit: () => randomBytes(4).readUInt32BE(0) / 2 ** 32,
  uuid: () => randomUUID(),
};

/** Deterministic randomness (mulberry32) for tests, benchmarks and simulation. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const unit = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => Math.floor(unit() * 16).toString(16)).join('');
  return { unit, uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}` };
}
