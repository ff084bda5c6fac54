import type {
  ConnectionListener,
  OverReason,
  ZkConnection,
  ZkReply,
} from '../../../common/coordination/zookeeper/connection.js';
import { syncRequest, type ZkRequest } from '../../../common/coordination/zookeeper/jute.js';
import { SessionTimes } from '../../../common/coordination/zookeeper/session-times.js';
import type { Actor } from '../kernel/actor.js';
import type { Link } from '../kernel/link.js';
import type { Network } from '../kernel/network.js';
import type { Timeline } from '../kernel/timeline.js';
import type { Trace } from '../kernel/trace.js';
import type { Attachment, Ensemble } from './ensemble.js';
import { ServerConnection } from './server-connection.js';

const ATTEMPT_SHARE = 1 / 3;
const RETRY_MS = [20, 200] as const;
const CONNECT_MS = [0.5, 3] as const;

export interface SimZooKeeper {
  readonly ensemble: Ensemble;
  readonly network: Network;
  readonly timeline: Timeline;
  readonly trace: Trace;
}

interface Pending {
  readonly request: ZkRequest;
  readonly sentAtMs: number;
  readonly seenZxid: bigint;
  readonly resolve: (reply: ZkReply) => void;
}

/**
 * Stands in for `ZkConnection`, the object that carries one session over sockets: the same calls, the same rules of time, and a model of
 * the servers behind. Above it the store is the product's own.
 */
export class SimZkConnection {
  readonly #actor: Actor;
  readonly #world: SimZooKeeper;
  readonly #listener: ConnectionListener;
  readonly #times: SessionTimes;
  readonly #timeoutMs: number;
  readonly #pending: Pending[] = [];
  #timer: { cancel(): void } | undefined;
  #retry: { cancel(): void } | undefined;
  #state: 'connecting' | 'connected' | 'closing' | 'closed' = 'connecting';
  #link: Link | undefined;
  #server: ServerConnection | undefined;
  #sessionId = 0n;
  #zxid = 0n;
  #established = false;
  #ending = false;
  #beating = false;
  #over = false;

  constructor(actor: Actor, world: SimZooKeeper, sessionTimeoutMs: number, listener: ConnectionListener) {
    this.#actor = actor;
    this.#world = world;
    this.#timeoutMs = sessionTimeoutMs;
    this.#listener = listener;
    this.#times = new SessionTimes(sessionTimeoutMs);
  }

  get isUp(): boolean {
    return this.#state === 'connected';
  }

  get isOver(): boolean {
    return this.#over;
  }

  get sessionId(): bigint {
    return this.#sessionId;
  }

  get sessionTimeoutMs(): number {
    return this.#timeoutMs;
  }

  get leaseUntilMs(): number {
    return this.#times.leaseUntilMs;
  }

  start(): void {
    this.#dial(0);
  }

  send(request: ZkRequest): Promise<ZkReply> {
    const server = this.#server;
    if (!this.isUp || server === undefined) return Promise.resolve({ kind: 'unsent' });
    const moment = this.#actor.calling();
    if (moment === 'before') this.#actor.process.kill();
    return new Promise((resolve) => {
      const sentAtMs = this.#actor.clock.monotonicMs();
      this.#pending.push({ request, sentAtMs, seenZxid: this.#zxid, resolve });
      server.request(request, (err, payload, zxid) => {
        if (moment === 'answered') this.#actor.process.kill();
        else this.#answered(err, payload, zxid);
      });
      if (moment === 'sent') this.#actor.process.kill();
    });
  }

