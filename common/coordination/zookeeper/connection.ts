import type { Socket } from 'node:net';
import { messageOf } from '../../errors/error.js';
import type { Clock, Timer } from '../../runtime/clock.js';
import type { Random } from '../../runtime/random.js';
import { checkAnswer, checkConnectAnswer } from './answer-check.js';
import {
  type ConnectionManager,
  createConnectionManager,
  LIBRARY_STATE,
  libraryKnowsError,
} from './client-internals.js';
import type { ZkServer } from './connect-string.js';
import { Dialer } from './dialer.js';
import { FrameReader } from './frame-reader.js';
import {
  authPacket,
  closeSessionBytes,
  longOf,
  notificationPath,
  syncRequest,
  TimedRequest,
  ZK_OK,
  ZK_SESSION_EXPIRED,
  ZK_SESSION_MOVED,
  ZK_SYSTEM_ERROR,
  type ZkRequest,
} from './jute.js';
import { SessionTimes } from './session-times.js';

/** Far below 2^31-1 (fault Z7), far above what can be queued at once. */
export const MAX_XID = 0x7fff_ffff - 1_000_000;
const LENGTH_BYTES = 4;
const REPLY_HEADER_BYTES = 16;
const XID_NOTIFICATION = -1;
const XID_PING = -2;
const XID_AUTH = -4;

/**
 * `unsent`: never reached the wire, or refused for its session: nothing happened.
 * `lost`: may have happened, then by a transaction after `seenZxid`, the last one we knew of when it was sent.
 */
export type ZkReply =
  | { readonly kind: 'answer'; readonly err: number; readonly payload: unknown }
  | { readonly kind: 'unsent' }
  | { readonly kind: 'lost'; readonly seenZxid: bigint };

export type OverReason = 'expired' | 'closed' | 'auth-failed';

export interface ConnectionListener {
  /** A server confirmed the session (new or revived). */
  up(): void;
  /** The server is gone, or the attempt failed; the next attempt is under way. */
  down(cause: string): void;
  /** Our own clock says that the session may be over. Once. */
  leaseEnded(): void;
  /** The session is over; this object does nothing any more. Once. */
  over(reason: OverReason, cause: string): void;
  /** Something happened to the node at this absolute path. */
  changed(path: string): void;
}

export interface ConnectionOptions {
  readonly servers: readonly ZkServer[];
  readonly sessionTimeoutMs: number;
  readonly auth: { readonly scheme: string; readonly credential: string } | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly heartbeatPath: string;
  /** Number of the first request; for the test of what happens after 2^31 of them. */
  readonly firstXid?: number;
}

/**
 * One ZooKeeper session over one client object of node-zookeeper-client, with the library's faults cured by overrides on the
 * instance. Requests are only accepted while a server answers, so nothing can lie in the library's queue for ever (Z4, Z6).
 */
export class ZkConnection {
  readonly #options: ConnectionOptions;
  readonly #clock: Clock;
  readonly #listener: ConnectionListener;
  readonly #manager: ConnectionManager;
  readonly #dialer: Dialer;
  readonly #frames = new FrameReader();
  readonly #times: SessionTimes;
  #timer: Timer | undefined;
  #retry: Timer | undefined;
  #cause = 'no server answers';
  #connectSentMs = 0;
  #attemptLimitMs = 0;
  #beating = false;
  #established = false;
  #ending = false;
  #over = false;

  constructor(options: ConnectionOptions, listener: ConnectionListener) {
    this.#options = options;
    this.#clock = options.clock;
    this.#listener = listener;
    this.#dialer = new Dialer(options.servers, options.random);
    this.#times = new SessionTimes(options.sessionTimeoutMs);
    this.#manager = createConnectionManager(options.sessionTimeoutMs);
    this.#manager.xid = options.firstXid ?? 1;
    this.#harden(this.#manager);
  }

