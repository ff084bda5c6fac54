import type { ErrorCode } from '../../common/errors/codes.js';
import type { Logger } from '../../common/observability/logger.js';
import { type Problem, problemKey } from '../core/problem.js';

/** Problems of one code that are said one by one when many come at once; all of them are in GET /api/v1/problems. */
const SAID_OF_EACH = 10;

/** Says each problem once when it comes and once when it goes; a cluster out of reach is one line, not one for each of its topics. */
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
    const come = [...next].flatMap(([key, problem]) => (this.#current.has(key) ? [] : [problem]));
    const gone = [...this.#current].flatMap(([key, problem]) => (next.has(key) ? [] : [problem]));
    this.#current = next;
    const coming = sample(come);
    for (const problem of coming.said) this.#logger.warn('topic.problem', { ...problem });
    if (coming.unsaid > 0) this.#logger.warn('topic.problem-more', { topics: coming.unsaid, byCode: coming.byCode });
    const going = sample(gone);
    for (const { route, topic, code } of going.said) this.#logger.info('topic.problem-over', { route, topic, code });
    if (going.unsaid > 0) this.#logger.info('topic.problem-over-more', { topics: going.unsaid, byCode: going.byCode });
  }
}

interface Sample {
  readonly said: readonly Problem[];
  readonly unsaid: number;
  /** How many there are of each code, those said included. */
  readonly byCode: Readonly<Partial<Record<ErrorCode, number>>>;
}

/** The first few of each code: a rare one is not lost among thousands of another. */
function sample(problems: readonly Problem[]): Sample {
  const said: Problem[] = [];
  const byCode: Partial<Record<ErrorCode, number>> = {};
  for (const problem of problems) {
    const count = (byCode[problem.code] ?? 0) + 1;
    byCode[problem.code] = count;
    if (count <= SAID_OF_EACH) said.push(problem);
  }
  return { said, unsaid: problems.length - said.length, byCode };
}
