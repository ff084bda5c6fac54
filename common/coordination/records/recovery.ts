import { z } from 'zod';
import {
  type EvidenceRow,
  type LegFacts,
  RECOVERY_ACTS,
  RECOVERY_KINDS,
  RECOVERY_STATES,
  type Recovery,
  type RecoveryStep,
  STEP_STATES,
} from '../../model/recovery.js';
import { decodeRecord, encodeRecord } from './codec.js';
import { count, decimal } from './fields.js';

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const rows = z.array(z.record(z.string(), scalar)) as z.ZodType<readonly EvidenceRow[]>;
const leg = z.enum(['out', 'back']);

const step = z.object({
  id: z.string(),
  act: z.enum(RECOVERY_ACTS),
  leg,
  hook: z.string().optional(),
  state: z.enum(STEP_STATES),
  startedAt: z.string().optional(),
  endedAt: z.string().optional(),
  attempts: count,
  message: z.string().optional(),
  evidence: z.record(z.string(), z.union([scalar, rows])).optional(),
});

const place = { topic: z.string(), partition: count };
const knownEnd = z.object({ ...place, end: decimal });
const point = z.object({
  ...place,
  targetTopic: z.string(),
  source: decimal,
  pairTarget: decimal,
  target: decimal,
  exact: z.boolean(),
  sourceTopicId: z.string().nullable(),
  targetTopicId: z.string().nullable(),
});
const stranded = z.object({
  ...place,
  records: count,
  ranges: z.array(z.object({ from: decimal, to: decimal })),
  last: decimal,
  truncated: z.boolean(),
});

const legFacts = z.object({
  ends: z.array(knownEnd).optional(),
  known: z.array(knownEnd).optional(),
  knownAt: z.string().optional(),
  points: z.array(point).optional(),
  stranded: z.array(stranded).optional(),
  fences: z
    .array(z.object({ cluster: z.string(), topics: z.array(z.string()), principals: z.array(z.string()) }))
    .optional(),
  schemasResumed: z.string().optional(),
});

const recovery = z.object({
  id: z.string(),
  kind: z.enum(RECOVERY_KINDS),
  route: z.string(),
  topics: z.array(z.string()),
  asked: z.array(z.string()),
  options: z.object({
    confirm: z.array(z.string()),
    reverse: z.string().optional(),
    fencePrincipals: z.array(z.string()),
    stillMs: count,
    drainTimeoutMs: count,
    stopTimeoutMs: count,
    force: z.boolean(),
    reverseCopy: z.boolean(),
    switchBack: z.boolean(),
    quarantineSuffix: z.string(),
    readOnlySource: z.boolean(),
    groups: z.boolean(),
    sampleRecords: count,
  }),
  dryRun: z.boolean(),
  state: z.enum(RECOVERY_STATES),
  createdAt: z.string(),
  updatedAt: z.string(),
  reverse: z.string().optional(),
  origin: z.string().optional(),
  steps: z.array(step),
  confirmed: z.array(z.string()),
  facts: z.object({ out: legFacts, back: legFacts }),
  audit: z.array(z.object({ at: z.string(), step: z.string(), event: z.string(), detail: z.string() })),
});

export function encodeRecovery(value: Recovery): Buffer {
  return encodeRecord(value, { gzip: true });
}

export function decodeRecovery(data: Buffer, path: string): Recovery {
  const { options, reverse, origin, steps, facts, ...rest } = decodeRecord(recovery, data, path);
  const { reverse: wished, ...others } = options;
  return {
    ...rest,
    options: { ...others, ...(wished === undefined ? {} : { reverse: wished }) },
    ...(reverse === undefined ? {} : { reverse }),
    ...(origin === undefined ? {} : { origin }),
    steps: steps.map((one) => defined(one) as RecoveryStep),
    facts: { out: defined(facts.out) as LegFacts, back: defined(facts.back) as LegFacts },
  };
}

/** Without what is undefined. */
function defined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined));
}
