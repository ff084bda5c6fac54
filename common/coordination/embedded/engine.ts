import { CausewayError } from '../../errors/error.js';
import type { Logger } from '../../observability/logger.js';
import type { Clock } from '../../runtime/clock.js';
import { withDeadline } from '../../runtime/deadline.js';
import type { Closable } from '../../runtime/lifecycle.js';
import type { Random } from '../../runtime/random.js';
import { parentPath } from '../node-rules.js';
import type { CoordinationStore, MultiOutcome, StoreOp } from '../ports.js';
import type { StoreBackend, TreeView } from './backend.js';
import { FolderLock } from './folder-lock.js';
import { GroupCommit } from './group-commit.js';
import { EmbeddedStore } from './store.js';
import { makeDirectory, StoreFiles } from './store-files.js';
import { Tree } from './tree.js';

const DEFAULT_SESSION_TIMEOUT_MS = 6_000;
const DEFAULT_OPERATION_TIMEOUT_MS = 10_000;
/** The high half of transaction and session numbers counts the starts of the engine, so that none is ever given twice. */
const RUN_BITS = 32n;

export interface EmbeddedEngineOptions {
  /** Folder of the store; created when missing, used by one process at a time. */
  readonly dir: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Reported and used for leases; sessions of one process do not expire by themselves. */
  readonly sessionTimeoutMs?: number;
  readonly operationTimeoutMs?: number;
}

/** One file-backed store, shared by all parts of a process; each part holds a handle with a session of its own. */
export interface EmbeddedEngine extends Closable {
  connect(): CoordinationStore;
  /** Ends a session as if its process had been silent for too long; for tests. */
  expireSession(id: bigint): void;
}

/** Takes the folder (STORE_LOCKED), reads it (NODE_CORRUPT) and drops all ephemeral nodes of earlier runs. */
export function openEmbeddedEngine(options: EmbeddedEngineOptions): Promise<EmbeddedEngine> {
  return openEngine(options);
}

async function openEngine(options: EmbeddedEngineOptions): Promise<Engine> {
  await makeDirectory(options.dir);
  const lock = await FolderLock.take(options.dir, options.clock, options.random);
  const files = new StoreFiles(options.dir);
  try {
    const tree = new Tree();
    const loaded = await files.load();
    for (const effect of loaded.effects) tree.restore(effect);
    const run = (loaded.transaction >> RUN_BITS) + 1n;
    tree.startAt(run << RUN_BITS);
    if (loaded.tornBytes > 0) options.logger.warn('store_torn_tail', { dir: options.dir, bytes: loaded.tornBytes });
    const snapshotBytes = await files.compact(tree.transaction, tree.persistent());
    return new Engine(options, { tree, files, lock, run, snapshotBytes });
  } catch (error) {
    await files.close();
    await lock.release();
    throw error;
  }
}

/** An engine with one handle; closing the handle closes the engine. */
export async function openEmbeddedStore(options: EmbeddedEngineOptions): Promise<CoordinationStore> {
  const engine = await openEngine(options);
  return engine.connectOnly();
}

interface EngineParts {
  readonly tree: Tree;
  readonly files: StoreFiles;
  readonly lock: FolderLock;
  readonly run: bigint;
  readonly snapshotBytes: number;
}

class Engine implements EmbeddedEngine, StoreBackend {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sessionTimeoutMs: number;
  readonly #operationTimeoutMs: number;
  readonly #parts: EngineParts;
  readonly #commit: GroupCommit;
  readonly #stores = new Set<EmbeddedStore>();
  #sessions = 0n;
  #closing: Promise<void> | undefined;

  constructor(options: EmbeddedEngineOptions, parts: EngineParts) {
    this.clock = options.clock;
    this.logger = options.logger;
    this.sessionTimeoutMs = options.sessionTimeoutMs ?? DEFAULT_SESSION_TIMEOUT_MS;
    this.#operationTimeoutMs = options.operationTimeoutMs ?? DEFAULT_OPERATION_TIMEOUT_MS;
    this.#parts = parts;
    const { tree, files } = parts;
    this.#commit = new GroupCommit(
      { append: (batch) => files.append(batch), compact: () => files.compact(tree.transaction, tree.persistent()) },
      parts.snapshotBytes,
      (err) => {
        this.logger.error('store_write_failed', { err });
        for (const store of this.#stores) store.fail();
      },
    );
  }

  connect(): CoordinationStore {
    return this.#connect(async () => undefined);
  }

  connectOnly(): CoordinationStore {
    return this.#connect(() => this.close());
  }

  expireSession(id: bigint): void {
    for (const store of [...this.#stores]) if (store.session().id === id) store.expire();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  beginSession(): bigint {
    this.#sessions += 1n;
    return (this.#parts.run << RUN_BITS) | this.#sessions;
  }

  endSession(id: bigint): void {
    this.#announce(this.#parts.tree.removeOwned(id));
  }

  forget(handle: object): void {
    this.#stores.delete(handle as EmbeddedStore);
  }

  async read<T>(pick: (tree: TreeView) => T): Promise<T> {
    const value = pick(this.#parts.tree);
    await this.#durable();
    return value;
  }

  async write(ops: readonly StoreOp[], owner: bigint): Promise<MultiOutcome> {
    this.#commit.check();
    const { tree } = this.#parts;
    const change = tree.apply(ops, owner);
    this.#commit.add(tree.transaction, change.effects);
    await this.#durable();
    this.#announce(change.changed);
    return change.outcome;
  }

  missingParents(path: string): readonly StoreOp[] {
    const ops: StoreOp[] = [];
    for (let parent = parentPath(path); parent !== undefined; parent = parentPath(parent)) {
      if (this.#parts.tree.children(parent) !== undefined) break;
      ops.unshift({ type: 'create', path: parent, data: Buffer.alloc(0) });
    }
    return ops;
  }

  #connect(onClose: () => Promise<void>): EmbeddedStore {
    if (this.#closing !== undefined) throw new CausewayError('SHUTTING_DOWN', 'the embedded store is closing');
    const store = new EmbeddedStore(this, onClose);
    this.#stores.add(store);
    return store;
  }

  #announce(paths: readonly string[]): void {
    for (const store of this.#stores) for (const path of paths) store.changed(path);
  }

  #durable(): Promise<void> {
    return withDeadline(this.clock, this.#operationTimeoutMs, this.#commit.durable(), () => {
      throw new CausewayError('COORDINATION_UNAVAILABLE', 'the disk does not answer; the outcome is unknown');
    });
  }

  async #close(): Promise<void> {
    for (const store of [...this.#stores]) store.end();
    await this.#commit.durable().catch(() => undefined);
    await this.#parts.files.close();
    await this.#parts.lock.release();
  }
}
