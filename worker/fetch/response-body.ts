import type { BufferPool } from '../../common/kafka/wire/buffer-pool.js';
import type { BatchSlice } from '../../common/kafka/wire/records/batch-header.js';
import type { Clock, Timer } from '../../common/runtime/clock.js';

/** A response that is still held after one to two of these, and is mostly done with, is given up for copies of the rest. */
const SWEEP_INTERVAL_MS = 1_000;
/** Of a response's bytes; below it the rest is copied out. */
const MIN_USED_SHARE = 0.5;

/**
 * The memory of one fetch response, shared by all batches that were taken from it. Goes back to the pool with the last of them;
 * a batch that is dropped with its answer outstanding never lets go, since its bytes may still be on their way to the target.
 */
export class ResponseBody {
  readonly #pool: BufferPool;
  readonly #memory: Buffer;
  readonly #lent: LentBatch[] = [];
  #lentBytes = 0;
  #users = 1;

  /** @param memory any view of the response; the creator is its first user */
  constructor(pool: BufferPool, memory: Buffer) {
    this.#pool = pool;
    this.#memory = memory;
  }

  /** Length of the response. */
  get bytes(): number {
    return this.#memory.length;
  }

  /** Somebody may still read it. */
  get held(): boolean {
    return this.#users > 0;
  }

  retain(): this {
    this.#users += 1;
    return this;
  }

  release(): void {
    this.#users -= 1;
    if (this.#users === 0) this.#pool.give(this.#memory);
  }

  /** Retains the response for one batch, which must be read through what this returns, and released by it. */
  lend(slice: BatchSlice): LentBatch {
    const batch = new LentBatch(this, slice);
    this.retain();
    this.#lent.push(batch);
    this.#lentBytes += slice.length;
    return batch;
  }

  /** Of a lent batch, once. */
  takeBack({ length }: LentBatch): void {
    this.#lentBytes -= length;
    this.release();
  }

  /** A few small batches must not hold a large response: they get memory of their own, as far as nobody has begun to read them. */
  shrink(): void {
    if (this.#lentBytes >= this.bytes * MIN_USED_SHARE) return;
    for (const batch of this.#lent) batch.detach();
  }
}

/** One batch in a response's memory. Its bytes are looked at when it is sent, and not before: until then they may move. */
export class LentBatch implements BatchSlice {
  readonly length: number;
  #body: ResponseBody | undefined;
  #buffer: Buffer;
  #start: number;
  #read = false;

  constructor(body: ResponseBody, { buffer, start, length }: BatchSlice) {
    this.#body = body;
    this.#buffer = buffer;
    this.#start = start;
    this.length = length;
  }

  /** From now on the bytes stay where they are. */
  get buffer(): Buffer {
    this.#read = true;
    return this.#buffer;
  }

  get start(): number {
    this.#read = true;
    return this.#start;
  }

  release(): void {
    const body = this.#body;
    this.#body = undefined;
    body?.takeBack(this);
  }

  /** Copies the bytes out of the response and lets go of it, unless somebody reads them there. */
  detach(): void {
    if (this.#read || this.#body === undefined) return;
    this.#buffer = Buffer.from(this.#buffer.subarray(this.#start, this.#start + this.length));
    this.#start = 0;
    this.release();
  }
}

/**
 * Watches over responses that are held long, so that a slow target's few batches do not keep whole responses in memory: the byte budget
 * counts only the batches. What nobody refers to any more is not kept by being watched.
 */
export class HeldBodies {
  readonly #clock: Clock;
  #young: WeakRef<ResponseBody>[] = [];
  #old: WeakRef<ResponseBody>[] = [];
  #timer: Timer | undefined;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  watch(body: ResponseBody): void {
    this.#young.push(new WeakRef(body));
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#closed) return;
    this.#timer = this.#clock.after(SWEEP_INTERVAL_MS, () => {
      this.#timer = undefined;
      this.#sweep();
      if (this.#old.length > 0) this.#schedule();
    });
  }

  #sweep(): void {
    const held = (watched: WeakRef<ResponseBody>): boolean => watched.deref()?.held === true;
    this.#old = this.#old.filter(held);
    for (const watched of this.#old) watched.deref()?.shrink();
    for (const watched of this.#young) if (held(watched)) this.#old.push(watched);
    this.#young = [];
  }
}
