import { isCausewayError } from '../../errors/error.js';
import type { Logger } from '../../observability/logger.js';
import type { Clock, Timer } from '../../runtime/clock.js';
import type { Random } from '../../runtime/random.js';
import { HintBoard } from '../hint-board.js';
import { checkPath } from '../node-rules.js';
import type { CoordinationStore, MultiOutcome, StoreNode, StoreOp, StoreSession } from '../ports.js';
import { SessionBoard } from '../session-board.js';
import { parseConnectString } from './connect-string.js';
import { type ConnectionListener, type ConnectionOptions, type OverReason, ZkConnection } from './connection.js';
import { type Acls, CREATOR_ACLS, OPEN_ACLS, removeWatchRequest } from './jute.js';
import { NodeOperations } from './node-operations.js';
import { RequestWindow } from './request-window.js';
import { addWatches, prepareSession } from './session-setup.js';
import { WatchSet } from './watch-set.js';
import { authFailed } from './zk-errors.js';

/** How long `close` may wait for the end of the session to be confirmed. */
const CLOSE_TIMEOUT_MS = 2_000;
/** Wrong credentials do not become right by asking often. */
const REFUSED_RETRY_MS = 5_000;

export interface ZooKeeperStoreOptions {
  /** `host:port,...[/path]`; IPv6 addresses in brackets. */
  readonly connect: string;
  /** Absolute path that stands for the store's `/`. */
  readonly root: string;
  readonly sessionTimeoutMs: number;
  readonly auth?: { readonly scheme: 'digest'; readonly credential: string };
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Every call ends within this time, waiting for a server included. */
  readonly operationTimeoutMs: number;
  /** For the simulation: instead of a connection over sockets. */
  readonly connection?: (options: ConnectionOptions, listener: ConnectionListener) => ZkConnection;
}

/**
 * A store on ZooKeeper 3.6 or newer. Returns at once and connects in the background, for as long as it takes.
 * Throws CONFIG_INVALID for an address that cannot be read.
 */
export function openZooKeeperStore(options: ZooKeeperStoreOptions): CoordinationStore {
  return new ZooKeeperStore(options);
}

class ZooKeeperStore implements CoordinationStore {
  readonly #options: ZooKeeperStoreOptions;
  readonly #servers: ReturnType<typeof parseConnectString>['servers'];
  readonly #root: string;
  readonly #acls: Acls;
  readonly #logger: Logger;
  readonly #board: SessionBoard;
  readonly #hints: HintBoard;
  readonly #watches: WatchSet;
  readonly #window: RequestWindow;
  readonly #operations: NodeOperations;
  #connection: ZkConnection;
  #generation = 0;
  /** The current connection's session was announced under #generation. */
  #announced = false;
  #outage = false;
  #watchRefused = false;
  #restart: Timer | undefined;
  /** Set before anything that `close` does can call back. */
  #isClosing = false;
  #closing: Promise<void> | undefined;
  #onOver: (() => void) | undefined;

