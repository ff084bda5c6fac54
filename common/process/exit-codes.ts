/**
 * How processes end. Commands that speak REST use 0 to 3; processes that run on use the codes of the error catalogue (sysexits.h)
 * and these.
 */
export const EXIT = {
  ok: 0,
  /** The command failed, or the process was forced to end before it had handed over. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The command worked; the condition it asked about does not hold. */
  conditionNotMet: 3,
  /** An error nobody had foreseen: a bug. */
  crashed: 70,
  /** Interrupted by Ctrl-C before the end. */
  interrupted: 130,
} as const;
