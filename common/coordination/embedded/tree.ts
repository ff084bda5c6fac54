import { invariant } from '../../errors/assert.js';
import { noChildrenAllowed, parentPath } from '../node-rules.js';
import { ANY_VERSION, type MultiOutcome, type StoreNode, type StoreOp } from '../ports.js';

/** What a transaction did to persistent nodes; enough to repeat it on another tree. */
export type TreeEffect =
  | {
      readonly type: 'put';
      readonly path: string;
      readonly version: number;
      readonly createdAt: bigint;
      readonly data: Buffer;
    }
  | { readonly type: 'remove'; readonly path: string };

export interface TreeChange {
  readonly outcome: MultiOutcome;
  /** Persistent part of the change; ephemeral nodes never reach the disk. */
  readonly effects: readonly TreeEffect[];
  /** Every path that changed, for hints. */
  readonly changed: readonly string[];
}

interface TreeNode {
  data: Buffer;
  version: number;
  readonly createdAt: bigint;
  readonly owner: bigint;
  readonly children: Set<string>;
}

type Refusal = Extract<MultiOutcome, { readonly applied: false }>['code'];

const EMPTY = Buffer.alloc(0);
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const newNode = (data: Buffer, createdAt: bigint, owner: bigint): TreeNode => ({
  data,
  version: 0,
  createdAt,
  owner,
  children: new Set(),
});

/** ZooKeeper's tree in memory: versions, ephemeral owners, all-or-nothing transactions. Knows no files, clocks or sessions. */
export class Tree {
  readonly #nodes = new Map<string, TreeNode>([['/', newNode(EMPTY, 0n, 0n)]]);
  /** Number of the last transaction; creation transactions come from it. */
  #transaction = 0n;

  get transaction(): bigint {
    return this.#transaction;
  }

  /** Transactions of this run get numbers above all earlier ones. */
  startAt(transaction: bigint): void {
    invariant(transaction >= this.#transaction, 'transaction numbers only grow');
    this.#transaction = transaction;
  }

  get(path: string): StoreNode | undefined {
    const node = this.#nodes.get(path);
    if (node === undefined) return undefined;
    // A copy: what a caller does to its buffer must not reach the tree.
    const { version, createdAt, owner } = node;
    return { data: Buffer.from(node.data), version, createdAt, ephemeralOwner: owner };
  }

  children(path: string): readonly string[] | undefined {
    const node = this.#nodes.get(path);
    return node === undefined ? undefined : [...node.children].sort();
  }

  /** Applies the operations as one transaction; ephemeral nodes are created for `owner`. */
  apply(ops: readonly StoreOp[], owner: bigint): TreeChange {
    const undo: (() => void)[] = [];
    const effects: TreeEffect[] = [];
    const versions: (number | undefined)[] = [];
    this.#transaction += 1n;
    for (const [index, op] of ops.entries()) {
      const result = this.#applyOne(op, owner, undo, effects);
      if (typeof result === 'string') {
        for (const step of undo.reverse()) step();
        return { outcome: { applied: false, index, code: result }, effects: [], changed: [] };
      }
      versions.push(result.version);
    }
    const changed = ops.filter((op) => op.type !== 'check').map((op) => op.path);
    return { outcome: { applied: true, versions }, effects, changed };
  }

  /** The end of a session: its ephemeral nodes go. Gives their paths. */
  removeOwned(owner: bigint): readonly string[] {
    const paths = [...this.#nodes].filter(([, node]) => node.owner === owner).map(([path]) => path);
    for (const path of paths) this.#unlink(path);
    return paths;
  }

  /** Repeats an effect read from disk. */
  restore(effect: TreeEffect): void {
    if (effect.type === 'remove') {
      this.#unlink(effect.path);
      return;
    }
    const existing = this.#nodes.get(effect.path);
    const node = existing ?? newNode(effect.data, effect.createdAt, 0n);
    const same = existing?.createdAt === effect.createdAt;
    if (existing !== undefined && !same && effect.path !== '/') this.#unlink(effect.path);
    if (!same && effect.path !== '/') this.#link(effect.path, node);
    node.data = effect.data;
    node.version = effect.version;
  }

  /** Every persistent node, parents first. */
  persistent(): readonly TreeEffect[] {
    const nodes = [...this.#nodes].filter(([, node]) => node.owner === 0n);
    nodes.sort(([a], [b]) => (a < b ? -1 : 1));
    return nodes.map(([path, { version, createdAt, data }]) => ({ type: 'put', path, version, createdAt, data }));
  }

  #applyOne(
    op: StoreOp,
    owner: bigint,
    undo: (() => void)[],
    effects: TreeEffect[],
  ): Refusal | { readonly version: number | undefined } {
    const node = this.#nodes.get(op.path);
    if (op.type === 'create') {
      if (node !== undefined) return 'NODE_EXISTS';
      return this.#create(op.path, op.data, op.ephemeral === true ? owner : 0n, undo, effects);
    }
    if (node === undefined) return 'NODE_MISSING';
    if (op.version !== ANY_VERSION && op.version !== node.version) return 'BAD_VERSION';
    if (op.type === 'check') return { version: undefined };
    if (op.type === 'remove') {
      if (node.children.size > 0) return 'NODE_NOT_EMPTY';
      this.#unlink(op.path);
      undo.push(() => this.#link(op.path, node));
      if (node.owner === 0n) effects.push({ type: 'remove', path: op.path });
      return { version: undefined };
    }
    const before = { data: node.data, version: node.version };
    undo.push(() => Object.assign(node, before));
    node.data = Buffer.from(op.data);
    node.version += 1;
    if (node.owner === 0n) effects.push(putOf(op.path, node));
    return { version: node.version };
  }

  #create(
    path: string,
    data: Buffer,
    owner: bigint,
    undo: (() => void)[],
    effects: TreeEffect[],
  ): Refusal | { readonly version: number } {
    const parent = this.#nodes.get(parentPath(path) ?? '/');
    if (parent === undefined) return 'NODE_MISSING';
    if (parent.owner !== 0n) {
      for (const step of undo.reverse()) step();
      throw noChildrenAllowed(path);
    }
    const node = newNode(Buffer.from(data), this.#transaction, owner);
    this.#link(path, node);
    undo.push(() => this.#unlink(path));
    if (owner === 0n) effects.push(putOf(path, node));
    return { version: 0 };
  }

  #link(path: string, node: TreeNode): void {
    const parent = this.#nodes.get(parentPath(path) ?? '/');
    invariant(parent !== undefined, `the parent of ${path} is missing`);
    parent.children.add(nameOf(path));
    this.#nodes.set(path, node);
  }

  #unlink(path: string): void {
    this.#nodes.get(parentPath(path) ?? '/')?.children.delete(nameOf(path));
    this.#nodes.delete(path);
  }
}

const putOf = (path: string, { version, createdAt, data }: TreeNode): TreeEffect => ({
  type: 'put',
  path,
  version,
  createdAt,
  data,
});
