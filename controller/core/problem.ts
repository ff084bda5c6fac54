import type { ErrorCode } from '../../common/errors/codes.js';

/** Why something that should be mirrored is not, or not fully. Shown by REST and logged once per change. */
export interface Problem {
  readonly route: string;
  readonly topic: string;
  readonly code: ErrorCode;
  readonly message: string;
}

export function problemKey(problem: Problem): string {
  return `${problem.route}/${problem.topic}/${problem.code}`;
}
