import type { StoreOp } from '../../../common/coordination/ports.js';
import type { Dice } from '../kernel/dice.js';
import type { Link } from '../kernel/link.js';
import type { Timeline } from '../kernel/timeline.js';
import type { Trace } from '../kernel/trace.js';
import { type Commit, type Refusal, type ZNode, ZnodeTree } from './tree.js';

/** Servers look whether sessions are over at such steps, as ZooKeeper does once a tick. */
const TICK_MS = 100;
/** How far a server lags behind the leader. */
const LAG_MS = [0.1, 4] as const;

interface Session {
  readonly id: bigint;
  readonly timeoutMs: number;
  heardMs: number;
  isOver: boolean;
}

/** What a client is told of its session by the server it connected to. */
export type Admission = { readonly sessionId: bigint; readonly zxid: bigint } | 'expired' | 'refused';

/** A server's side of one connection. */
export interface Attachment {
  readonly link: Link;
  sessionId: bigint;
  /** It is told of what happens at and below these paths. */
  readonly watched: Set<string>;
  readonly notify: (path: string, zxid: bigint) => void;
}

class Server {
  readonly tree = new ZnodeTree();
  readonly attached = new Set<Attachment>();
  /** Cut off from the others: it answers reads, and nothing else. */
  isIsolated = false;
  isUp = true;
  /** Notifications get lost. */
  isForgetful = false;
  /** Commits it has not applied. */
  backlog: Commit[] = [];
  readonly waiting: { readonly zxid: bigint; readonly run: () => void }[] = [];
}

export interface EnsembleDeps {
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly trace: Trace;
  /** Hears of every transaction, as the leader decides it. */
  readonly committed: (commit: Commit) => void;
}

/** A ZooKeeper ensemble: one leader that decides, servers that follow it at some distance, sessions that the leader keeps. */
export class Ensemble {
  readonly #timeline: Timeline;
  readonly #dice: Dice;
  readonly #trace: Trace;
  readonly #leader = new ZnodeTree();
  readonly #servers: readonly Server[];
  readonly #sessions = new Map<bigint, Session>();
  readonly #committed: (commit: Commit) => void;
  #nextSession = 0x1000n;
  /** Commits get to the servers only after this. */
  lagMs = 0;

  constructor(servers: number, deps: EnsembleDeps) {
    this.#timeline = deps.timeline;
    this.#dice = deps.dice;
    this.#trace = deps.trace;
    this.#committed = deps.committed;
    this.#servers = Array.from({ length: servers }, () => new Server());
  }

  get size(): number {
    return this.#servers.length;
  }

  /** As the leader has it. */
  node(path: string): ZNode | undefined {
    return this.#leader.get(path);
  }

  children(path: string): readonly string[] {
    return this.#leader.children(path) ?? [];
  }

  isUp(server: number): boolean {
    return this.#server(server).isUp;
  }

  read(server: number): ZnodeTree {
    return this.#server(server).tree;
  }

