import type { BufferPool } from '../../common/kafka/wire/buffer-pool.js';

/**
 * The memory of one fetch response, shared by all batches that were taken from it. Goes back to the pool with the last of them;
 * a batch that is dropped with its answer outstanding never lets go, since its bytes may still be on their way to the target.
 */
export class ResponseBody {
  readonly #pool: BufferPool;
  readonly #memory: Buffer;
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

  retain(): this {
    this.#users += 1;
    return this;
  }

  release(): void {
    this.#users -= 1;
    if (this.#users === 0) this.#pool.give(this.#memory);
  }
}
