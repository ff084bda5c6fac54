/** FNV-1a over the UTF-16 units of everything that was told; two runs of one seed give the same. */
export class Trace {
  #low = 0x811c_9dc5;
  #high = 0x1234_5678;
  readonly #lines: string[] | undefined;
  readonly #nowMs: () => number;

  constructor(nowMs: () => number, keepLines: boolean) {
    this.#nowMs = nowMs;
    this.#lines = keepLines ? [] : undefined;
  }

  get keepsLines(): boolean {
    return this.#lines !== undefined;
  }

  get lines(): readonly string[] {
    return this.#lines ?? [];
  }

  get hash(): string {
    return (this.#high >>> 0).toString(16).padStart(8, '0') + (this.#low >>> 0).toString(16).padStart(8, '0');
  }

  tell(actor: string, what: string): void {
    const line = `${this.#nowMs().toFixed(3)} ${actor} ${what}`;
    for (let i = 0; i < line.length; i += 1) {
      const unit = line.charCodeAt(i);
      this.#low = Math.imul(this.#low ^ unit, 0x0100_0193);
      this.#high = Math.imul(this.#high ^ (unit + this.#low), 0x0100_01b3);
    }
    this.#lines?.push(line);
  }

  /** For whoever reads the lines; not part of the hash. */
  show(actor: string, what: string): void {
    this.#lines?.push(`${this.#nowMs().toFixed(3)} ${actor} ${what}`);
  }
}
