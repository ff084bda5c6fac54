import type { CoordinationStore, StoreNode } from '../../common/coordination/ports.js';
import { type CausewayError, isCausewayError } from '../../common/errors/error.js';
import { mapLimited } from '../../common/runtime/map-limited.js';
import { recordVanished, rootMissing } from './record-faults.js';
import { RemovalProof, type RemovalRule } from './removal-proof.js';

/** Requests to the store under way at once while an area is read. */
const READ_CONCURRENCY = 64;

/** A record as last read. `stale`: the node holds something unreadable now, the value is the last good one. */
export interface Seen<T> {
  readonly value: T;
  readonly version: number;
  /** Orders nodes by their making. */
  readonly createdAt: bigint;
  readonly stale: boolean;
}

export interface AreaOptions<T> {
  readonly store: CoordinationStore;
  readonly root: string;
  /** 1: `<area>/name`; 2: `<area>/parent/name`, keyed `parent/name`. */
  readonly depth: 1 | 2;
  /** Reads the record of a node; may read more nodes below it. */
  readonly decode: (node: StoreNode, path: string) => T | Promise<T>;
  readonly onCorrupt: (path: string, error: unknown) => void;
  /** Without: what is not there was removed. */
  readonly removal?: RemovalRule<T>;
}

/**
 * All records below one path, re-read when something said so. A node that cannot be decoded keeps its last good value; one that never
 * was good is listed as unreadable, so that nobody takes it for absent (reliability.md A15).
 */
export class RecordArea<T> {
  readonly #options: AreaOptions<T>;
  #seen = new Map<string, Seen<T>>();
  #unreadable = new Map<string, number>();
  /** What is to be read again; `all`: everything, names included. */
  #dirty: Set<string> | 'all' = 'all';
  #revision = 0;
  /** Versions that were found corrupt: said once each. */
  readonly #saidCorrupt = new Map<string, string>();
  readonly #proof: RemovalProof<T> | undefined;
  #vanished: ReadonlySet<string> = new Set();
  readonly #faults = new Map<string, CausewayError>();
  #isRootMissing = false;

  constructor(options: AreaOptions<T>) {
    this.#options = options;
    this.#proof = options.removal === undefined ? undefined : new RemovalProof(options.store, options.removal);
  }

  /** Keys of records whose nodes are gone though nobody removed them in good order; their last good values are kept. */
  get vanished(): ReadonlySet<string> {
    return this.#vanished;
  }

