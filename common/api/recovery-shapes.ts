import { topicName } from '../config/naming-schema.js';
import { RECOVERY_ACTS, RECOVERY_KINDS, RECOVERY_STATES, STEP_STATES } from '../model/recovery.js';
import { z } from './zod.js';

/* Recovery programs: what is ordered, and what they have done so far. Offsets are decimal strings. */

const count = z.number().int();
const ms = (least: number, most: number) => z.number().int().min(least).max(most);
const principal = z.string().regex(/^[A-Za-z]+:.{1,200}$/, 'write it as User:name');

const options = z.strictObject({
  /** Ids of steps before which an operator has to confirm; absent: as the kind has it. */
  confirm: z.array(z.string().max(200)).max(50).optional(),
  reverse: z.string().max(63).optional(),
  fencePrincipals: z.array(principal).max(100).default([]),
  stillMs: ms(100, 600_000).default(2_000),
  drainTimeoutMs: ms(1_000, 86_400_000).default(600_000),
  stopTimeoutMs: ms(1_000, 3_600_000).default(120_000),
  force: z.boolean().default(false),
  /** Absent: true for a switchover, false for a cutover. */
  reverseCopy: z.boolean().optional(),
  switchBack: z.boolean().default(true),
  quarantineSuffix: z
    .string()
    .regex(/^[A-Za-z0-9._-]{0,100}$/, 'use characters of topic names')
    .default(''),
  readOnlySource: z.boolean().default(false),
  groups: z.boolean().default(true),
  sampleRecords: z.number().int().min(1).max(1_000).default(10),
});

/** Body of POST /recoveries. */
export const recoveryBody = z.strictObject({
  kind: z.enum(RECOVERY_KINDS),
  route: z.string(),
  /** Absent: all that the route copies. */
  topics: z.array(topicName).min(1).max(5_000).optional(),
  options: options.prefault({}),
  /** Checks and numbers only. */
  dryRun: z.boolean().default(false),
});

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const evidence = z.record(z.string(), z.union([scalar, z.array(z.record(z.string(), scalar))]));

const stepView = z.object({
  id: z.string(),
  act: z.enum(RECOVERY_ACTS),
  leg: z.enum(['out', 'back']),
  state: z.enum(STEP_STATES),
  startedAt: z.string().nullable(),
  endedAt: z.string().nullable(),
  attempts: count,
  message: z.string().nullable(),
  evidence: evidence.nullable(),
});

const summary = {
  id: z.string(),
  kind: z.enum(RECOVERY_KINDS),
  route: z.string(),
  reverse: z.string().nullable(),
  dryRun: z.boolean(),
  state: z.enum(RECOVERY_STATES),
  /** Of the step it is at; null when it is over. */
  step: z.string().nullable(),
  message: z.string().nullable(),
  createdAt: z.string(),
  updatedAt: z.string(),
};

export const recoverySummary = z.object(summary);
export const recoveryList = z.object({ recoveries: z.array(recoverySummary) });

const place = { topic: z.string(), partition: count };
export const recoveryView = z.object({
  ...summary,
  topics: z.array(z.string()),
  options: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])),
  steps: z.array(stepView),
  /** The failover that a failback undoes. */
  origin: z.string().nullable(),
  /** Where the two logs part: the source position behind all that was copied, and the target's log end there. */
  points: z.array(
    z.object({ ...place, targetTopic: z.string(), source: z.string(), target: z.string(), exact: z.boolean() }),
  ),
  /** Records that never crossed: inclusive ranges of their offsets at the old source. */
  stranded: z.array(
    z.object({
      ...place,
      records: count,
      ranges: z.array(z.object({ from: z.string(), to: z.string() })),
      truncated: z.boolean(),
    }),
  ),
  audit: z.array(z.object({ at: z.string(), step: z.string(), event: z.string(), detail: z.string() })),
});

/** Body of POST /recoveries/{id}/confirm, /resume and /abort. */
export const recoveryOrderBody = z.strictObject({ reason: z.string().trim().max(500).default('') });

const maybe = z.number().nullable();

/** GET /routes/{route}/rpo: what would be lost if the source were lost now. Null: not known. */
export const rpoView = z.object({
  route: z.string(),
  records: maybe,
  seconds: maybe,
  /** What 99 of 100 looks of the last hour did not exceed, as far as this leader has looked. */
  p99Records: maybe,
  p99Seconds: maybe,
  samples: count,
  /** When all of the route ran last, so that the numbers were those of the source. */
  contactAt: z.string().nullable(),
  topics: z.array(z.object({ topic: z.string(), records: maybe, seconds: maybe, partitions: count, unknown: count })),
});

export type RecoveryBody = z.input<typeof recoveryBody>;
export type RecoveryOrder = z.output<typeof recoveryBody>;
export type RecoveryView = z.output<typeof recoveryView>;
export type RecoverySummary = z.output<typeof recoverySummary>;
export type RecoveryList = z.output<typeof recoveryList>;
export type RpoView = z.output<typeof rpoView>;