  /** A server answers and the session is not being ended. */
  get isUp(): boolean {
    return this.#manager.state === LIBRARY_STATE.connected;
  }

  get isOver(): boolean {
    return this.#over;
  }

  get sessionId(): bigint {
    return longOf(this.#manager.sessionId);
  }

  /** As negotiated; the wish before that. */
  get sessionTimeoutMs(): number {
    return this.#manager.sessionTimeout;
  }

  /** Monotonic ms; 0 before the session exists. */
  get leaseUntilMs(): number {
    return this.#times.leaseUntilMs;
  }

  start(): void {
    this.#manager.connect();
  }

  send(request: ZkRequest): Promise<ZkReply> {
    const manager = this.#manager;
    if (!this.isUp) return Promise.resolve({ kind: 'unsent' });
    if (manager.xid > MAX_XID) manager.xid = 1;
    const timed = new TimedRequest(request, () => this.#clock.monotonicMs());
    const seenZxid = longOf(manager.zxid);
    this.#gather();
    return new Promise((resolve) => {
      manager.queue(timed, (_error, response) => {
        if (response === undefined)
          resolve(timed.sentAtMs === undefined ? { kind: 'unsent' } : { kind: 'lost', seenZxid });
        else if (isOfSession(response.header.err)) resolve({ kind: 'unsent' });
        else resolve({ kind: 'answer', err: response.header.err, payload: response.payload });
      });
    });
  }

  /** Requests made one after the other go out in one piece: of a large fleet's read, a system call each costs more than the rest. */
  #gather(): void {
    const { socket } = this.#manager;
    if (socket === undefined || socket.writableCorked > 0) return;
    socket.cork();
    process.nextTick(() => socket.uncork());
  }

  /** Drops the connection, keeps the session. */
  cut(cause: string): void {
    this.#cause = cause;
    this.#manager.socket?.destroy();
  }

  /** Ends the session at the server now, or as soon as one can be reached: its ephemeral nodes must not outlive it. */
  endSession(): void {
    if (this.#ending || this.#over) return;
    this.#ending = true;
    if (!this.#established) {
      this.destroy();
      return;
    }
    // A server that was wiped has seen less than we have and would refuse us for ever; nothing is read any more.
    this.#manager.zxid = Buffer.alloc(8);
    if (this.isUp) this.#sayGoodbye();
  }

  /** Stops at once; `over` is called with `closed`. */
  destroy(): void {
    this.#finish('closed', 'closed');
  }

  #harden(manager: ConnectionManager): void {
    const stock = { connected: manager.onSocketConnected, data: manager.onSocketData, closed: manager.onSocketClosed };
    manager.connect = () => this.#connect();
    manager.onSocketConnected = () => {
      this.#dropUnsent();
      this.#connectSentMs = this.#clock.monotonicMs();
      this.#times.attempt(this.#connectSentMs, this.#attemptLimitMs);
      stock.connected.call(manager);
      // Right behind, not after the answer: a server that hears us and is not heard would keep the session alive with every attempt.
      // The library takes leave under the same number once the answer comes, and so knows the reply to this.
      if (this.#ending) manager.socket?.write(closeSessionBytes(manager.xid));
      const { auth } = this.#options;
      // Fault Z6: credentials go before anything else.
      if (auth === undefined) return;
      manager.packetQueue.queue.unshift({
        request: authPacket(auth.scheme, auth.credential),
        callback: () => undefined,
      });
    };
    manager.onSocketData = (chunk) => this.#onData(chunk, (frame) => stock.data.call(manager, frame));
    // Heartbeats are ours: the library pings only after silence and never misses the answer (fault Z2).
    manager.onSocketTimeout = () => undefined;
    manager.onSocketClosed = (hadError) => {
      this.#frames.reset();
      this.#dropUnsent();
      stock.closed.call(manager, hadError);
    };
  }

  #connect(): void {
    const manager = this.#manager;
    if (this.#over) return;
    manager.setState(LIBRARY_STATE.connecting);
    const delayMs = this.#dialer.delayMs(this.#times.isAlive);
    this.#retry = this.#clock.after(delayMs, () => this.#dial());
  }

  #dial(): void {
    if (this.#over) return;
    const manager = this.#manager;
    this.#attemptLimitMs = this.#dialer.limitMs(this.sessionTimeoutMs);
    this.#times.attempt(this.#clock.monotonicMs(), this.#attemptLimitMs);
    const socket = this.#dialer.dial();
    manager.socket = socket;
    socket.on('connect', () => manager.onSocketConnected());
    socket.on('data', (chunk) => manager.onSocketData(chunk));
    socket.on('drain', () => manager.onSocketDrain());
    socket.on('error', (error) => {
      // Several addresses of one name fail as an AggregateError without a message.
      this.#cause = error.message === '' ? ((error as NodeJS.ErrnoException).code ?? error.name) : error.message;
    });
    socket.on('close', (hadError) => this.#onClosed(hadError));
    this.#arm();
  }

  #onClosed(hadError: boolean): void {
    if (this.#over) return;
    const manager = this.#manager;
    const ended = manager.state;
    this.#times.disconnected();
    const cause = this.#cause;
    this.#cause = 'the server closed the connection';
    manager.onSocketClosed(hadError);
    if (ended === LIBRARY_STATE.sessionExpired) this.#finish('expired', 'the server says so');
    else if (ended === LIBRARY_STATE.authenticationFailed) this.#finish('auth-failed', cause);
    else if (ended === LIBRARY_STATE.closing) this.#finish('closed', cause);
    else this.#listener.down(cause);
  }

  #onData(chunk: Buffer, toLibrary: (frame: Buffer) => void): void {
    const socket = this.#manager.socket;
    if (socket === undefined || this.#over) return;
    this.#times.heard(this.#clock.monotonicMs());
    try {
      for (const frame of this.#frames.push(chunk)) {
        if (this.#manager.state === LIBRARY_STATE.connecting) this.#onConnectResponse(frame, socket, toLibrary);
        else this.#onReply(frame, toLibrary);
        if (socket.destroyed || this.#over) return;
      }
    } catch (error) {
      this.cut(`unreadable answer: ${messageOf(error)}`);
    }
  }

  #onConnectResponse(frame: Buffer, socket: Socket, toLibrary: (frame: Buffer) => void): void {
    checkConnectAnswer(frame);
    toLibrary(frame);
    const state: number = this.#manager.state;
    if (state !== LIBRARY_STATE.connected) {
      socket.destroy();
      return;
    }
    this.#established = true;
    this.#beating = false;
    this.#times.connected(this.#clock.monotonicMs(), this.#connectSentMs, this.sessionTimeoutMs);
    this.#arm();
    if (this.#ending) this.#sayGoodbye();
    else this.#listener.up();
  }

  #sayGoodbye(): void {
    this.#manager.close();
    this.#times.disconnected();
    this.#times.attempt(this.#clock.monotonicMs(), this.sessionTimeoutMs);
    this.#arm();
  }

  #onReply(frame: Buffer, toLibrary: (frame: Buffer) => void): void {
    if (frame.length < LENGTH_BYTES + REPLY_HEADER_BYTES) throw new RangeError(`reply of ${frame.length} bytes`);
    const xid = frame.readInt32BE(LENGTH_BYTES);
    const err = frame.readInt32BE(LENGTH_BYTES + 12);
    if (xid === XID_NOTIFICATION) {
      // Fault Z10: the library throws over event types that it does not know; a hint needs the path only.
      this.#listener.changed(notificationPath(frame.subarray(LENGTH_BYTES + REPLY_HEADER_BYTES)));
    } else if (xid === XID_AUTH) {
      if (err !== ZK_OK) this.#refuseAuth(err);
    } else if (xid !== XID_PING) {
      this.#onAnswer(frame, xid, err, toLibrary);
    }
  }

  #onAnswer(frame: Buffer, xid: number, err: number, toLibrary: (frame: Buffer) => void): void {
    const manager = this.#manager;
    const head = manager.pendingQueue[0];
    // The library would take the request out and never call it back.
    if (head === undefined || head.request.header.xid !== xid) throw new RangeError(`answer ${xid} was not expected`);
    const timed = head.request instanceof TimedRequest ? head.request : undefined;
    if (timed?.sentAtMs !== undefined && timed.throughLeader && !isOfSession(err))
      this.#times.confirmed(timed.sentAtMs);
    if (!libraryKnowsError(err))
      frame.writeInt32BE(isOfSession(err) ? ZK_SESSION_EXPIRED : ZK_SYSTEM_ERROR, LENGTH_BYTES + 12);
    const seen = manager.zxid;
    try {
      if (err === ZK_OK) checkAnswer(frame, head.request.header.type);
      toLibrary(frame);
    } catch (error) {
      head.callback(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
    // Kept from running backwards (0 on some refusals): a server that has seen less must not take us.
    if (longOf(manager.zxid) < longOf(seen)) manager.zxid = seen;
    if (isOfSession(err) && !this.#ending) this.cut(`the server refused the session (${err})`);
  }

  #refuseAuth(err: number): void {
    this.#manager.setState(LIBRARY_STATE.authenticationFailed);
    this.cut(`the server refused the credentials (${err})`);
  }

  /** What never reached the wire is told so (faults Z4, Z6). */
  #dropUnsent(): void {
    const { packetQueue } = this.#manager;
    const unsent = packetQueue.queue;
    packetQueue.queue = [];
    for (const packet of unsent) packet.callback(new Error('not sent'));
  }

  /** One timer at the earliest of the times; they only move away, so a late look finds the next one. */
  #arm(): void {
    this.#timer?.cancel();
    const next = this.#times.nextMs;
    if (this.#over || next === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#clock.after(next - this.#clock.monotonicMs(), () => this.#onTimer());
  }

  #onTimer(): void {
    const due = this.#times.due(this.#clock.monotonicMs());
    if (due === 'give-up') {
      // Faults Z2 and Z11: the library waits for ever.
      this.#times.disconnected();
      if (this.#manager.state === LIBRARY_STATE.connecting) this.#dialer.tooSlow();
      this.cut('no answer in time');
    } else if (due === 'heartbeat') {
      this.#beat();
    }
    this.checkLease();
    this.#arm();
  }

  /** Fault Z3: the session ends by our own clock too, whether or not a server can be reached to say so. */
  checkLease(): void {
    if (!this.#over && this.#times.leaseEnds(this.#clock.monotonicMs())) this.#listener.leaseEnded();
  }

  /** A sync, because the leader takes part in its answer. */
  #beat(): void {
    if (this.#beating) return;
    this.#beating = true;
    void this.send(syncRequest(this.#options.heartbeatPath)).then((reply) => {
      this.#beating = false;
      // Not already when connected: a server that takes us and drops us at once must meet the back-off (fault Z5).
      if (reply.kind === 'answer') this.#dialer.succeeded();
    });
  }

  #finish(reason: OverReason, cause: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    this.#retry?.cancel();
    const manager = this.#manager;
    // From CLOSING the library does not connect again when the socket closes; it calls back whatever is pending.
    if (manager.state !== LIBRARY_STATE.closed) {
      manager.setState(LIBRARY_STATE.closing);
      manager.onSocketClosed(false);
    }
    manager.socket?.destroy();
    this.#listener.over(reason, cause);
  }
}

/** Refusals that say that the session, not the request, is at fault. */
const isOfSession = (err: number): boolean => err === ZK_SESSION_EXPIRED || err === ZK_SESSION_MOVED;
