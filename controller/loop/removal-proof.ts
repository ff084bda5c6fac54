import type { CoordinationStore, StoreNode } from '../../common/coordination/ports.js';

/** A parent of records when they were first read: removals in good order are counted from there. */
interface Baseline {
  readonly version: number;
  readonly createdAt: bigint;
  /** Removals believed since. */
  believed: number;
}

/** What tells a record that was removed in good order from one that vanished (a wiped store, a node deleted by hand). */
export type RemovalRule<T> =
  /** Whoever removes a record sets its parent in the same multi, so that the parent's version grows by one. */
  | {
      readonly kind: 'counted';
      /** The parent itself was removed in good order: it belonged to something that is gone, or was made anew, since it was made. */
      readonly mayLoseParent?: (parent: string, createdAt: bigint) => boolean;
    }
  /** Nobody removes such a record while it says this. */
  | { readonly kind: 'kept'; readonly while: (value: T) => boolean };

/** Judges which of the records that are not there any more were removed, and which are to be kept as they were (reliability.md A8, A15). */
export class RemovalProof<T> {
  readonly #store: CoordinationStore;
  readonly #rule: RemovalRule<T>;
  readonly #baselines = new Map<string, Baseline>();

  constructor(store: CoordinationStore, rule: RemovalRule<T>) {
    this.#store = store;
    this.#rule = rule;
  }

  /** To be called before a parent's records are listed: what is removed between the two is counted and not missed. */
  async begin(parentPath: string): Promise<void> {
    if (this.#rule.kind !== 'counted' || this.#baselines.has(parentPath)) return;
    const node = await this.#store.get(parentPath);
    if (node !== undefined) this.#baselines.set(parentPath, baselineOf(node));
  }

  /** @returns the keys, of records below one parent that are gone, which vanished: nobody removed them in good order */
  async vanished(parentPath: string, parent: string, gone: ReadonlyMap<string, T>): Promise<readonly string[]> {
    const rule = this.#rule;
    if (rule.kind === 'kept') return [...gone].filter(([, value]) => rule.while(value)).map(([key]) => key);
    const baseline = this.#baselines.get(parentPath);
    const node = await this.#store.get(parentPath);
    if (baseline === undefined) return [...gone.keys()];
    if (node === undefined || node.createdAt !== baseline.createdAt) {
      if (rule.mayLoseParent?.(parent, baseline.createdAt) !== true) return [...gone.keys()];
      if (node === undefined) this.#baselines.delete(parentPath);
      else this.#baselines.set(parentPath, baselineOf(node));
      return [];
    }
    if (gone.size > node.version - baseline.version - baseline.believed) return [...gone.keys()];
    baseline.believed += gone.size;
    return [];
  }
}

const baselineOf = ({ version, createdAt }: StoreNode): Baseline => ({ version, createdAt, believed: 0 });
