import { z } from './zod.js';

/* Why a partition is where it is: GET /routes/{route}/topics/{topic}/partitions/{partition}/why. */

/** `ok`: not this · `busy`: it takes its time, nothing is wrong · `fault`: this keeps the partition from being copied · `unknown`. */
const verdict = z.enum(['ok', 'busy', 'fault', 'unknown']);

const checkView = z.object({
  /** What is looked at, in the order in which it has to be right. */
  check: z.string(),
  verdict,
  /** What was seen. */
  evidence: z.string(),
  /** What to do; null where there is nothing to do. */
  fix: z.string().nullable(),
});

export const whyView = z.object({
  route: z.string(),
  topic: z.string(),
  partition: z.number().int(),
  /** Of the first check that is not `ok`; `ok`: it is copied and near the end of its source. */
  verdict,
  /** In one sentence. */
  summary: z.string(),
  /** Later ones are left out where an earlier one leaves nothing to look at. */
  checks: z.array(checkView),
});

export type CheckView = z.output<typeof checkView>;
export type WhyView = z.output<typeof whyView>;
