import { invariant } from '../../errors/assert.js';
import { HintBoard } from '../hint-board.js';
import {
  badVersion,
  checkData,
  checkMulti,
  checkPath,
  nodeExists,
  nodeMissing,
  nodeNotEmpty,
  sessionLost,
  storeClosed,
} from '../node-rules.js';
import type { CoordinationStore, MultiOutcome, StoreNode, StoreOp, StoreSession } from '../ports.js';
import { SessionBoard } from '../session-board.js';
import type { StoreBackend } from './backend.js';

/** One session on an embedded engine. */
export class EmbeddedStore implements CoordinationStore {
  readonly #engine: StoreBackend;
  readonly #onClose: () => Promise<void>;
  readonly #board: SessionBoard;
  readonly #hints: HintBoard;
  #ended = false;
  #closing: Promise<void> | undefined;

  constructor(engine: StoreBackend, onClose: () => Promise<void>) {
    this.#engine = engine;
    this.#onClose = onClose;
    const onError = (err: unknown): void => engine.logger.error('coordination_listener_failed', { err });
    this.#board = new SessionBoard(onError);
    this.#hints = new HintBoard(engine.clock, onError);
    this.#begin();
  }

  get sessionTimeoutMs(): number {
    return this.#engine.sessionTimeoutMs;
  }

  session(): StoreSession {
    const session = this.#board.session;
    // Nobody but this process could take the nodes away, so the lease is as good as new whenever somebody looks.
    return session.state === 'connected' ? { ...session, leaseUntilMs: this.#leaseUntilMs() } : session;
  }

  onSession(listener: (session: StoreSession) => void): () => void {
    return this.#board.onSession(listener);
  }

  async ready(signal?: AbortSignal): Promise<StoreSession> {
    await this.#board.ready(signal);
    return this.session();
  }

  async get(path: string): Promise<StoreNode | undefined> {
    this.#check(path);
    return this.#engine.read((tree) => tree.get(path));
  }

  async children(path: string): Promise<readonly string[] | undefined> {
    this.#check(path);
    return this.#engine.read((tree) => tree.children(path));
  }

  async create(path: string, data: Buffer, options: { readonly ephemeralOf?: number } = {}): Promise<void> {
    this.#check(path);
    checkData(path, data);
    invariant(path !== '/', 'the root is not created by hand');
    const ephemeral = options.ephemeralOf !== undefined;
    const owner = this.#owner(options.ephemeralOf);
    const ops: StoreOp[] = [...this.#engine.missingParents(path), { type: 'create', path, data, ephemeral }];
    const outcome = await this.#engine.write(ops, owner);
    if (outcome.applied) return;
    const node = await this.#engine.read((tree) => tree.get(path));
    // As with ZooKeeper, NODE_EXISTS for an ephemeral node means another session's.
    if (ephemeral && node?.ephemeralOwner === owner && node.data.equals(data)) return;
    throw nodeExists(path);
  }

  async set(path: string, data: Buffer, version: number): Promise<number> {
    checkData(path, data);
    const outcome = await this.#single({ type: 'set', path, data, version });
    return outcome.versions[0] ?? 0;
  }

  async remove(path: string, version: number): Promise<void> {
    await this.#single({ type: 'remove', path, version });
  }

  async multi(ops: readonly StoreOp[], options: { readonly ephemeralOf?: number } = {}): Promise<MultiOutcome> {
    checkMulti(ops);
    if (this.#ended) throw storeClosed();
    if (ops.length === 0) return { applied: true, versions: [] };
    const ephemeral = ops.some((op) => op.type === 'create' && op.ephemeral === true);
    const owner = ephemeral || options.ephemeralOf !== undefined ? this.#owner(options.ephemeralOf) : 0n;
    return this.#engine.write(ops, owner);
  }

  async sync(): Promise<void> {
    if (this.#ended) throw storeClosed();
    await this.#engine.read(() => undefined);
  }

  watch(path: string, onHint: (changed: ReadonlySet<string> | undefined) => void): () => void {
    checkPath(path);
    return this.#hints.watch(path, onHint);
  }

  close(): Promise<void> {
    this.end();
    this.#closing ??= this.#onClose();
    return this.#closing;
  }

  changed(path: string): void {
    this.#hints.changed(path);
  }

  /** The session is over; the next one begins in a later turn, as a server's would. */
  expire(): void {
    if (this.#ended) return;
    this.#lose();
    this.#engine.clock.after(0, () => {
      if (this.#ended) return;
      this.#begin();
      this.#hints.all();
    });
  }

  /** The disk failed: nothing is answered any more, but nobody else can take the nodes either. */
  fail(): void {
    if (this.#board.session.state !== 'connected') return;
    this.#board.publish({ ...this.session(), state: 'disconnected' });
  }

  /** The session is over and none follows. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#lose();
    this.#engine.forget(this);
    this.#board.close();
    this.#hints.close();
  }

  #begin(): void {
    const generation = this.#board.session.generation + 1;
    const id = this.#engine.beginSession();
    this.#board.publish({ state: 'connected', generation, id, leaseUntilMs: this.#leaseUntilMs() });
  }

  #lose(): void {
    const { generation, id } = this.#board.session;
    this.#engine.endSession(id);
    this.#board.publish({ state: 'lost', generation, id, leaseUntilMs: this.#engine.clock.monotonicMs() });
  }

  #leaseUntilMs(): number {
    return this.#engine.clock.monotonicMs() + this.#engine.sessionTimeoutMs;
  }

  #check(path: string): void {
    checkPath(path);
    if (this.#ended) throw storeClosed();
  }

  /** Who will own ephemeral nodes: the session of that generation, or the present one. */
  #owner(ephemeralOf: number | undefined): bigint {
    const session = this.#board.session;
    const right = ephemeralOf === undefined || ephemeralOf === session.generation;
    if (session.state !== 'connected' || !right) throw sessionLost();
    return session.id;
  }

  async #single(op: StoreOp): Promise<Extract<MultiOutcome, { readonly applied: true }>> {
    this.#check(op.path);
    const outcome = await this.#engine.write([op], 0n);
    if (outcome.applied) return outcome;
    switch (outcome.code) {
      case 'BAD_VERSION':
        throw badVersion(op.path);
      case 'NODE_MISSING':
        throw nodeMissing(op.path);
      case 'NODE_EXISTS':
        throw nodeExists(op.path);
      case 'NODE_NOT_EMPTY':
        throw nodeNotEmpty(op.path);
    }
  }
}