  /** What is wrong with which node, the area's own included. */
  get faults(): readonly CausewayError[] {
    const { root } = this.#options;
    return [...(this.#isRootMissing ? [rootMissing(root)] : []), ...this.#faults.values()];
  }

  /** The area itself is not there: nothing can be said about its records. */
  get isRootMissing(): boolean {
    return this.#isRootMissing;
  }

  get entries(): ReadonlyMap<string, Seen<T>> {
    return this.#seen;
  }

  /** Keys of nodes without any good value, with the node's version. */
  get unreadable(): ReadonlyMap<string, number> {
    return this.#unreadable;
  }

  /** Grows whenever the content is not what it was. */
  get revision(): number {
    return this.#revision;
  }

  /** @param changed nodes that changed, at or below the area's root; undefined: any may have */
  invalidate(changed?: ReadonlySet<string>): void {
    if (this.#dirty === 'all') return;
    for (const path of changed ?? [this.#options.root]) {
      const key = this.#keyOf(path);
      if (key === undefined) {
        this.#dirty = 'all';
        return;
      }
      this.#dirty.add(key);
    }
  }

  /** Remembers what we wrote ourselves. */
  wrote(key: string, value: T, version: number): void {
    const createdAt = this.#seen.get(key)?.createdAt ?? 0n;
    this.#seen.set(key, { value, version, createdAt, stale: false });
    this.#vanished = without(this.#vanished, key);
    this.#faults.delete(key);
    this.#unreadable.delete(key);
    this.#revision++;
  }

  forget(key: string): void {
    this.#seen.delete(key);
    this.#vanished = without(this.#vanished, key);
    this.#faults.delete(key);
    this.#unreadable.delete(key);
    this.#revision++;
  }

  async refresh(): Promise<void> {
    const dirty = this.#dirty;
    if (dirty !== 'all' && dirty.size === 0) return;
    this.#dirty = new Set();
    try {
      if (dirty === 'all') await this.#readAll();
      else await this.#readSome([...dirty]);
    } catch (error) {
      this.#dirty = 'all';
      throw error;
    }
  }

  /** The record's key that a node belongs to (it, or a part below it); undefined for the area's root and the parents of its records. */
  #keyOf(path: string): string | undefined {
    const { root, depth } = this.#options;
    const names = path.startsWith(`${root}/`) ? path.slice(root.length + 1).split('/') : [];
    return names.length < depth ? undefined : names.slice(0, depth).join('/');
  }

  async #readSome(keys: readonly string[]): Promise<void> {
    const seen = new Map(this.#seen);
    const unreadable = new Map(this.#unreadable);
    await this.#read(keys, seen, unreadable);
    await this.#keep(seen, unreadable);
  }

  async #readAll(): Promise<void> {
    const { store, root, depth } = this.#options;
    if (depth === 1) await this.#proof?.begin(root);
    const names = await store.children(root);
    this.#isRootMissing = names === undefined;
    const keys =
      depth === 1
        ? (names ?? [])
        : (
            await mapLimited(names ?? [], READ_CONCURRENCY, async (parent) => {
              await this.#proof?.begin(`${root}/${parent}`);
              return ((await store.children(`${root}/${parent}`)) ?? []).map((name) => `${parent}/${name}`);
            })
          ).flat();
    const seen = new Map<string, Seen<T>>();
    const unreadable = new Map<string, number>();
    await this.#read(keys, seen, unreadable);
    await this.#keep(seen, unreadable);
    for (const key of this.#faults.keys()) if (!seen.has(key) && !unreadable.has(key)) this.#faults.delete(key);
  }

  async #read(keys: readonly string[], seen: Map<string, Seen<T>>, unreadable: Map<string, number>): Promise<void> {
    const { store, root } = this.#options;
    await mapLimited(keys, READ_CONCURRENCY, async (key) => {
      const node = await store.get(`${root}/${key}`);
      const record = node === undefined ? undefined : await this.#decode(key, node);
      seen.delete(key);
      unreadable.delete(key);
      if (node === undefined) this.#faults.delete(key);
      if (node === undefined) return;
      if (record === undefined) unreadable.set(key, node.version);
      else seen.set(key, record);
    });
  }

  async #keep(seen: Map<string, Seen<T>>, unreadable: Map<string, number>): Promise<void> {
    this.#vanished = await this.#restoreVanished(seen, unreadable);
    // It is looked again whether they are back, or were removed in good order after all.
    if (this.#vanished.size > 0) this.#dirty = 'all';
    if (!sameEntries(this.#seen, seen) || !sameEntries(this.#unreadable, unreadable)) this.#revision++;
    // Sorted, so that everything computed from it comes out in the same order.
    this.#seen = new Map([...seen].sort(([a], [b]) => (a < b ? -1 : 1)));
    this.#unreadable = unreadable;
  }

  /** Puts the last good values of records that vanished back among those that were read. */
  async #restoreVanished(seen: Map<string, Seen<T>>, unreadable: ReadonlyMap<string, number>): Promise<Set<string>> {
    const vanished = new Set<string>();
    if (this.#proof === undefined) return vanished;
    const { root } = this.#options;
    const gone = [...this.#seen].filter(([key]) => !seen.has(key) && !unreadable.has(key));
    for (const [parent, group] of this.#byParent(gone)) {
      for (const key of await this.#proof.vanished(parent === '' ? root : `${root}/${parent}`, parent, group)) {
        const last = this.#seen.get(key) as Seen<T>;
        seen.set(key, last.stale ? last : { ...last, stale: true });
        vanished.add(key);
      }
    }
    for (const key of vanished) {
      const error = recordVanished(`${root}/${key}`);
      this.#faults.set(key, error);
      if (!this.#vanished.has(key)) this.#options.onCorrupt(`${root}/${key}`, error);
    }
    return vanished;
  }

  /** Values by the node above theirs; of an area without such nodes all under ''. */
  #byParent(entries: readonly (readonly [string, Seen<T>])[]): ReadonlyMap<string, ReadonlyMap<string, T>> {
    const groups = new Map<string, Map<string, T>>();
    for (const [key, { value }] of entries) {
      const parent = this.#options.depth === 1 ? '' : key.slice(0, key.indexOf('/'));
      const group = groups.get(parent) ?? new Map<string, T>();
      groups.set(parent, group.set(key, value));
    }
    return groups;
  }

  async #decode(key: string, node: StoreNode): Promise<Seen<T> | undefined> {
    const path = `${this.#options.root}/${key}`;
    const before = this.#seen.get(key);
    const { version, createdAt } = node;
    if (before?.version === version && before.createdAt === createdAt) return before;
    try {
      const value = await this.#options.decode(node, path);
      this.#saidCorrupt.delete(key);
      this.#faults.delete(key);
      return { value, version, createdAt, stale: false };
    } catch (error) {
      if (!isCausewayError(error, 'NODE_CORRUPT')) throw error;
      this.#faults.set(key, error);
      const identity = `${createdAt}/${version}`;
      if (this.#saidCorrupt.get(key) !== identity) this.#options.onCorrupt(path, error);
      this.#saidCorrupt.set(key, identity);
      return before === undefined ? undefined : { value: before.value, version, createdAt, stale: true };
    }
  }
}

function without(keys: ReadonlySet<string>, key: string): ReadonlySet<string> {
  return keys.has(key) ? new Set([...keys].filter((other) => other !== key)) : keys;
}

function sameEntries<V>(a: ReadonlyMap<string, V>, b: ReadonlyMap<string, V>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of b) if (a.get(key) !== value) return false;
  return true;
}
