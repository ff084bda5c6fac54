import type { Writable } from 'node:stream';

/** What happened, when: one line each, in seconds since the begin. */
export class Timeline {
  readonly #out: Writable;
  readonly #startedAt = performance.now();

  constructor(out: Writable) {
    this.#out = out;
  }

  say(text: string): void {
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    this.#out.write(`${seconds.toFixed(1).padStart(7)} s  ${text}\n`);
  }
}
