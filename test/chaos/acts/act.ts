import type { Load } from '../../audit/load.js';
import type { Field } from '../field.js';

/** All that a run has under its hands. */
export interface Stage {
  readonly field: Field;
  readonly load: Load;
  /** Ends it early: what has begun is healed. */
  readonly signal: AbortSignal;
}

/** What an act has to say to the verdict. */
export interface Findings {
  /** Fields of the last line. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** What speaks against the run. */
  readonly reasons: readonly string[];
}

/** What is done to the fleet between its start and the comparison. */
export interface Act {
  /** Settles when everything it broke is healed. */
  perform(): Promise<void>;
  /** Called when nothing is behind any more and all has been compared. */
  findings(): Promise<Findings>;
}
