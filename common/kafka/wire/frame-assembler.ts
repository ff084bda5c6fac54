import { protocolError } from './reader.js';

/** Largest response we accept: fetches are bounded far below; the broker's own request limit is 100 MB. */
export const MAX_RESPONSE_BYTES = 110 * 1024 * 1024;

/** A response holds at least its correlation id. */
const MIN_RESPONSE_BYTES = 4;

/**
 * What is read while no large response is under way: enough for small ones, many at once. The larger it is, the more of each large
 * response is read here first and copied; the smaller, the more reads small ones take.
 */
export const CHUNK_BYTES = 32 * 1024;

/** While this much of a response is missing it is read into the response itself; less is cheaper to copy than to read on its own. */
export const MIN_DIRECT_BYTES = 8 * 1024;

/** First byte of a TLS record (handshake or alert): what a TLS port answers to plain bytes. */
const TLS_RECORD_TYPES: ReadonlySet<number> = new Set([0x15, 0x16]);

/**
 * Cuts the byte stream into responses (size int32, then that many bytes). The socket asks `space` where to read to and tells `filled`
 * how much it read: the rest of a large response is read where it stays, everything else through a chunk, from which it is copied once.
 * Each response lies in a buffer of exactly its size that nobody else uses: it may live as long as its slices do.
 */
export class FrameAssembler {
  readonly #onFrame: (frame: Buffer) => void;
  readonly #allocate: (size: number) => Buffer;
  readonly #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  /** The four size bytes, collected across chunks. */
  readonly #sizeBytes = Buffer.alloc(4);
  #sizeFilled = 0;
  #frame: Buffer | undefined;
  #filled = 0;
  /** The space given last lies in the response under way. */
  #direct = false;

  /** @param allocate gives the buffer of the response that begins, exactly that long */
  constructor(onFrame: (frame: Buffer) => void, allocate: (size: number) => Buffer = Buffer.allocUnsafeSlow) {
    this.#onFrame = onFrame;
    this.#allocate = allocate;
  }

  /** Where the next bytes of the stream belong; good until `filled` was told of them. */
  space(): Buffer {
    const frame = this.#frame;
    this.#direct = frame !== undefined && frame.length - this.#filled >= MIN_DIRECT_BYTES;
    return this.#direct ? (frame as Buffer).subarray(this.#filled) : this.#chunk;
  }

  /**
   * The next `length` bytes of the stream lie at the beginning of the space given last.
   * @throws KAFKA_PROTOCOL when a response claims an impossible size: the stream cannot be read any further.
   */
  filled(length: number): void {
    if (!this.#direct) {
      this.push(this.#chunk, length);
      return;
    }
    this.#direct = false;
    this.#grown(this.#frame as Buffer, length);
  }

  /** Takes the next `length` bytes of the stream from elsewhere; `chunk` may be reused afterwards. @throws as `filled` */
  push(chunk: Buffer, length: number): void {
    let at = 0;
    while (at < length) {
      const frame = this.#frame;
      if (frame === undefined) {
        at = this.#readSize(chunk, at, length);
        continue;
      }
      const take = Math.min(frame.length - this.#filled, length - at);
      chunk.copy(frame, this.#filled, at, at + take);
      at += take;
      this.#grown(frame, take);
    }
  }

  #grown(frame: Buffer, bytes: number): void {
    this.#filled += bytes;
    if (this.#filled < frame.length) return;
    this.#frame = undefined;
    this.#onFrame(frame);
  }

  #readSize(chunk: Buffer, from: number, length: number): number {
    // Mostly all four bytes are there.
    if (this.#sizeFilled === 0 && length - from >= 4) {
      this.#begin(chunk, from);
      return from + 4;
    }
    let at = from;
    while (this.#sizeFilled < 4 && at < length) {
      this.#sizeBytes[this.#sizeFilled] = chunk[at] as number;
      this.#sizeFilled += 1;
      at += 1;
    }
    if (this.#sizeFilled === 4) {
      this.#sizeFilled = 0;
      this.#begin(this.#sizeBytes, 0);
    }
    return at;
  }

  #begin(bytes: Buffer, at: number): void {
    const size = bytes.readInt32BE(at);
    if (size < MIN_RESPONSE_BYTES || size > MAX_RESPONSE_BYTES) {
      const tls = TLS_RECORD_TYPES.has(bytes[at] as number) && bytes[at + 1] === 3;
      throw protocolError(
        tls ? 'the port answers in TLS, and no tls is configured for the cluster' : `a response claims ${size} bytes`,
      );
    }
    this.#frame = this.#allocate(size);
    this.#filled = 0;
  }
}
