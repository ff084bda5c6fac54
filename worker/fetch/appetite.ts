const GROWTH = 4;

/** What a fetch asks for at most: as much as lately came and some more, so that an idle poll does not reserve what others could use. */
export class Appetite {
  readonly #minBytes: () => number;
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(minBytes: () => number, maxBytes: number) {
    this.#minBytes = minBytes;
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return Math.min(Math.max(this.#bytes, this.#minBytes()), this.#maxBytes);
  }

  /** An answer came. */
  learn(askedBytes: number, gotBytes: number): void {
    if (gotBytes * 2 >= askedBytes) this.#bytes = Math.min(this.bytes * GROWTH, this.#maxBytes);
    else if (gotBytes * GROWTH < askedBytes) this.#bytes = this.bytes / 2;
  }
}
