import { CausewayClient } from '../../common/api/client.js';
import type { ProblemView } from '../../common/api/fleet-shapes.js';

const TIMEOUT_MS = 1_000;

/** Why topics wait is known to the leader only: read here where this controller leads, else asked of the leader. */
export class LeaderProblems {
  readonly #own: () => readonly ProblemView[] | undefined;
  readonly #token: string | undefined;

  /** @param own undefined while this controller does not lead */
  constructor(own: () => readonly ProblemView[] | undefined, token: string | undefined) {
    this.#own = own;
    this.#token = token;
  }

  own(): readonly ProblemView[] | undefined {
    return this.#own();
  }

  /** Undefined: nobody leads, or the leader does not answer. */
  async read(leader: string | undefined): Promise<readonly ProblemView[] | undefined> {
    const own = this.#own();
    if (own !== undefined || leader === undefined) return own;
    const token = this.#token === undefined ? {} : { token: this.#token };
    try {
      const client = new CausewayClient({ baseUrl: leader, timeoutMs: TIMEOUT_MS, ...token });
      return (await client.problems()).problems;
    } catch {
      return undefined;
    }
  }
}
