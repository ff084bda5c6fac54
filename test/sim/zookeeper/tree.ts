import type { StoreOp } from '../../../common/coordination/ports.js';

export interface ZNode {
  readonly data: Buffer;
  readonly version: number;
  readonly czxid: bigint;
  /** 0 for persistent nodes. */
  readonly owner: bigint;
}

/** What one transaction did to one node; undefined: it is gone. */
export interface NodeChange {
  readonly path: string;
  readonly node: ZNode | undefined;
}

export interface Commit {
  readonly zxid: bigint;
  readonly changes: readonly NodeChange[];
}

export type Refusal = 'NO_NODE' | 'NODE_EXISTS' | 'BAD_VERSION' | 'NOT_EMPTY' | 'NO_CHILDREN_FOR_EPHEMERALS';

/** One replica's nodes. */
export class ZnodeTree {
  readonly #nodes = new Map<string, ZNode>();
  readonly #children = new Map<string, Set<string>>();
  #zxid = 0n;

  constructor() {
    this.#put('/', { data: Buffer.alloc(0), version: 0, czxid: 0n, owner: 0n });
  }

  get zxid(): bigint {
    return this.#zxid;
  }

  get(path: string): ZNode | undefined {
    return this.#nodes.get(path);
  }

  /** Names. */
  children(path: string): readonly string[] | undefined {
    return this.#nodes.has(path) ? [...(this.#children.get(path) ?? [])] : undefined;
  }

  ownedBy(owner: bigint): string[] {
    return [...this.#nodes].filter(([, node]) => node.owner === owner).map(([path]) => path);
  }

  apply({ zxid, changes }: Commit): void {
    for (const { path, node } of changes) {
      if (node === undefined) this.#drop(path);
      else this.#put(path, node);
    }
    this.#zxid = zxid;
  }

  /**
   * Carries the operations out as one transaction, or none of them.
   * @returns the versions they gave, or which one failed and why
   */
  transact(
    ops: readonly StoreOp[],
    owner: bigint,
  ): { readonly commit: Commit } | { readonly index: number; readonly refusal: Refusal } {
    const zxid = this.#zxid + 1n;
    const changes: NodeChange[] = [];
    const before: NodeChange[] = [];
    for (const [index, op] of ops.entries()) {
      const outcome = this.#change(op, owner, zxid);
      if (typeof outcome === 'string') {
        for (const { path, node } of before.reverse()) {
          if (node === undefined) this.#drop(path);
          else this.#put(path, node);
        }
        return { index, refusal: outcome };
      }
      if (outcome === undefined) continue;
      before.push({ path: outcome.path, node: this.#nodes.get(outcome.path) });
      changes.push(outcome);
      if (outcome.node === undefined) this.#drop(outcome.path);
      else this.#put(outcome.path, outcome.node);
    }
    this.#zxid = zxid;
    return { commit: { zxid, changes } };
  }

  #change(op: StoreOp, owner: bigint, zxid: bigint): NodeChange | Refusal | undefined {
    const { path } = op;
    const node = this.#nodes.get(path);
    if (op.type === 'create') {
      const parent = this.#nodes.get(parentOf(path));
      if (parent === undefined) return 'NO_NODE';
      if (parent.owner !== 0n) return 'NO_CHILDREN_FOR_EPHEMERALS';
      if (node !== undefined) return 'NODE_EXISTS';
      return { path, node: { data: op.data, version: 0, czxid: zxid, owner: op.ephemeral === true ? owner : 0n } };
    }
    if (node === undefined) return 'NO_NODE';
    if (op.version !== -1 && op.version !== node.version) return 'BAD_VERSION';
    if (op.type === 'check') return undefined;
    if (op.type === 'set') return { path, node: { ...node, data: op.data, version: node.version + 1 } };
    return (this.#children.get(path)?.size ?? 0) > 0 ? 'NOT_EMPTY' : { path, node: undefined };
  }

  #put(path: string, node: ZNode): void {
    const isNew = !this.#nodes.has(path);
    this.#nodes.set(path, node);
    if (!isNew || path === '/') return;
    const parent = parentOf(path);
    const children = this.#children.get(parent) ?? new Set();
    this.#children.set(parent, children.add(path.slice(path.lastIndexOf('/') + 1)));
  }

  #drop(path: string): void {
    this.#nodes.delete(path);
    this.#children.get(parentOf(path))?.delete(path.slice(path.lastIndexOf('/') + 1));
  }
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}