  setForgetful(isForgetful: boolean): void {
    for (const server of this.#servers) server.isForgetful = isForgetful;
  }

  isolate(server: number, isIsolated: boolean): void {
    const at = this.#server(server);
    at.isIsolated = isIsolated;
    if (isIsolated) return;
    for (const commit of at.backlog.splice(0)) this.#apply(at, commit);
  }

  crash(server: number): void {
    const at = this.#server(server);
    at.isUp = false;
    for (const { link } of [...at.attached]) link.sever({ isSilent: this.#dice.chance(0.3) });
  }

  restart(server: number): void {
    this.#server(server).isUp = true;
  }

  /** A client introduces itself. Undefined: no answer, the server cannot ask the leader. */
  admit(server: number, sessionId: bigint, timeoutMs: number, seenZxid: bigint): Admission | undefined {
    const at = this.#server(server);
    if (at.isIsolated) return undefined;
    // A server that has seen less than the client does not take it.
    if (at.tree.zxid < seenZxid) return 'refused';
    const known = this.#sessions.get(sessionId);
    if (sessionId !== 0n) {
      if (known === undefined || known.isOver) return 'expired';
      known.heardMs = this.#timeline.nowMs;
      return { sessionId, zxid: at.tree.zxid };
    }
    this.#nextSession += 1n;
    const session = { id: this.#nextSession, timeoutMs, heardMs: this.#timeline.nowMs, isOver: false };
    this.#sessions.set(session.id, session);
    this.#watchOver(session);
    return { sessionId: session.id, zxid: at.tree.zxid };
  }

  attach(server: number, attachment: Attachment): void {
    const { attached } = this.#server(server);
    attached.add(attachment);
    attachment.link.onSevered(() => attached.delete(attachment));
  }

  /** The leader hears that the session lives. False: it is over; undefined: the server cannot tell it. */
  touch(server: number, sessionId: bigint): boolean | undefined {
    if (this.#server(server).isIsolated) return undefined;
    const session = this.#sessions.get(sessionId);
    if (session === undefined || session.isOver) return false;
    session.heardMs = this.#timeline.nowMs;
    return true;
  }

  /** Calls back when the server has seen what the leader has done so far. */
  caughtUp(server: number, run: () => void): void {
    const at = this.#server(server);
    if (at.tree.zxid >= this.#leader.zxid) run();
    else at.waiting.push({ zxid: this.#leader.zxid, run });
  }

  write(
    ops: readonly StoreOp[],
    sessionId: bigint,
  ): { readonly commit: Commit } | { readonly index: number; readonly refusal: Refusal } {
    const outcome = this.#leader.transact(ops, sessionId);
    if ('commit' in outcome) {
      this.#committed(outcome.commit);
      this.#spread(outcome.commit);
    }
    return outcome;
  }

  endSession(sessionId: bigint): void {
    const session = this.#sessions.get(sessionId);
    if (session === undefined || session.isOver) return;
    session.isOver = true;
    const paths = this.#leader.ownedBy(sessionId);
    this.#trace.tell('zookeeper', `session 0x${sessionId.toString(16)} is over, ${paths.join(' ')} removed`);
    if (paths.length > 0)
      this.write(
        paths.map((path) => ({ type: 'remove', path, version: -1 })),
        sessionId,
      );
    for (const { attached } of this.#servers) {
      for (const attachment of [...attached]) if (attachment.sessionId === sessionId) attachment.link.sever();
    }
  }

  #server(index: number): Server {
    return this.#servers[index] as Server;
  }

  #watchOver(session: Session): void {
    const leftMs = session.heardMs + session.timeoutMs - this.#timeline.nowMs;
    this.#timeline.after(Math.ceil(Math.max(leftMs, 1) / TICK_MS) * TICK_MS, () => {
      if (session.isOver) return;
      if (this.#timeline.nowMs - session.heardMs >= session.timeoutMs) this.endSession(session.id);
      else this.#watchOver(session);
    });
  }

  #spread(commit: Commit): void {
    for (const [index, server] of this.#servers.entries()) {
      server.backlog.push(commit);
      // The first one is the leader's own.
      const lagMs = index === 0 ? 0 : this.#dice.between(...LAG_MS) + this.lagMs * this.#dice.unit();
      this.#timeline.after(lagMs, () => {
        if (server.isIsolated) return;
        const due = server.backlog.findIndex(({ zxid }) => zxid === commit.zxid);
        for (const each of server.backlog.splice(0, due + 1)) this.#apply(server, each);
      });
    }
  }

  #apply(server: Server, commit: Commit): void {
    server.tree.apply(commit);
    for (const { path } of commit.changes) {
      for (const attachment of server.attached) {
        if (!isWatched(attachment, path) || (server.isForgetful && this.#dice.chance(0.5))) continue;
        attachment.notify(path, commit.zxid);
      }
    }
    const ready = server.waiting.filter(({ zxid }) => zxid <= commit.zxid);
    for (const one of ready) {
      server.waiting.splice(server.waiting.indexOf(one), 1);
      one.run();
    }
  }
}

function isWatched({ watched }: Attachment, path: string): boolean {
  for (const root of watched) if (root === '/' || path === root || path.startsWith(`${root}/`)) return true;
  return false;
}
