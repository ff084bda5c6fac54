import type { Logger } from '../../common/observability/logger.js';
import { type Problem, problemKey } from '../core/problem.js';

/** Says each problem once when it comes and once when it goes. */
export class ProblemLog {
  readonly #logger: Logger;
  #current = new Map<string, Problem>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get current(): readonly Problem[] {
    return [...this.#current.values()];
  }

  update(problems: readonly Problem[]): void {
    const next = new Map(problems.map((problem) => [problemKey(problem), problem]));
    for (const [key, problem] of next) {
      if (!this.#current.has(key)) this.#logger.warn('topic.problem', { ...problem });
    }
    for (const [key, { route, topic, code }] of this.#current) {
      if (!next.has(key)) this.#logger.info('topic.problem-over', { route, topic, code });
    }
    this.#current = next;
  }
}
