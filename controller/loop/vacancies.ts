import type { NodeChange } from '../core/diff.js';
import type { Vacated } from '../core/view.js';

/** From whom each partition was taken that is on its way between two nodes; the leader's memory of one reign. */
export class Vacancies {
  readonly #vacated = new Map<string, Vacated>();

  get entries(): ReadonlyMap<string, Vacated> {
    return this.#vacated;
  }

  /** Remembers a write of ours. */
  wrote({ dropped, added }: Pick<NodeChange, 'dropped' | 'added'>): void {
    for (const [key, vacated] of dropped) this.#vacated.set(key, vacated);
    for (const key of added) this.#vacated.delete(key);
  }

  /** Forgets what nobody plans for any more: topics come and go, a reign lasts. */
  keep(planned: ReadonlyMap<string, unknown>): void {
    for (const key of this.#vacated.keys()) if (!planned.has(key)) this.#vacated.delete(key);
  }
}
