import type { Terminal } from '../../../cli/output.js';

/** Collects what a command prints; answers questions with `answer` when interactive. */
export class FakeTerminal implements Terminal {
  stdout = '';
  stderr = '';
  readonly interactive: boolean;
  readonly #answer: string;

  constructor(answer?: string) {
    this.interactive = answer !== undefined;
    this.#answer = answer ?? '';
  }

  out(text: string): void {
    this.stdout += text;
  }

  err(text: string): void {
    this.stderr += text;
  }

  ask(question: string): Promise<string> {
    this.err(question);
    return Promise.resolve(this.#answer);
  }
}
