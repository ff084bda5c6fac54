import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BlockSender, GatheringSender } from '../../../../common/kafka/wire/sender.js';

/** Takes what is written; over TLS nothing is done with it before `finish`. */
class SocketDouble {
  destroyed = false;
  readonly writes: Buffer[] = [];
  readonly bytes: Buffer[] = [];
  corked = 0;
  #open: { readonly block: Buffer; readonly done: (error?: Error) => void }[] = [];

  cork(): void {
    this.corked += 1;
  }

  uncork(): void {
    this.corked -= 1;
  }

  write(block: Buffer | string | Uint8Array, ...rest: unknown[]): boolean {
    const written = block as Buffer;
    const done = rest.find((value) => typeof value === 'function') as ((error?: Error) => void) | undefined;
    this.writes.push(written);
    this.#open.push({ block: written, done: done ?? (() => undefined) });
    return true;
  }

  get unfinished(): number {
    return this.#open.length;
  }

  /** The socket is done with its oldest write: only now its bytes are read. */
  finish(): void {
    const oldest = this.#open.shift();
    if (oldest === undefined) return;
    this.bytes.push(Buffer.from(oldest.block));
    oldest.done();
  }

  /** The oldest write fails; the stream tells that before it is destroyed. */
  fail(): void {
    this.#open.shift()?.done(new Error('write EPIPE'));
  }

  finishAll(): Buffer {
    while (this.#open.length > 0) this.finish();
    return Buffer.concat(this.bytes);
  }
}

const pieceArbitrary = fc
  .tuple(
    fc.oneof({ weight: 4, arbitrary: fc.nat(200) }, fc.integer({ min: 900, max: 1_100 }), fc.nat(300_000)),
    fc.nat(255),
  )
  .map(([size, byte]) => Buffer.alloc(size, byte));
const requestArbitrary = fc.record({
  header: fc.integer({ min: 14, max: 60 }).map((size) => Buffer.alloc(size, 0xaa)),
  pieces: fc.array(pieceArbitrary, { maxLength: 12 }),
  /** Writes that end before the next request comes. */
  finished: fc.nat(3),
});
const requestsArbitrary = fc.array(requestArbitrary, { minLength: 1, maxLength: 6 });

describe('senders', () => {
  for (const [name, Sender] of [
    ['gathering', GatheringSender],
    ['block', BlockSender],
  ] as const) {
    test(`the ${name} sender writes every byte in order, however slowly the socket takes them`, () => {
      fc.assert(
        fc.property(requestsArbitrary, (requests) => {
          const socket = new SocketDouble();
          const sender = new Sender(socket as never);
          for (const { header, pieces, finished } of requests) {
            sender.send(header, pieces);
            for (let i = 0; i < finished; i += 1) socket.finish();
          }
          const expected = Buffer.concat(requests.flatMap(({ header, pieces }) => [header, ...pieces]));
          assert.ok(socket.finishAll().equals(expected));
        }),
        { numRuns: 100 },
      );
    });
  }

  test('large pieces are gathered by reference, small neighbours become one', () => {
    const socket = new SocketDouble();
    const large = Buffer.alloc(100_000, 1);
    const small = Buffer.alloc(30, 2);
    new GatheringSender(socket as never).send(small, [small, Buffer.alloc(0), large, small, small, large]);
    assert.equal(socket.corked, 0);
    assert.deepEqual(
      socket.writes.map(({ length }) => length),
      [60, 100_000, 60, 100_000],
    );
    assert.equal(socket.writes[1], large);
  });

  test('one block is written at a time; what came meanwhile goes together in the next', () => {
    const socket = new SocketDouble();
    const sender = new BlockSender(socket as never);
    for (let i = 0; i < 4; i += 1) sender.send(Buffer.alloc(20, i), [Buffer.alloc(1_000, i)]);
    assert.equal(socket.unfinished, 1);
    socket.finish();
    assert.deepEqual(
      socket.writes.map(({ length }) => length),
      [1_020, 3_060],
    );
  });

  test('nothing is written behind a block that could not be', () => {
    const socket = new SocketDouble();
    const sender = new BlockSender(socket as never);
    sender.send(Buffer.alloc(20), []);
    sender.send(Buffer.alloc(20), []);
    socket.fail();
    assert.equal(socket.writes.length, 1);
  });

  test('a closed socket is written to no more', () => {
    const socket = new SocketDouble();
    const sender = new BlockSender(socket as never);
    sender.send(Buffer.alloc(20), []);
    sender.send(Buffer.alloc(20), []);
    socket.destroyed = true;
    socket.finishAll();
    assert.equal(socket.writes.length, 1);
  });
});
