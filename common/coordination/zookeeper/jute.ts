import zookeeper from 'node-zookeeper-client';
import jute, {
  type RecordBase,
  type Request,
  type Stat,
  type TransactionOp,
} from 'node-zookeeper-client/lib/jute/index.js';
import type { StoreOp } from '../ports.js';
import { checkEvent } from './answer-check.js';

/** Error codes of ZooKeeper's KeeperException.Code that the wrapper tells apart. */
export const ZK_OK = 0;
export const ZK_SYSTEM_ERROR = -1;
export const ZK_RUNTIME_INCONSISTENCY = -2;
export const ZK_NO_NODE = -101;
export const ZK_NO_AUTH = -102;
export const ZK_BAD_VERSION = -103;
export const ZK_NO_CHILDREN_FOR_EPHEMERALS = -108;
export const ZK_NODE_EXISTS = -110;
export const ZK_NOT_EMPTY = -111;
export const ZK_SESSION_EXPIRED = -112;
export const ZK_INVALID_ACL = -114;
export const ZK_AUTH_FAILED = -115;
export const ZK_SESSION_MOVED = -118;

/** Op codes that the library does not know (ZooDefs.OpCode). */
const OP_ADD_WATCH = 106;
const OP_REMOVE_WATCHES = 18;
const ADD_WATCH_PERSISTENT_RECURSIVE = 1;
/** Watcher.WatcherType.Any */
const WATCHER_TYPE_ANY = 3;
const MODE_PERSISTENT = zookeeper.CreateMode.PERSISTENT;
const MODE_EPHEMERAL = zookeeper.CreateMode.EPHEMERAL;

/**
 * A request as the store hands it to a connection. `type` is what goes onto the wire; where the library's reply parser would
 * drop the connection over a type it does not know, `parsedAs` names one with an empty answer.
 */
export interface ZkRequest {
  readonly type: number;
  readonly payload: RecordBase | null;
  readonly parsedAs?: number;
  /** The leader took part in the answer, so it proves that the session lived when the request was sent. */
  readonly throughLeader: boolean;
}

export interface Acls {
  readonly entries: readonly ZkAcl[];
}
interface ZkAcl {
  toRecord(): { readonly perms: number };
}

const aclConstants = zookeeper.ACL as unknown as Readonly<Record<'OPEN_ACL_UNSAFE' | 'CREATOR_ALL_ACL', ZkAcl[]>>;
/** Everybody may do everything. */
export const OPEN_ACLS: Acls = { entries: aclConstants.OPEN_ACL_UNSAFE };
/** Only who knows the creator's credentials may do anything. */
export const CREATOR_ACLS: Acls = { entries: aclConstants.CREATOR_ALL_ACL };

const op = jute.OP_CODES;
const read = (type: number, payload: RecordBase): ZkRequest => ({ type, payload, throughLeader: false });
const write = (type: number, payload: RecordBase): ZkRequest => ({ type, payload, throughLeader: true });

export const getRequest = (path: string): ZkRequest => read(op.GET_DATA, new jute.protocol.GetDataRequest(path, false));
export const existsRequest = (path: string): ZkRequest => read(op.EXISTS, new jute.protocol.ExistsRequest(path, false));
export const childrenRequest = (path: string): ZkRequest =>
  read(op.GET_CHILDREN2, new jute.protocol.GetChildren2Request(path, false));
export const setRequest = (path: string, data: Buffer, version: number): ZkRequest =>
  write(op.SET_DATA, new jute.protocol.SetDataRequest(path, data, version));
export const removeRequest = (path: string, version: number): ZkRequest =>
  write(op.DELETE, new jute.protocol.DeleteRequest(path, version));

export function createRequest(path: string, data: Buffer, ephemeral: boolean, acls: Acls): ZkRequest {
  const records = acls.entries.map((acl) => acl.toRecord());
  const mode = ephemeral ? MODE_EPHEMERAL : MODE_PERSISTENT;
  return write(op.CREATE, new jute.protocol.CreateRequest(path, data, records, mode));
}

/** The answer's path says nothing new, so it is parsed as an empty one. */
export const syncRequest = (path: string): ZkRequest => ({
  ...write(op.SYNC, new jute.protocol.GetACLRequest(path)),
  parsedAs: op.DELETE,
});

