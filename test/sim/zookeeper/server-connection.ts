import jute from 'node-zookeeper-client/lib/jute/index.js';
import type { StoreOp } from '../../../common/coordination/ports.js';
import {
  ZK_BAD_VERSION,
  ZK_NO_CHILDREN_FOR_EPHEMERALS,
  ZK_NO_NODE,
  ZK_NODE_EXISTS,
  ZK_NOT_EMPTY,
  ZK_OK,
  ZK_RUNTIME_INCONSISTENCY,
  type ZkRequest,
} from '../../../common/coordination/zookeeper/jute.js';
import type { Attachment, Ensemble } from './ensemble.js';
import type { Refusal, ZNode } from './tree.js';

const op = jute.OP_CODES;
const OP_ADD_WATCH = 106;
const OP_REMOVE_WATCHES = 18;
const EPHEMERAL = 1;

type Answer = (err: number, payload: unknown, zxid: bigint) => void;

interface Fields {
  readonly path: string;
  readonly data?: Buffer;
  readonly version?: number;
  readonly flags?: number;
}

/** One request after the other: a read behind a write sees it. */
export class ServerConnection {
  readonly #ensemble: Ensemble;
  readonly #server: number;
  readonly #attachment: Attachment;
  readonly #inbox: (() => void)[] = [];
  #isBusy = false;

  constructor(ensemble: Ensemble, server: number, attachment: Attachment) {
    this.#ensemble = ensemble;
    this.#server = server;
    this.#attachment = attachment;
  }

  request(request: ZkRequest, answer: Answer): void {
    const { link } = this.#attachment;
    const reply: Answer = (err, payload, zxid) => link.toClient(() => answer(err, payload, zxid));
    link.toServer(() => this.#take(() => this.#handle(request, reply)));
  }

  close(done: () => void): void {
    const { link, sessionId } = this.#attachment;
    link.toServer(() =>
      this.#take(() => {
        if (this.#ensemble.touch(this.#server, sessionId) === undefined) return;
        link.toClient(done);
        this.#ensemble.endSession(sessionId);
      }),
    );
  }

  #take(run: () => void): void {
    if (!this.#ensemble.isUp(this.#server)) return;
    this.#inbox.push(run);
    if (!this.#isBusy) this.#next();
  }

  #next(): void {
    const run = this.#inbox.shift();
    this.#isBusy = run !== undefined;
    run?.();
  }

  #handle(request: ZkRequest, reply: Answer): void {
    const lives = this.#ensemble.touch(this.#server, this.#attachment.sessionId);
    if (lives === false) {
      this.#attachment.link.sever();
      return;
    }
    if (request.throughLeader) {
      // Cut off from the leader it never answers.
      if (lives === true) this.#write(request, reply);
      return;
    }
    this.#read(request, reply);
    this.#next();
  }

  #read({ type, payload }: ZkRequest, reply: Answer): void {
    const tree = this.#ensemble.read(this.#server);
    const { path } = payload as unknown as Fields;
    if (type === OP_ADD_WATCH || type === OP_REMOVE_WATCHES) {
      if (type === OP_ADD_WATCH) this.#attachment.watched.add(path);
      else this.#attachment.watched.delete(path);
      reply(ZK_OK, undefined, tree.zxid);
      return;
    }
    const node = tree.get(path);
    if (node === undefined) reply(ZK_NO_NODE, undefined, tree.zxid);
    else if (type === op.GET_CHILDREN2) reply(ZK_OK, { children: tree.children(path) }, tree.zxid);
    else reply(ZK_OK, { data: node.data, stat: statOf(node) }, tree.zxid);
  }

  #write({ type, payload }: ZkRequest, reply: Answer): void {
    if (type === op.SYNC) {
      this.#ensemble.caughtUp(this.#server, () => this.#done(reply, ZK_OK, undefined));
      return;
    }
    const isMulti = type === op.MULTI;
    const ops = isMulti
      ? (payload as unknown as { ops: readonly (Fields & { type: number; mode?: number })[] }).ops.map((each) =>
          storeOp(each.type, { ...each, flags: each.mode ?? 0 }),
        )
      : [storeOp(type, payload as unknown as Fields)];
    const outcome = this.#ensemble.write(ops, this.#attachment.sessionId);
    const answered = (): void => {
      if (isMulti) this.#done(reply, ZK_OK, { results: multiResults(ops, outcome) });
      else if ('refusal' in outcome) this.#done(reply, CODES[outcome.refusal], undefined);
      else this.#done(reply, ZK_OK, { stat: statOf(outcome.commit.changes[0]?.node) });
    };
    // Its own server shows a client what it has written.
    this.#ensemble.caughtUp(this.#server, answered);
  }

  #done(reply: Answer, err: number, payload: unknown): void {
    reply(err, payload, this.#ensemble.read(this.#server).zxid);
    this.#next();
  }
}

type Outcome = ReturnType<Ensemble['write']>;

function multiResults(ops: readonly StoreOp[], outcome: Outcome): object[] {
  if ('refusal' in outcome) {
    return ops.map((_, index) => {
      if (index === outcome.index) return { err: CODES[outcome.refusal] };
      return { err: index < outcome.index ? ZK_OK : ZK_RUNTIME_INCONSISTENCY };
    });
  }
  const versions = new Map(outcome.commit.changes.map(({ path, node }) => [path, node]));
  return ops.map(({ type, path }) => (type === 'set' ? { stat: statOf(versions.get(path)) } : {}));
}

function storeOp(type: number, { path, data = Buffer.alloc(0), version = -1, flags = 0 }: Fields): StoreOp {
  switch (type) {
    case op.CREATE:
      return { type: 'create', path, data, ephemeral: flags === EPHEMERAL };
    case op.SET_DATA:
      return { type: 'set', path, data, version };
    case op.DELETE:
      return { type: 'remove', path, version };
    default:
      return { type: 'check', path, version };
  }
}

/** A node's value never changes, and is read many times. */
const stats = new WeakMap<ZNode, object>();

function statOf(node: ZNode | undefined): object {
  if (node === undefined) return { czxid: long(0n), version: 0, ephemeralOwner: long(0n) };
  const known = stats.get(node);
  if (known !== undefined) return known;
  const stat = { czxid: long(node.czxid), version: node.version, ephemeralOwner: long(node.owner) };
  stats.set(node, stat);
  return stat;
}

function long(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

const CODES: Readonly<Record<Refusal, number>> = {
  NO_NODE: ZK_NO_NODE,
  NODE_EXISTS: ZK_NODE_EXISTS,
  BAD_VERSION: ZK_BAD_VERSION,
  NOT_EMPTY: ZK_NOT_EMPTY,
  NO_CHILDREN_FOR_EPHEMERALS: ZK_NO_CHILDREN_FOR_EPHEMERALS,
};
