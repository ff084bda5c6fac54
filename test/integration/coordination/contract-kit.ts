import assert from 'node:assert/strict';
import type { CoordinationStore } from '../../../common/coordination/ports.js';
import type { ErrorCode } from '../../../common/errors/codes.js';
import { isCausewayError } from '../../../common/errors/error.js';

/** What the suite needs of a store: two independent sessions of one fleet, and the end of one by force. */
export interface ContractBed {
  readonly name: string;
  /** A further handle with a session of its own; the suite closes it. */
  open(): CoordinationStore;
  /** Ends the session of this handle as a server would: without asking the handle. */
  expire(store: CoordinationStore): Promise<void>;
  stop(): Promise<void>;
}

export const bytes = (text: string): Buffer => Buffer.from(text);
export const rejects = (promise: Promise<unknown>, code: ErrorCode): Promise<void> =>
  assert.rejects(promise, (error) => {
    assert.ok(isCausewayError(error, code), `expected ${code}, got ${String(error)}`);
    return true;
  });

export async function eventually(
  what: string,
  probe: () => boolean | Promise<boolean>,
  limitMs = 60_000,
): Promise<void> {
  const until = performance.now() + limitMs;
  while (!(await probe())) {
    if (performance.now() > until) assert.fail(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
