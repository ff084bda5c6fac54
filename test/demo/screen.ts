import { type FleetView, plainLine, screenLines, type Totals } from './view.js';

const MAX_EVENTS = 8;
const HOME = '\u001b[H';
const CLEAR_LINE_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';

/** Where the demo speaks: a screen redrawn in place on a terminal, plain lines elsewhere. The caller bounds the rate. */
export class Screen {
  readonly #out: NodeJS.WriteStream;
  readonly isTerminal: boolean;
  readonly #startedAt = performance.now();
  #events: string[] = [];
  #entered = false;

  constructor(out: NodeJS.WriteStream, isTerminal: boolean) {
    this.#out = out;
    this.isTerminal = isTerminal;
  }

  /** Something worth a line of its own. */
  say(text: string): void {
    const line = `${((performance.now() - this.#startedAt) / 1_000).toFixed(1).padStart(6)} s  ${text}`;
    this.#events = [...this.#events, line].slice(-MAX_EVENTS);
    if (!this.#entered) this.#out.write(`${line}\n`);
  }

  show(view: FleetView, totals: Totals): void {
    if (!this.isTerminal) {
      this.#out.write(`${plainLine(view, totals)}\n`);
      return;
    }
    if (!this.#entered) {
      this.#entered = true;
      this.#out.write(ENTER);
    }
    const rows = Math.max(10, (this.#out.rows ?? 40) - 1);
    const lines = screenLines(view, totals, this.#events, this.#out.columns ?? 100).slice(0, rows);
    this.#out.write(HOME + lines.map((line) => `${line}${CLEAR_LINE_END}\n`).join('') + CLEAR_BELOW);
  }

  /** Gives the terminal back; the last events stay readable. */
  leave(): void {
    if (!this.#entered) return;
    this.#entered = false;
    this.#out.write(`${LEAVE}${this.#events.join('\n')}\n`);
  }
}
