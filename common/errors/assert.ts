import { CausewayError } from './error.js';

/** Closes an exhaustive `switch`: the compiler refuses a case that is not handled. */
export function assertNever(value: never, what: string): never {
  throw new CausewayError('INTERNAL_INVARIANT', `unexpected ${what}: ${JSON.stringify(value)}`);
}

/** Throws `INTERNAL_INVARIANT` unless the condition holds; for states that our own code must never reach. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new CausewayError('INTERNAL_INVARIANT', message);
}
