import { type Dialect, type FrameKind, withFlippedBit } from './dialect.js';
import type { ProxyPiece } from './tcp-proxy.js';

/** ZooKeeper's op codes (ZooDefs.OpCode); `connect` and `notification` are ours: those frames carry none. */
export const ZooKeeperOp = {
  connect: -100,
  notification: -1,
  closeSession: -11,
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getChildren: 8,
  ping: 11,
  multi: 14,
  create2: 15,
} as const;

const LENGTH_BYTES = 4;
const NOTIFICATION_XID = -1;
/** A reply's header: xid INT32, zxid INT64, err INT32. */
const REPLY_ERR_AT = LENGTH_BYTES + 12;
const REPLY_HEADER_END = REPLY_ERR_AT + 4;
/** A request's header: xid INT32, type INT32. */
const REQUEST_HEADER_END = LENGTH_BYTES + 8;

interface Conversation {
  hasAsked: boolean;
  hasAnswered: boolean;
  /** Op codes of what is not answered yet, by xid. */
  readonly asked: Map<number, number>;
}

/** ZooKeeper's client protocol (jute), plaintext. The first frame of either direction opens the session and has no xid. */
export class ZooKeeperDialect implements Dialect {
  readonly #conversations = new Map<number, Conversation>();

  classify({ direction, connection, bytes }: ProxyPiece): FrameKind | undefined {
    const conversation = this.#conversation(connection);
    return direction === 'toServer' ? request(conversation, bytes) : answer(conversation, bytes);
  }

  rewrite({ bytes }: ProxyPiece): Buffer {
    return bytes;
  }

  /** The reply's header with the code (KeeperException.Code), and nothing behind it. */
  withError(frame: Buffer, { api }: FrameKind, code: number): Buffer | undefined {
    if (frame.length < REPLY_HEADER_END || api === ZooKeeperOp.connect || api === ZooKeeperOp.notification)
      return undefined;
    const reply = Buffer.from(frame.subarray(0, REPLY_HEADER_END));
    reply.writeInt32BE(REPLY_HEADER_END - LENGTH_BYTES, 0);
    reply.writeInt32BE(code, REPLY_ERR_AT);
    return reply;
  }

  /** In the last byte of the data that a getData brings: before the 68 bytes of its Stat. */
  flipped(frame: Buffer, { direction }: ProxyPiece, { api }: FrameKind): Buffer | undefined {
    const statBytes = 68;
    const at = frame.length - statBytes - 1;
    const dataAt = REPLY_HEADER_END + 4;
    if (direction !== 'toClient' || api !== ZooKeeperOp.getData || at < dataAt) return undefined;
    return withFlippedBit(frame, at);
  }

  ended(connection: number): void {
    this.#conversations.delete(connection);
  }

  #conversation(connection: number): Conversation {
    let conversation = this.#conversations.get(connection);
    if (conversation === undefined) {
      conversation = { hasAsked: false, hasAnswered: false, asked: new Map() };
      this.#conversations.set(connection, conversation);
    }
    return conversation;
  }
}

const kindOf = (api: number): FrameKind => ({ api, version: 0 });

function request(conversation: Conversation, bytes: Buffer): FrameKind | undefined {
  if (!conversation.hasAsked) {
    conversation.hasAsked = true;
    return kindOf(ZooKeeperOp.connect);
  }
  if (bytes.length < REQUEST_HEADER_END) return undefined;
  const op = bytes.readInt32BE(LENGTH_BYTES + 4);
  conversation.asked.set(bytes.readInt32BE(LENGTH_BYTES), op);
  return kindOf(op);
}

function answer(conversation: Conversation, bytes: Buffer): FrameKind | undefined {
  if (!conversation.hasAnswered) {
    conversation.hasAnswered = true;
    return kindOf(ZooKeeperOp.connect);
  }
  if (bytes.length < REPLY_HEADER_END) return undefined;
  const xid = bytes.readInt32BE(LENGTH_BYTES);
  if (xid === NOTIFICATION_XID) return kindOf(ZooKeeperOp.notification);
  const op = conversation.asked.get(xid);
  conversation.asked.delete(xid);
  return op === undefined ? undefined : kindOf(op);
}