/** One watch for the whole subtree, which stays after it fired (ZooKeeper 3.6+). */
export function addWatchRequest(path: string): ZkRequest {
  // AddWatchRequest {ustring path; int mode} has the fields of DeleteRequest.
  const payload = new jute.protocol.DeleteRequest(path, ADD_WATCH_PERSISTENT_RECURSIVE);
  return { type: OP_ADD_WATCH, payload, parsedAs: op.DELETE, throughLeader: false };
}

/** Takes such a watch back. */
export function removeWatchRequest(path: string): ZkRequest {
  // RemoveWatchesRequest {ustring path; int type} has the fields of DeleteRequest.
  const payload = new jute.protocol.DeleteRequest(path, WATCHER_TYPE_ANY);
  return { type: OP_REMOVE_WATCHES, payload, parsedAs: op.DELETE, throughLeader: false };
}

/**
 * Fault Z1: the library's Transaction turns version 0 into "any version", so the operations are given to the
 * wire record directly.
 */
export function multiRequest(ops: readonly StoreOp[], absolute: (path: string) => string, acls: Acls): ZkRequest {
  const records = ops.map((each) => transactionOp(each, absolute(each.path), acls));
  return write(op.MULTI, new jute.TransactionRequest(records));
}

function transactionOp(each: StoreOp, path: string, acls: Acls): TransactionOp {
  switch (each.type) {
    case 'check':
      return { type: op.CHECK, path, version: each.version };
    case 'create': {
      const mode = each.ephemeral === true ? MODE_EPHEMERAL : MODE_PERSISTENT;
      return { type: op.CREATE, path, data: each.data, acls: acls.entries, mode };
    }
    case 'set':
      return { type: op.SET_DATA, path, data: each.data, version: each.version };
    case 'remove':
      return { type: op.DELETE, path, version: each.version };
  }
}

/** AUTH goes outside the numbered requests: it has an xid of its own. */
export function authPacket(scheme: string, credential: string): Request {
  const header = new jute.protocol.RequestHeader(jute.XID_AUTHENTICATION, op.AUTH);
  return new jute.Request(header, new jute.protocol.AuthPacket(0, scheme, Buffer.from(credential)));
}

/** CLOSE_SESSION under this number, as it stands on the wire. */
export function closeSessionBytes(xid: number): Buffer {
  return new jute.Request(new jute.protocol.RequestHeader(xid, op.CLOSE_SESSION), null).toBuffer();
}

/** A numbered request that notes when it was handed to the socket. */
export class TimedRequest extends jute.Request {
  readonly throughLeader: boolean;
  /** Monotonic ms; undefined until it was written. */
  sentAtMs: number | undefined;
  readonly #parsedAs: number | undefined;
  readonly #nowMs: () => number;

  constructor(request: ZkRequest, nowMs: () => number) {
    super(new jute.protocol.RequestHeader(0, request.type), request.payload);
    this.throughLeader = request.throughLeader;
    this.#parsedAs = request.parsedAs;
    this.#nowMs = nowMs;
  }

  override toBuffer(): Buffer {
    this.sentAtMs = this.#nowMs();
    const bytes = super.toBuffer();
    if (this.#parsedAs !== undefined) this.header.type = this.#parsedAs;
    return bytes;
  }
}

export interface DataAnswer {
  readonly data: Buffer | undefined;
  readonly stat: Stat;
}
export interface ChildrenAnswer {
  readonly children: readonly string[] | undefined;
}
export interface StatAnswer {
  readonly stat: Stat;
}
export interface MultiAnswer {
  readonly results: readonly { readonly type: number; readonly stat?: Stat; readonly err?: number }[];
}

export const longOf = (bytes: Buffer): bigint => bytes.readBigInt64BE(0);

/** The path of a watch notification, whatever its type; `body` starts behind the reply header. @throws RangeError */
export function notificationPath(body: Buffer): string {
  checkEvent(body);
  const event = new jute.protocol.WatcherEvent();
  event.deserialize(body, 0);
  // The library leaves a null string undefined.
  const path: string | undefined = event.path;
  if (path === undefined) throw new RangeError('a notification without a path');
  return path;
}
