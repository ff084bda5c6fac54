/** Smaller buffers cost little to make; only larger ones are worth keeping. */
const MIN_POOLED_BYTES = 64 * 1024;
/** Sizes are rounded up to this, so that responses of nearly the same size fit each other's buffers. */
const GRAIN_BYTES = 256 * 1024;
/** A kept buffer serves a request of at least this share of its size, so that small responses do not hold large buffers. */
const MIN_USE_RATIO = 0.25;

/**
 * Lends buffers for large responses and takes them back when nothing refers to them any more. Allocating a gigabyte a second
 * of short-lived buffers costs a third of the copying's CPU in garbage collection and page faults (measured).
 * Whoever never gives a buffer back loses nothing: it is collected like any other.
 */
export class BufferPool {
  readonly #maxFreeBytes: number;
  #free: Buffer[] = [];
  #freeBytes = 0;

  constructor(maxFreeBytes: number) {
    this.#maxFreeBytes = maxFreeBytes;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** A buffer of exactly `size` bytes, its content undefined; perhaps a view of a larger one. */
  take(size: number): Buffer {
    if (size < MIN_POOLED_BYTES) return Buffer.allocUnsafeSlow(size);
    const index = this.#free.findIndex(({ length }) => length >= size && length * MIN_USE_RATIO <= size);
    const found = this.#free[index];
    if (found === undefined)
      return Buffer.allocUnsafeSlow(Math.ceil(size / GRAIN_BYTES) * GRAIN_BYTES).subarray(0, size);
    this.#free.splice(index, 1);
    this.#freeBytes -= found.length;
    return found.subarray(0, size);
  }

  /** Takes back the memory behind a buffer of `take`, or behind any view of it. Nobody may read it afterwards. */
  give({ buffer }: Buffer): void {
    const { byteLength } = buffer;
    if (byteLength < MIN_POOLED_BYTES || this.#freeBytes + byteLength > this.#maxFreeBytes) return;
    this.#free.push(Buffer.from(buffer));
    this.#freeBytes += byteLength;
  }
}
