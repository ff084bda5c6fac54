import { protocolError } from './reader.js';

/** Largest response we accept: fetches are bounded far below; the broker's own request limit is 100 MB. */
export const MAX_RESPONSE_BYTES = 110 * 1024 * 1024;

/** A response holds at least its correlation id. */
const MIN_RESPONSE_BYTES = 4;

/** First byte of a TLS record (handshake or alert): what a TLS port answers to plain bytes. */
const TLS_RECORD_TYPES: ReadonlySet<number> = new Set([0x15, 0x16]);

/**
 * Cuts the byte stream into responses (size int32, then that many bytes). Each response is copied once, into a buffer of exactly
 * its size that nobody else uses: it may live as long as its slices do.
 */
export class FrameAssembler {
  readonly #onFrame: (frame: Buffer) => void;
  readonly #allocate: (size: number) => Buffer;
  /** The four size bytes, collected across chunks. */
  readonly #sizeBytes = Buffer.alloc(4);
  #sizeFilled = 0;
  #frame: Buffer | undefined;
  #filled = 0;

  /** @param allocate gives the buffer of the response that begins, exactly that long */
  constructor(onFrame: (frame: Buffer) => void, allocate: (size: number) => Buffer = Buffer.allocUnsafeSlow) {
    this.#onFrame = onFrame;
    this.#allocate = allocate;
  }

  /**
   * Takes the next `length` bytes of the stream; `chunk` may be reused by the caller afterwards.
   * @throws KAFKA_PROTOCOL when a response claims an impossible size: the stream cannot be read any further.
   */
  push(chunk: Buffer, length: number): void {
    let at = 0;
    while (at < length) {
      if (this.#frame === undefined) {
        at = this.#readSize(chunk, at, length);
        continue;
      }
      const take = Math.min(this.#frame.length - this.#filled, length - at);
      chunk.copy(this.#frame, this.#filled, at, at + take);
      this.#filled += take;
      at += take;
      if (this.#filled === this.#frame.length) {
        const frame = this.#frame;
        this.#frame = undefined;
        this.#onFrame(frame);
      }
    }
  }

  #readSize(chunk: Buffer, from: number, length: number): number {
    let at = from;
    while (this.#sizeFilled < 4 && at < length) {
      this.#sizeBytes[this.#sizeFilled] = chunk[at] as number;
      this.#sizeFilled += 1;
      at += 1;
    }
    if (this.#sizeFilled === 4) this.#begin();
    return at;
  }

  #begin(): void {
    const size = this.#sizeBytes.readInt32BE(0);
    if (size < MIN_RESPONSE_BYTES || size > MAX_RESPONSE_BYTES) {
      const tls = TLS_RECORD_TYPES.has(this.#sizeBytes[0] as number) && this.#sizeBytes[1] === 3;
      throw protocolError(
        tls ? 'the port answers in TLS, and no tls is configured for the cluster' : `a response claims ${size} bytes`,
      );
    }
    this.#frame = this.#allocate(size);
    this.#filled = 0;
    this.#sizeFilled = 0;
  }
}
