/** The outcome of one named readiness check. */
export interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  /** Why not, or a short fact. */
  readonly detail?: string;
}

export type Check = () => CheckResult;

/**
 * Named checks behind `/readyz`. `/livez` never asks them: a dead dependency must not get a healthy process restarted.
 */
export class Health {
  readonly #checks: Check[] = [];
  #draining = false;

  add(check: Check): void {
    this.#checks.push(check);
  }

  /** From now on the process is not ready: it is handing over. */
  drain(): void {
    this.#draining = true;
  }

  results(): readonly CheckResult[] {
    const draining = { name: 'not-draining', ok: !this.#draining };
    return [draining, ...this.#checks.map((check) => check())];
  }

  ready(): boolean {
    return this.results().every((result) => result.ok);
  }
}
