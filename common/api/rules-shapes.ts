import { topicName } from '../config/naming-schema.js';
import { recordRules } from '../config/record-rules-schema.js';
import { RULE_OUTCOMES } from '../model/record-rules.js';
import { MAX_PARTITIONS_PER_TOPIC } from '../model/topic-partition.js';
import { z } from './zod.js';

/* Rules of a route, what they have done, and what they would do. */

/** Records that one question looks at, at most. */
export const MAX_TESTED_RECORDS = 1_000;

const offset = z.string().regex(/^\d{1,16}$/, 'write it as a decimal string, at most 16 digits');
const outcome = z.enum([...RULE_OUTCOMES, 'returned']);

/** Body of POST /routes/{route}/rules/test. */
export const rulesTestBody = z.strictObject({
  topic: topicName,
  /** Absent: all of the topic, the records shared out among them. */
  partition: z
    .number()
    .int()
    .min(0)
    .max(MAX_PARTITIONS_PER_TOPIC - 1)
    .optional(),
  /** Source offset to begin at; absent: so that the log's newest records are looked at. */
  from: offset.optional(),
  limit: z.number().int().min(1).max(MAX_TESTED_RECORDS).default(100),
  /** Absent: those of the route. */
  rules: recordRules.optional(),
  /** Whether keys, values and headers are shown, before and after; otherwise their sizes alone. */
  show: z.boolean().default(false),
});

const content = z.object({
  key: z.string().nullable(),
  value: z.string().nullable(),
  headers: z.array(z.object({ name: z.string(), value: z.string().nullable() })),
});

const testedRecord = z.object({
  partition: z.number().int(),
  offset: z.string(),
  /** ISO 8601; null: it has none. */
  timestamp: z.string().nullable(),
  keyBytes: z.number().int(),
  valueBytes: z.number().int(),
  /** `copied` as it is, or `changed`; not copied: `dropped`, `routed` to another topic, `unreadable`, `returned` because it was at the target before. */
  fate: z.enum(['copied', 'changed', 'dropped', 'routed', 'unreadable', 'returned']),
  /** Rules that concerned it, in order. */
  rules: z.array(z.string()),
  /** Where it would be written; null: nowhere, or the partition would stop. */
  target: z.object({ topic: z.string(), partition: z.number().int().nullable() }).nullable(),
  /** Why it cannot be read. */
  why: z.string().optional(),
  before: content.optional(),
  after: content.optional(),
});

const ruleCount = z.object({ rule: z.string(), outcome, records: z.number().int() });

export const rulesTestView = z.object({
  route: z.string(),
  topic: z.string(),
  records: z.array(testedRecord),
  counts: z.array(ruleCount),
  /** More lies between `from` and the log's end than was looked at. */
  isCutOff: z.boolean(),
});

/** GET /routes/{route}/rules. */
export const rulesView = z.object({
  route: z.string(),
  /** As checkpoints name it; 1: records pass as they are. */
  version: z.number().int(),
  /** Null: the route has none. */
  rules: recordRules.nullable(),
  /** Since the workers that copy the route now have started. */
  counts: z.array(ruleCount),
  /** Workers that told their counts. */
  workers: z.number().int(),
});

export type RulesTestBody = z.input<typeof rulesTestBody>;
export type RulesTestOrder = z.output<typeof rulesTestBody>;
export type RulesTestView = z.output<typeof rulesTestView>;
export type RulesView = z.output<typeof rulesView>;
