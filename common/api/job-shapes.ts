import { identifier } from '../config/fields.js';
import { topicName } from '../config/naming-schema.js';
import { rateLimits } from '../config/route-schema.js';
import { MAX_PARTITIONS_PER_JOB } from '../model/job.js';
import { MAX_DATE_MS } from '../model/time-text.js';
import { MAX_PARTITIONS_PER_TOPIC } from '../model/topic-partition.js';
import { z } from './zod.js';

/* Jobs: copies of ranges of topics that come to an end. */

const MAX_TOPICS = 500;

const partition = z
  .number()
  .int()
  .min(0)
  .max(MAX_PARTITIONS_PER_TOPIC - 1);
/** Decimal text: 64 bits do not fit a JSON number everywhere. */
const offset = z.string().regex(/^\d{1,16}$/, 'write it as a decimal string, at most 16 digits');
/** ISO 8601 with a time zone, or milliseconds since 1970. Not before: the brokers read -1 as the end and -2 as the beginning. */
const timestamp = z.union([
  z.iso.datetime({ offset: true }).refine((text) => Date.parse(text) >= 0, { message: 'it is before 1970' }),
  z.number().int().min(0).max(MAX_DATE_MS),
]);

const place = [z.strictObject({ offset }), z.strictObject({ timestamp })] as const;
/** The first record to copy: at this offset, or the first whose timestamp is this or later. */
const rangeStart = z.union([z.literal('beginning'), ...place]);
/** The first record not to copy any more; `end`: what is there when the job is made is copied. */
const rangeEnd = z.union([z.literal('end'), ...place]);
const range = { from: rangeStart.default('beginning'), to: rangeEnd.default('end') };

const jobTopicBody = z
  .strictObject({
    topic: topicName,
    targetTopic: topicName,
    /** Absent: all there are. */
    partitions: z.array(partition).min(1).max(MAX_PARTITIONS_PER_JOB).optional(),
    ...range,
    /** Partitions with a range of their own; the only ones, unless `partitions` names more. */
    ranges: z
      .array(z.strictObject({ partition, ...range }))
      .min(1)
      .max(MAX_PARTITIONS_PER_JOB)
      .optional(),
  })
  .refine(({ partitions = [], ranges = [] }) => isEachOnce([...partitions, ...ranges.map((one) => one.partition)]), {
    message: 'name each partition once',
  });

/** Body of POST /jobs. */
export const jobBody = z.strictObject({
  /** Absent: one is made up. */
  id: identifier.optional(),
  source: identifier,
  target: identifier,
  topics: z
    .array(jobTopicBody)
    .min(1)
    .max(MAX_TOPICS)
    .refine((topics) => isEachOnce(topics.map(({ topic }) => topic)), { message: 'name each topic once' })
    .refine((topics) => isEachOnce(topics.map(({ targetTopic }) => targetTopic)), {
      message: 'give each topic a target topic of its own',
    }),
  /** `fresh`: the target topics give their own append time. */
  timestamps: z.enum(['keep', 'fresh']).default('keep'),
  delivery: z.enum(['exactly-once', 'transactional', 'at-least-once']).default('exactly-once'),
  isolation: z.enum(['read_committed', 'read_uncommitted']).default('read_committed'),
  limits: rateLimits.default({}),
});
export type JobBody = z.output<typeof jobBody>;
export type JobTopicBody = JobBody['topics'][number];
/** Body of PATCH /jobs/{job}. */
export const jobPatch = z.strictObject({
  /** Instead of those it has; a bound that is not named is none. */
  limits: rateLimits,
});
export type JobPatch = z.output<typeof jobPatch>;
/** As a client may write it: what has a default may be left out. */
export type JobWish = z.input<typeof jobBody>;

const counts = {
  /** As workers told: what one copied just before its death is not among it. */
  records: z.number(),
  bytes: z.number(),
  /** Source records that were gone, or left out, and declared. */
  gapRecords: z.number(),
};

const jobPartitionView = z.object({
  partition: z.number().int(),
  from: z.string(),
  /** Behind the last record of the range. */
  until: z.string(),
  /** Everything of the range before it is at the target. */
  position: z.string(),
  ...counts,
  /** `waiting`: no worker has it · `done` · otherwise what its worker says. */
  state: z.string(),
  reason: z.object({ code: z.string(), message: z.string() }).nullable(),
  worker: z.string().nullable(),
  /** At the present rate; null: not known. */
  etaSeconds: z.number().nullable(),
});

export const jobSummary = z.object({
  id: z.string(),
  source: z.string(),
  target: z.string(),
  state: z.enum(['running', 'paused', 'cancelled', 'done']),
  delivery: z.string(),
  isolation: z.string(),
  timestamps: z.string(),
  limits: rateLimits,
  createdAt: z.string(),
  finishedAt: z.string().nullable(),
  partitions: z.number().int(),
  partitionsDone: z.number().int(),
  /** Of all ranges together, in source offsets. */
  offsets: z.number(),
  offsetsDone: z.number(),
  ...counts,
  etaSeconds: z.number().nullable(),
});
export type JobSummary = z.output<typeof jobSummary>;

export const jobView = jobSummary.extend({
  topics: z.array(z.object({ topic: z.string(), targetTopic: z.string(), partitions: z.array(jobPartitionView) })),
  /** Why its topics wait, as the leader says; null: the leader cannot be asked. */
  problems: z.array(z.object({ topic: z.string(), code: z.string(), message: z.string() })).nullable(),
});
export type JobView = z.output<typeof jobView>;
export type JobPartitionView = z.output<typeof jobPartitionView>;

export const jobList = z.object({ jobs: z.array(jobSummary), next: z.string().nullable() });
export type JobList = z.output<typeof jobList>;

function isEachOnce(values: readonly (string | number)[]): boolean {
  return new Set(values).size === values.length;
}
