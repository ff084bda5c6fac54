import { createHash } from 'node:crypto';

/** A source partition; topics without ids go by their names. */
export interface SourcePlace {
  readonly topic: string;
  readonly topicId: string | null;
  readonly partition: number;
}

const RANGE = 2 ** 32;

/**
 * Whether a record belongs to a sample: by a hash of its source topic, partition and offset, so that whoever reads it again decides the
 * same, and that two rules of a route draw different samples.
 */
export class Sampler {
  readonly #seed: readonly [number, number];
  readonly #below: number;

  constructor(rule: string, { topic, topicId, partition }: SourcePlace, fraction: number) {
    const digest = createHash('sha256')
      .update(`${rule}\0${topicId ?? topic}\0${partition}`)
      .digest();
    this.#seed = [digest.readUInt32LE(0), digest.readUInt32LE(4)];
    this.#below = fraction * RANGE;
  }

  has(offset: number): boolean {
    const high = mixed((Math.floor(offset / RANGE) ^ this.#seed[0]) >>> 0);
    return mixed((mixed(((offset % RANGE) ^ this.#seed[1]) >>> 0) ^ high) >>> 0) < this.#below;
  }
}

/** The finalizer of MurmurHash3: every bit in decides about every bit out. */
function mixed(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