  endSession(): void {
    if (this.#ending || this.#over) return;
    this.#ending = true;
    if (!this.#established) this.destroy();
    else if (this.isUp) this.#sayGoodbye();
  }

  destroy(): void {
    this.#finish('closed', 'closed');
  }

  checkLease(): void {
    if (!this.#over && this.#times.leaseEnds(this.#nowMs)) this.#listener.leaseEnded();
  }

  get #nowMs(): number {
    return this.#actor.clock.monotonicMs();
  }

  #dial(delayMs: number): void {
    if (this.#over) return;
    this.#state = 'connecting';
    this.#retry = this.#actor.clock.after(delayMs, () => this.#attempt());
  }

  #attempt(): void {
    const { ensemble, network } = this.#world;
    const limitMs = Math.max(100, this.#timeoutMs * ATTEMPT_SHARE);
    const sentAtMs = this.#nowMs;
    this.#times.attempt(sentAtMs, limitMs);
    this.#arm();
    const index = this.#actor.dice.below(ensemble.size);
    // Nobody answers: the attempt ends by its own bound.
    if (!network.reaches(this.#actor, 'zookeeper')) return;
    const link = network.open(this.#actor, 'zookeeper');
    this.#link = link;
    link.onSevered((toldAfterMs) => {
      if (toldAfterMs !== undefined) this.#actor.turn(toldAfterMs, () => this.#lost(link, 'the server closed it'));
    });
    if (!ensemble.isUp(index)) {
      link.sever();
      return;
    }
    this.#actor.turn(this.#actor.dice.between(...CONNECT_MS), () => this.#introduce(link, index, sentAtMs));
  }

  #introduce(link: Link, index: number, sentAtMs: number): void {
    const { ensemble } = this.#world;
    const seen = this.#ending ? 0n : this.#zxid;
    const sessionId = this.#sessionId;
    link.toServer(() => {
      if (!ensemble.isUp(index)) {
        link.sever();
        return;
      }
      const admission = ensemble.admit(index, sessionId, this.#timeoutMs, seen);
      if (admission === 'refused') link.sever();
      if (admission === undefined || admission === 'refused') return;
      let attachment: Attachment | undefined;
      if (admission !== 'expired') {
        const notify = (path: string, zxid: bigint): void => link.toClient(() => this.#notified(path, zxid));
        attachment = { link, sessionId: admission.sessionId, watched: new Set(), notify };
        ensemble.attach(index, attachment);
      }
      const server = attachment && new ServerConnection(ensemble, index, attachment);
      link.toClient(() => {
        if (server === undefined || admission === 'expired') this.#finish('expired', 'the server says so');
        else this.#connected(link, server, admission.sessionId, sentAtMs);
      });
    });
  }

  #connected(link: Link, server: ServerConnection, sessionId: bigint, sentAtMs: number): void {
    if (this.#over || this.#link !== link) return;
    this.#server = server;
    this.#sessionId = sessionId;
    this.#state = 'connected';
    this.#established = true;
    this.#beating = false;
    this.#times.connected(this.#nowMs, sentAtMs, this.#timeoutMs);
    this.#arm();
    if (this.#ending) this.#sayGoodbye();
    else this.#listener.up();
  }

  #sayGoodbye(): void {
    const server = this.#server;
    this.#state = 'closing';
    this.#times.disconnected();
    this.#times.attempt(this.#nowMs, this.#timeoutMs);
    this.#arm();
    server?.close(() => this.#finish('closed', 'closed'));
  }

  #notified(path: string, zxid: bigint): void {
    if (this.#over) return;
    this.#times.heard(this.#nowMs);
    if (zxid > this.#zxid) this.#zxid = zxid;
    this.#listener.changed(path);
  }

  #answered(err: number, payload: unknown, zxid: bigint): void {
    if (this.#over) return;
    const pending = this.#pending.shift();
    if (pending === undefined) return;
    this.#times.heard(this.#nowMs);
    if (zxid > this.#zxid) this.#zxid = zxid;
    if (pending.request.throughLeader) this.#times.confirmed(pending.sentAtMs);
    pending.resolve({ kind: 'answer', err, payload });
  }

  #lost(link: Link, cause: string): void {
    if (this.#over || this.#link !== link) return;
    link.sever({ isSilent: true });
    this.#link = undefined;
    this.#server = undefined;
    this.#times.disconnected();
    for (const { resolve, seenZxid } of this.#pending.splice(0)) resolve({ kind: 'lost', seenZxid });
    if (this.#state === 'closing') {
      this.#finish('closed', cause);
      return;
    }
    this.#dial(this.#actor.dice.between(...RETRY_MS));
    this.#listener.down(cause);
  }

  #arm(): void {
    this.#timer?.cancel();
    const next = this.#times.nextMs;
    if (this.#over || next === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#actor.clock.after(next - this.#nowMs, () => this.#onTimer());
  }

  #onTimer(): void {
    const due = this.#times.due(this.#nowMs);
    if (due === 'give-up') this.#giveUp();
    else if (due === 'heartbeat') this.#beat();
    this.checkLease();
    this.#arm();
  }

  #giveUp(): void {
    this.#times.disconnected();
    const link = this.#link;
    if (link !== undefined) this.#lost(link, 'no answer in time');
    else if (this.#state === 'closing') this.#finish('closed', 'no answer in time');
    else if (!this.#over) {
      this.#dial(this.#actor.dice.between(...RETRY_MS));
      this.#listener.down('no answer in time');
    }
  }

  #beat(): void {
    if (this.#beating) return;
    this.#beating = true;
    void this.send(syncRequest('/')).then(() => {
      this.#beating = false;
    });
  }

  #finish(reason: OverReason, cause: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#state = 'closed';
    this.#timer?.cancel();
    this.#retry?.cancel();
    this.#link?.sever({ isSilent: true });
    for (const { resolve, seenZxid } of this.#pending.splice(0)) resolve({ kind: 'lost', seenZxid });
    this.#listener.over(reason, cause);
  }
}

/** What the store asks of a connection, and nothing else, is there. */
export function asZkConnection(connection: SimZkConnection): ZkConnection {
  return connection as unknown as ZkConnection;
}
