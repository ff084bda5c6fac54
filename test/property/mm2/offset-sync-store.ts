/** How a Java MirrorCheckpointTask would translate: org.apache.kafka.connect.mirror.OffsetSyncStore (Kafka 4.0) for one partition, once it has read its topic. */

export interface Sync {
  readonly upstream: bigint;
  readonly downstream: bigint;
}

const SYNCS = 64;

export class OffsetSyncStore {
  #syncs: Sync[] = [];

  /** Source offsets of the syncs that it keeps, in order. */
  get kept(): bigint[] {
    return [...new Set(this.#syncs.map(({ upstream }) => upstream))].reverse();
  }

  take(sync: Sync): void {
    const newest = this.#syncs[0];
    if (newest === undefined || sync.upstream < newest.upstream) this.#syncs = Array<Sync>(SYNCS).fill(sync);
    else this.#syncs = updated(this.#syncs, sync);
  }

  /** Undefined: no answer; -1: too old. */
  translate(upstream: bigint): bigint | undefined {
    const last = this.#syncs.at(-1);
    if (last === undefined) return undefined;
    const sync = this.#syncs.find((candidate) => candidate.upstream <= upstream) ?? last;
    if (sync.upstream > upstream) return -1n;
    return sync.downstream + (upstream === sync.upstream ? 0n : 1n);
  }
}

function updated(original: readonly Sync[], sync: Sync): Sync[] {
  const syncs = [...original];
  syncs[0] = sync;
  let replacement = sync;
  let index = 0;
  for (let current = 1; current < SYNCS; current += 1) {
    const previous = syncs[current - 1] as Sync;
    let skips: boolean;
    do {
      const old = original[index] as Sync;
      const next = syncs[current + 1];
      const isSeparate = isSeparated(previous, old, current - 1);
      const isApart = next === undefined || isSeparated(old, next, current);
      const isPromoted = isRecent(previous, old, current - 1, current) && isSeparate && isApart;
      if (isPromoted) replacement = old;
      skips = old === original[index + 1] || !isSeparate;
      if (isPromoted || skips) index += 1;
    } while (index < current && skips);
    if (isRecent(previous, syncs[current] as Sync, current - 1, current)) break;
    syncs[current] = replacement;
  }
  return syncs;
}

/** Invariant B. */
function isRecent(newer: Sync, older: Sync, i: number, j: number): boolean {
  const bound = BigInt.asIntN(64, older.upstream + (1n << BigInt(j)) - (1n << BigInt(i)));
  return newer === older || bound < 0n || newer.upstream <= bound;
}

/** Invariant C. */
function isSeparated(newer: Sync, older: Sync, i: number): boolean {
  const bound = BigInt.asIntN(64, older.upstream + (1n << BigInt(Math.max(i - 2, 0))));
  return newer === older || (bound >= 0n && newer.upstream >= bound);
}
