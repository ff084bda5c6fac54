import jute from 'node-zookeeper-client/lib/jute/index.js';

/*
 * The library's parser believes every length: it allocates what a buffer claims to hold (up to 2 GiB of zeros), and a negative string
 * length moves it backwards, so that a vector or a transaction's answer is read for ever. Whoever answers with such bytes is no
 * ZooKeeper, or they were damaged on the way: the same walk, checked, comes first. Faults are RangeErrors, which cut the connection.
 */

const LENGTH_BYTES = 4;
const REPLY_HEADER_BYTES = 16;
/** protocolVersion, timeOut, sessionId. */
const CONNECT_FIXED_BYTES = 16;
/** type, state. */
const EVENT_FIXED_BYTES = 8;
const STAT_BYTES = 68;
const ERROR_BYTES = 4;
/** No field at all behind its length of -1. */
const NULL_LENGTH = -1;

const op = jute.OP_CODES;

class Walk {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, start: number) {
    this.#bytes = bytes;
    this.#at = start;
  }

  skip(bytes: number): void {
    this.#at += bytes;
    if (this.#at > this.#bytes.length)
      throw new RangeError(`an answer ends ${this.#at - this.#bytes.length} bytes early`);
  }

  int(): number {
    this.skip(4);
    return this.#bytes.readInt32BE(this.#at - 4);
  }

  /** A buffer or string: a length, then that many bytes. */
  field(): void {
    const length = this.int();
    if (length < NULL_LENGTH) throw new RangeError(`a field of ${length} bytes`);
    if (length > 0) this.skip(length);
  }

  fields(): void {
    const count = this.int();
    for (let i = 0; i < count; i += 1) this.field();
  }

  /** MultiHeader (type, done, err) and result, until a header says done. */
  results(): void {
    for (;;) {
      const type = this.int();
      this.skip(1);
      const done = this.#bytes[this.#at - 1] === 1;
      this.skip(4);
      if (done) return;
      if (type === op.CREATE) this.field();
      else if (type === op.SET_DATA) this.skip(STAT_BYTES);
      else if (type === op.ERROR) this.skip(ERROR_BYTES);
    }
  }
}

/** The answer to a session request, length prefix included. @throws RangeError */
export function checkConnectAnswer(frame: Buffer): void {
  const walk = new Walk(frame, LENGTH_BYTES);
  walk.skip(CONNECT_FIXED_BYTES);
  walk.field();
}

/** The answer to a request that is parsed as `type` and was not refused, length prefix included. @throws RangeError */
export function checkAnswer(frame: Buffer, type: number): void {
  const walk = new Walk(frame, LENGTH_BYTES);
  walk.skip(REPLY_HEADER_BYTES);
  switch (type) {
    case op.CREATE:
      walk.field();
      break;
    case op.GET_DATA:
      walk.field();
      walk.skip(STAT_BYTES);
      break;
    case op.GET_CHILDREN2:
      walk.fields();
      walk.skip(STAT_BYTES);
      break;
    case op.EXISTS:
    case op.SET_DATA:
      walk.skip(STAT_BYTES);
      break;
    case op.MULTI:
      walk.results();
      break;
  }
}

/** A watch notification behind its reply header. @throws RangeError */
export function checkEvent(body: Buffer): void {
  const walk = new Walk(body, 0);
  walk.skip(EVENT_FIXED_BYTES);
  walk.field();
}
