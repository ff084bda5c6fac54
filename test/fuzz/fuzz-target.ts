import type { ErrorCode } from '../../common/errors/codes.js';
import type { Dice } from './dice.js';

/** A decoder under attack. */
export interface FuzzTarget {
  /** `group/name`; for the report and for replays. */
  readonly name: string;
  /** Share of the cases, relative to the other targets'. */
  readonly weight: number;
  /** The only errors that may come out: CausewayErrors of these codes... */
  readonly codes: readonly ErrorCode[];
  /** ...and these classes, where the one caller there is takes them (said at the target). */
  readonly alsoThrows?: readonly (new (
    ...args: never[]
  ) => Error)[];
  /** Valid inputs. Each must pass `run` undamaged. */
  readonly valid: readonly Buffer[];
  /** What the decoder may allocate however small the input: a limit that the product names. Default 0. */
  readonly limitBytes?: number;
  /** Default: `mutate` of a valid input. */
  readonly damage?: (dice: Dice, valid: Buffer) => Buffer;
  /** Every attack at every position of the valid inputs as well, where a run is long enough. */
  readonly swept?: boolean;
  /** Throws what the decoder throws, and an AssertionError where what came out breaks a promise. */
  readonly run: (input: Buffer, dice: Dice) => void | Promise<void>;
}
