import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Direction, ProxyPiece } from '../../proxy/tcp-proxy.js';
import { ZooKeeperDialect, ZooKeeperOp } from '../../proxy/zookeeper-dialect.js';

const PING_XID = -2;

function frame(...ints: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 + ints.length * 4);
  bytes.writeInt32BE(ints.length * 4, 0);
  ints.forEach((int, index) => {
    bytes.writeInt32BE(int, 4 + index * 4);
  });
  return bytes;
}

const request = (xid: number, op: number): Buffer => frame(xid, op, 0);
/** xid, zxid (64 bits), err, and so much behind it. */
const reply = (xid: number, ...body: readonly number[]): Buffer => frame(xid, 0, 1, 0, ...body);
const opening = frame(0, 0, 0, 4_000, 0, 0);

/** Tells one connection's frames to a dialect. */
function conversation(dialect: ZooKeeperDialect, connection = 1) {
  const piece = (direction: Direction, bytes: Buffer): ProxyPiece => ({ direction, bytes, connection });
  return {
    asks: (bytes: Buffer) => dialect.classify(piece('toServer', bytes))?.api,
    answers: (bytes: Buffer) => dialect.classify(piece('toClient', bytes))?.api,
  };
}

describe('ZooKeeper frames', () => {
  test('the first frame of either direction opens the session, whatever stands in it', () => {
    const { asks, answers } = conversation(new ZooKeeperDialect());
    assert.equal(asks(opening), ZooKeeperOp.connect);
    assert.equal(answers(opening), ZooKeeperOp.connect);
    assert.equal(asks(request(1, ZooKeeperOp.create)), ZooKeeperOp.create);
  });

  test('a reply is known by its xid, a notification by its own, and connections are kept apart', () => {
    const dialect = new ZooKeeperDialect();
    const first = conversation(dialect, 1);
    const second = conversation(dialect, 2);
    for (const { asks, answers } of [first, second]) {
      asks(opening);
      answers(opening);
    }
    first.asks(request(1, ZooKeeperOp.multi));
    second.asks(request(1, ZooKeeperOp.getData));
    first.asks(request(PING_XID, ZooKeeperOp.ping));
    assert.equal(second.answers(reply(1)), ZooKeeperOp.getData);
    assert.equal(first.answers(reply(PING_XID)), ZooKeeperOp.ping);
    assert.equal(first.answers(reply(-1, 3, 3)), ZooKeeperOp.notification);
    assert.equal(first.answers(reply(1)), ZooKeeperOp.multi);
    assert.equal(first.answers(reply(1)), undefined, 'answered already');
  });

  test('a new connection under the number of an ended one begins anew', () => {
    const dialect = new ZooKeeperDialect();
    conversation(dialect).asks(opening);
    dialect.ended(1);
    assert.equal(conversation(dialect).asks(request(4, 4)), ZooKeeperOp.connect);
  });

  test('an error takes the place of the answer’s content; openings and notifications have none', () => {
    const dialect = new ZooKeeperDialect();
    const noNode = -101;
    const out = dialect.withError(reply(9, 1, 2, 3), { api: ZooKeeperOp.getData, version: 0 }, noNode);
    assert.deepEqual(out, frame(9, 0, 1, noNode));
    for (const api of [ZooKeeperOp.connect, ZooKeeperOp.notification])
      assert.equal(dialect.withError(reply(9), { api, version: 0 }, noNode), undefined);
  });

  test('one bit of a node’s data changes, neither its length nor its stat', () => {
    const dialect = new ZooKeeperDialect();
    const stat = new Array<number>(17).fill(0);
    const got = reply(9, 4, 0x01_02_03_04, ...stat);
    const piece: ProxyPiece = { direction: 'toClient', bytes: got, connection: 1 };
    const kind = { api: ZooKeeperOp.getData, version: 0 };
    assert.deepEqual(dialect.flipped(got, piece, kind), reply(9, 4, 0x01_02_03_05, ...stat));
    const empty = reply(9, 0, ...stat);
    assert.equal(dialect.flipped(empty, { ...piece, bytes: empty }, kind), undefined);
    assert.equal(dialect.flipped(got, piece, { api: ZooKeeperOp.exists, version: 0 }), undefined);
  });
});
