import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** Pieces below this are cheaper to copy together than to hand to the kernel one by one. */
const MIN_OWN_PIECE_BYTES = 1024;

/**
 * Over TLS this much is encrypted and written at a time. All is copied there anyway: Node would copy several buffers into fresh memory for
 * each request, which costs more in page faults and garbage collection than the copying itself.
 */
const TLS_BLOCK_BYTES = 256 * 1024;
const MIN_TLS_BLOCK_BYTES = 16 * 1024;

/** Writes requests to a socket, in order. The pieces are read until they are on their way: they must stay unchanged until the answer. */
export interface Sender {
  send(header: Buffer, pieces: readonly Buffer[]): void;
}

/** The way of writing that costs the socket's kind least. */
export function senderFor(socket: Socket): Sender {
  return socket instanceof TLSSocket ? new BlockSender(socket) : new GatheringSender(socket);
}

/** One writev per request; large pieces are not copied. */
export class GatheringSender implements Sender {
  readonly #socket: Pick<Socket, 'cork' | 'uncork' | 'write'>;

  constructor(socket: Pick<Socket, 'cork' | 'uncork' | 'write'>) {
    this.#socket = socket;
  }

  send(header: Buffer, pieces: readonly Buffer[]): void {
    const socket = this.#socket;
    const count = pieces.length;
    socket.cork();
    let small: Buffer[] = [header];
    let smallBytes = header.length;
    for (let i = 0; i < count; i += 1) {
      const piece = pieces[i] as Buffer;
      if (piece.length === 0) continue;
      if (piece.length < MIN_OWN_PIECE_BYTES) {
        small.push(piece);
        smallBytes += piece.length;
        continue;
      }
      if (smallBytes > 0) socket.write(joined(small, smallBytes));
      socket.write(piece);
      small = [];
      smallBytes = 0;
    }
    if (smallBytes > 0) socket.write(joined(small, smallBytes));
    socket.uncork();
  }
}

function joined(pieces: readonly Buffer[], bytes: number): Buffer {
  return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces, bytes);
}

/** Copies all that waits into one block of memory, which is written, and filled again once it is. */
export class BlockSender implements Sender {
  readonly #socket: Pick<Socket, 'write' | 'destroyed'>;
  readonly #waiting: Buffer[] = [];
  /** Of the first one that waits, this much is written. */
  #taken = 0;
  #waitingBytes = 0;
  #block = Buffer.alloc(0);
  #writing = false;

  constructor(socket: Pick<Socket, 'write' | 'destroyed'>) {
    this.#socket = socket;
  }

  send(header: Buffer, pieces: readonly Buffer[]): void {
    this.#waiting.push(header);
    this.#waitingBytes += header.length;
    for (const piece of pieces) {
      if (piece.length === 0) continue;
      this.#waiting.push(piece);
      this.#waitingBytes += piece.length;
    }
    if (!this.#writing) this.#next();
  }

  #next(): void {
    if (this.#waitingBytes === 0 || this.#socket.destroyed) return;
    const bytes = this.#fill();
    this.#writing = true;
    this.#socket.write(this.#block.subarray(0, bytes), (error) => {
      this.#writing = false;
      // Behind bytes that are missing nothing may follow.
      if (!error) this.#next();
    });
  }

  /** Moves as much as there is, and fits, into the block. */
  #fill(): number {
    const wanted = Math.min(this.#waitingBytes, TLS_BLOCK_BYTES);
    if (this.#block.length < wanted) this.#block = Buffer.allocUnsafeSlow(blockBytes(wanted));
    const block = this.#block;
    const waiting = this.#waiting;
    let at = 0;
    let used = 0;
    while (at < wanted) {
      const piece = waiting[used] as Buffer;
      const take = Math.min(piece.length - this.#taken, wanted - at);
      piece.copy(block, at, this.#taken, this.#taken + take);
      at += take;
      this.#taken += take;
      if (this.#taken < piece.length) break;
      this.#taken = 0;
      used += 1;
    }
    waiting.splice(0, used);
    this.#waitingBytes -= wanted;
    return wanted;
  }
}

/** Connections that only ever send small requests keep a small block. */
function blockBytes(wanted: number): number {
  let bytes = MIN_TLS_BLOCK_BYTES;
  while (bytes < wanted) bytes *= 2;
  return bytes;
}
