import jute from 'node-zookeeper-client/lib/jute/index.js';
import { checkAnswer, checkConnectAnswer } from '../../../common/coordination/zookeeper/answer-check.js';
import {
  type ConnectionManager,
  createConnectionManager,
  LIBRARY_STATE,
} from '../../../common/coordination/zookeeper/client-internals.js';
import { notificationPath } from '../../../common/coordination/zookeeper/jute.js';
import type { FuzzTarget } from '../fuzz-target.js';

const REPLY_HEADER = Buffer.concat([int(5), Buffer.alloc(8, 1), int(0)]);
const STAT = Buffer.alloc(68, 2);

function int(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeInt32BE(value);
  return out;
}

function field(content: Buffer | string | null): Buffer {
  if (content === null) return int(-1);
  const bytes = Buffer.from(content);
  return Buffer.concat([int(bytes.length), bytes]);
}

const op = jute.OP_CODES;
const header = (type: number, done = false): Buffer =>
  Buffer.concat([int(type), Buffer.from([done ? 1 : 0]), int(done ? -1 : 0)]);

const ANSWERS: Readonly<Record<'CREATE' | 'GET_DATA' | 'GET_CHILDREN2' | 'EXISTS' | 'SET_DATA' | 'MULTI', Buffer[]>> = {
  CREATE: [field('/causeway/workers/w1')],
  GET_DATA: [Buffer.concat([field('{"v":1}'), STAT]), Buffer.concat([field(null), STAT])],
  GET_CHILDREN2: [Buffer.concat([int(3), field('a'), field('bb'), field('ccc'), STAT])],
  EXISTS: [STAT],
  SET_DATA: [STAT],
  MULTI: [
    Buffer.concat([
      header(op.CREATE),
      field('/a'),
      header(op.SET_DATA),
      STAT,
      header(op.CHECK),
      header(op.DELETE),
      header(op.ERROR),
      int(-101),
      header(-1, true),
    ]),
  ],
};

/** A connection object of the library that waits for the answer to one request. */
function waiting(type: number): ConnectionManager {
  const manager = createConnectionManager(4_000);
  manager.state = LIBRARY_STATE.connected;
  const requestHeader = new jute.protocol.RequestHeader(5, type);
  requestHeader.xid = 5;
  (manager.pendingQueue as unknown[]).push({ request: { header: requestHeader }, callback: () => undefined });
  (manager as { socket: unknown }).socket = { destroy: () => undefined, setTimeout: () => undefined };
  return manager;
}

/** As the frame reader gives it: with a length in front that is right. */
const framed = (body: Buffer): Buffer => Buffer.concat([int(body.length), body]);

/** The wrapper cuts the connection over whatever is thrown; a RangeError is what impossible lengths throw. */
function answerTargets(): FuzzTarget[] {
  return (Object.keys(ANSWERS) as (keyof typeof ANSWERS)[]).map((name) => ({
    name: `zookeeper/${name}`,
    weight: 8,
    codes: [],
    alsoThrows: [RangeError],
    valid: ANSWERS[name].map((body) => Buffer.concat([REPLY_HEADER, body])),
    run: (input: Buffer) => {
      const frame = framed(input);
      if (frame.length < 20) return;
      // Refusals have no content; another number is not handed to the library.
      frame.writeInt32BE(5, 4);
      frame.writeInt32BE(0, 16);
      checkAnswer(frame, op[name]);
      try {
        waiting(op[name]).onSocketData(frame);
      } catch (error) {
        // The library has plain errors for what it does not know.
        if (!(error instanceof Error) || /Unknown type/.test(error.message) === false) throw error;
      }
    },
  }));
}

function connectTarget(): FuzzTarget {
  const body = Buffer.concat([int(0), int(4_000), Buffer.alloc(8, 3), field(Buffer.alloc(16, 4)), Buffer.from([0])]);
  return {
    name: 'zookeeper/connect',
    weight: 8,
    codes: [],
    alsoThrows: [RangeError],
    valid: [body],
    run: (input) => {
      const frame = framed(input);
      checkConnectAnswer(frame);
      const manager = waiting(op.CREATE);
      manager.state = LIBRARY_STATE.connecting;
      manager.onSocketData(frame);
    },
  };
}

function eventTarget(): FuzzTarget {
  return {
    name: 'zookeeper/event',
    weight: 8,
    codes: [],
    alsoThrows: [RangeError],
    valid: [Buffer.concat([int(3), int(3), field('/causeway/routes/r')])],
    run: (input) => void notificationPath(input),
  };
}

export function zooKeeperTargets(): FuzzTarget[] {
  return [...answerTargets(), connectTarget(), eventTarget()];
}