  constructor(options: ZooKeeperStoreOptions) {
    const { servers, chroot } = parseConnectString(options.connect);
    this.#options = options;
    this.#servers = servers;
    this.#root = options.root === '/' ? chroot || '/' : chroot + options.root;
    checkPath(this.#root);
    this.#acls = options.auth === undefined ? OPEN_ACLS : CREATOR_ACLS;
    this.#logger = options.logger;
    this.#board = new SessionBoard((err) => this.#logger.error('coordination_listener_failed', { err }));
    this.#hints = new HintBoard(options.clock, (err) => this.#logger.error('coordination_listener_failed', { err }));
    this.#watches = new WatchSet(this.#root);
    this.#window = new RequestWindow(options.clock);
    this.#operations = new NodeOperations({
      window: this.#window,
      clock: options.clock,
      operationTimeoutMs: options.operationTimeoutMs,
      root: this.#root,
      acls: this.#acls,
      session: () => this.session(),
    });
    if (options.auth === undefined) {
      this.#logger.warn('coordination_acl_open', { root: this.#root, hint: 'anybody who reaches ZooKeeper may write' });
    }
    this.#connection = this.#open();
  }

  get sessionTimeoutMs(): number {
    return this.#connection.sessionTimeoutMs;
  }

  session(): StoreSession {
    // A process that slept must hear of its end before it acts on the state that it reads here.
    this.#connection.checkLease();
    const session = this.#board.session;
    if (!this.#announced) return session;
    return { ...session, leaseUntilMs: this.#connection.leaseUntilMs };
  }

  onSession(listener: (session: StoreSession) => void): () => void {
    return this.#board.onSession(listener);
  }

  async ready(signal?: AbortSignal): Promise<StoreSession> {
    await this.#board.ready(signal);
    return this.session();
  }

  get(path: string): Promise<StoreNode | undefined> {
    return this.#operations.get(path);
  }

  children(path: string): Promise<readonly string[] | undefined> {
    return this.#operations.children(path);
  }

  create(path: string, data: Buffer, options: { readonly ephemeralOf?: number } = {}): Promise<void> {
    return this.#operations.create(path, data, options.ephemeralOf);
  }

  set(path: string, data: Buffer, version: number): Promise<number> {
    return this.#operations.set(path, data, version);
  }

  remove(path: string, version: number): Promise<void> {
    return this.#operations.remove(path, version);
  }

  multi(ops: readonly StoreOp[], options: { readonly ephemeralOf?: number } = {}): Promise<MultiOutcome> {
    return this.#operations.multi(ops, options.ephemeralOf);
  }

  sync(): Promise<void> {
    return this.#operations.sync();
  }

  watch(path: string, onHint: (changed: ReadonlySet<string> | undefined) => void): () => void {
    checkPath(path);
    const absolute = this.#absolute(path);
    const unhint = this.#hints.watch(path, onHint);
    this.#watches.hold(absolute);
    void this.#addWatches(this.#connection);
    let isWatched = true;
    return () => {
      if (!isWatched) return;
      isWatched = false;
      unhint();
      if (this.#watches.release(absolute)) void this.#connection.send(removeWatchRequest(absolute));
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isClosing = true;
    this.#restart?.cancel();
    this.#window.close();
    const over = new Promise<void>((resolve) => {
      this.#onOver = resolve;
    });
    const bound = this.#options.clock.after(CLOSE_TIMEOUT_MS, () => this.#connection.destroy());
    this.#connection.endSession();
    if (this.#connection.isOver) this.#onOver?.();
    await over;
    bound.cancel();
    this.#publish('lost');
    this.#board.close();
    this.#hints.close();
  }

  #open(): ZkConnection {
    const { sessionTimeoutMs, auth, clock, random } = this.#options;
    const listener: ConnectionListener = {
      up: () => void this.#prepare(connection),
      down: (cause) => this.#onDown(cause),
      leaseEnded: () => this.#onLeaseEnded(connection),
      over: (reason, cause) => this.#afterSession(reason, cause),
      changed: (path) => this.#onChanged(path),
    };
    const options = { servers: this.#servers, sessionTimeoutMs, auth, clock, random, heartbeatPath: this.#root };
    const connection = this.#options.connection?.(options, listener) ?? new ZkConnection(options, listener);
    this.#announced = false;
    connection.start();
    return connection;
  }

  /** A server has the session; before anybody hears of it, the watch is set and the root made sure of. */
  async #prepare(connection: ZkConnection): Promise<void> {
    this.#watches.forgetAsked();
    const prepared = await prepareSession(connection, this.#root, this.#acls, this.#watches.takeMissing());
    if (prepared.kind === 'interrupted' || connection !== this.#connection || !connection.isUp) return;
    if (prepared.kind === 'refused') {
      this.#refuse(prepared.error);
      connection.endSession();
      return;
    }
    this.#sayWatchRefused(prepared.watchError);
    if (!this.#announced) this.#generation += 1;
    this.#announced = true;
    this.#outage = false;
    this.#window.open(connection, this.#generation);
    this.#logger.info('coordination_connected', {
      generation: this.#generation,
      session: `0x${BigInt.asUintN(64, connection.sessionId).toString(16)}`,
      sessionTimeoutMs: connection.sessionTimeoutMs,
    });
    this.#publish('connected');
    this.#hints.all();
    // What was watched while the session was prepared.
    await this.#addWatches(connection);
  }

  /** Asks for watches that are still missing; whoever watches looks once they are there, for what happened before. */
  async #addWatches(connection: ZkConnection): Promise<void> {
    if (!this.#announced || !connection.isUp) return;
    const missing = this.#watches.takeMissing();
    if (missing.length === 0) return;
    const added = await addWatches(connection, missing);
    // The next connection asks for all of them.
    if (added.kind === 'interrupted') return;
    this.#sayWatchRefused(added.watchError);
    for (const path of missing) this.#hints.any(this.#relative(path) ?? '/');
  }

  #sayWatchRefused(watchError: number | undefined): void {
    if (watchError === undefined || this.#watchRefused) return;
    this.#watchRefused = true;
    const hint = 'changes are noticed by the periodic compare only; ZooKeeper 3.6 or newer gives hints';
    this.#logger.warn('coordination_watch_refused', { zkError: watchError, hint });
  }

  #onDown(cause: string): void {
    this.#window.pause();
    // Once per outage, however many attempts it takes.
    if (!this.#outage && !this.#isClosing) {
      const servers = this.#servers.map(({ host, port }) => `${host}:${port}`);
      this.#logger.warn('coordination_unreachable', { cause, servers, hint: 'retrying until it answers' });
    }
    this.#outage = true;
    if (this.#board.session.state === 'connected') this.#publish('disconnected');
  }

  #onLeaseEnded(connection: ZkConnection): void {
    this.#loseSession('no server confirmed the session in time');
    connection.endSession();
  }

  #loseSession(cause: string): void {
    if (!this.#announced) return;
    this.#window.dropSession(this.#generation);
    if (!this.#isClosing) {
      this.#logger.warn('coordination_session_lost', { generation: this.#generation, cause });
    }
    this.#publish('lost');
    this.#announced = false;
  }

  #afterSession(reason: OverReason, cause: string): void {
    this.#loseSession(cause);
    if (this.#isClosing) {
      this.#onOver?.();
      return;
    }
    if (reason === 'auth-failed') this.#refuse(authFailed(cause, this.#root));
    const restart = (): void => {
      this.#connection = this.#open();
    };
    if (this.#window.isRefusing) this.#restart = this.#options.clock.after(REFUSED_RETRY_MS, restart);
    else restart();
  }

  #refuse(err: unknown): void {
    if (!isCausewayError(err)) return;
    if (!this.#window.isRefusing) this.#logger.error('coordination_refused', { err, hint: 'retrying' });
    this.#window.refuse(err);
  }

  #onChanged(path: string): void {
    const relative = this.#relative(path);
    if (relative !== undefined) this.#hints.changed(relative);
  }

  #absolute(path: string): string {
    if (path === '/') return this.#root;
    return this.#root === '/' ? path : this.#root + path;
  }

  /** Undefined for a path outside of the root. */
  #relative(path: string): string | undefined {
    if (this.#root === '/') return path;
    if (path === this.#root) return '/';
    return path.startsWith(`${this.#root}/`) ? path.slice(this.#root.length) : undefined;
  }

  #publish(state: StoreSession['state']): void {
    const id = this.#announced ? this.#connection.sessionId : this.#board.session.id;
    const leaseUntilMs = this.#announced ? this.#connection.leaseUntilMs : this.#board.session.leaseUntilMs;
    this.#board.publish({ state, generation: this.#generation, id, leaseUntilMs });
  }
}
