import { topicName } from '../config/naming-schema.js';
import { recordRules } from '../config/record-rules-schema.js';
import { deliveryMode, rateLimits, routeSettings, selectionSettings } from '../config/route-schema.js';
import { MAX_PARTITIONS_PER_TOPIC } from '../model/topic-partition.js';
import { z } from './zod.js';

/* What operators write and read back: routes and topics. */

const partitionCount = z.number().int().min(1).max(MAX_PARTITIONS_PER_TOPIC);
/** Decimal text: 64 bits do not fit a JSON number everywhere. */
const sourceOffset = z.string().regex(/^\d{1,16}$/, 'write it as a decimal string, at most 16 digits');
/** Mirror partitions [0, n), or all there are. */
const partitions = z.union([z.literal('all'), partitionCount]);

/** Body of PUT /routes/{route}. */
export const routeBody = routeSettings.extend({});

/** Body of PATCH /routes/{route}: what may change while it copies, without naming the rest. */
export const routePatch = z
  .strictObject({
    limits: rateLimits.optional(),
    /** Null: nothing is selected any more; what is mirrored stays. */
    selection: selectionSettings.nullable().optional(),
    /** Null: records pass as they are again. */
    rules: recordRules.nullable().optional(),
  })
  .refine((body) => Object.values(body).some((value) => value !== undefined), {
    message: 'change limits, selection or rules',
  });

export const routeView = routeSettings.extend({
  name: z.string(),
  topics: z.number().int(),
  delivery: deliveryMode,
  /** What the way it is delivered rests on. */
  deliveryReason: z.string(),
  /** Of one that was just saved, where there are some: its patterns meet others in one target topic, or some of its rules have no effect. */
  warnings: z.array(z.string()).optional(),
});
export const routeList = z.object({ routes: z.array(routeView), next: z.string().nullable() });

/** Where single partitions begin, whatever the route's start is; without effect on those that have begun. */
const starts = z
  .array(
    z.strictObject({
      partition: z
        .number()
        .int()
        .min(0)
        .max(MAX_PARTITIONS_PER_TOPIC - 1),
      from: z.union([z.enum(['earliest', 'latest']), sourceOffset]),
    }),
  )
  .max(10_000)
  .refine((list) => new Set(list.map(({ partition }) => partition)).size === list.length, {
    message: 'name each partition once',
  });

/** Body of POST /routes/{route}/topics. */
export const newTopicBody = z.strictObject({
  topic: z.string(),
  partitions: partitions.default('all'),
  paused: z.boolean().default(false),
  limits: rateLimits.default({}),
  starts: starts.optional(),
});

/** Body of PUT /routes/{route}/topics/{topic}. */
export const topicBody = newTopicBody.omit({ topic: true });

/** Body of PATCH /routes/{route}/topics/{topic}. */
export const topicPatch = z
  .strictObject({ partitions: partitions.optional(), paused: z.boolean().optional(), limits: rateLimits.optional() })
  .refine((body) => Object.values(body).some((value) => value !== undefined), {
    message: 'change partitions, paused or limits',
  });

/** Body of POST /routes/{route}/topics/{topic}/skip: source records [from, to) that are not to be copied. */
export const skipBody = z.strictObject({
  partition: z
    .number()
    .int()
    .min(0)
    .max(MAX_PARTITIONS_PER_TOPIC - 1),
  from: sourceOffset,
  to: sourceOffset,
  reason: z.string().trim().min(1).max(500),
});
export const skipView = skipBody.extend({ at: z.string() });

/** Body of POST /routes/{route}/topics/{topic}/resolve. */
export const resolveBody = z.strictObject({
  /** Null or absent: the whole topic. */
  partition: z
    .number()
    .int()
    .min(0)
    .max(MAX_PARTITIONS_PER_TOPIC - 1)
    .nullable()
    .default(null),
  /** `continue`: as the route’s policy `continue` would; `restart`: copied anew. */
  action: z.enum(['continue', 'restart']),
  reason: z.string().trim().min(1).max(500),
});
/** An order about the timeline that ends with it. */
export const resolveView = resolveBody.extend({ timeline: z.number().int(), at: z.string() });

const reason = z.string().trim().max(500);
const workerRole = z.enum(['active', 'standby', 'excluded', 'drained']);
const routeNames = z.array(z.string()).max(100);

/** Body of PATCH /workers/{worker}/order; what is left out stays as it is. */
export const workerOrderBody = z
  .strictObject({
    role: workerRole.optional(),
    routes: routeNames.optional(),
    /** It is about to be restarted: for so long its partitions wait for it; 0 takes that back. */
    restartWithinMs: z.number().int().min(0).max(3_600_000).optional(),
    reason: reason.default(''),
  })
  .refine(
    ({ role, routes, restartWithinMs }) => role !== undefined || routes !== undefined || restartWithinMs !== undefined,
    { message: 'order a role, routes or a restart' },
  );
export const workerOrderView = z.object({
  worker: z.string(),
  /** Null: as the worker’s own configuration says. */
  role: workerRole.nullable(),
  routes: routeNames.nullable(),
  /** Null: no restart is announced. */
  restartUntil: z.string().nullable(),
  reason: z.string(),
  at: z.string().nullable(),
});

const partitionNumbers = z
  .array(
    z
      .number()
      .int()
      .min(0)
      .max(MAX_PARTITIONS_PER_TOPIC - 1),
  )
  .max(10_000);

/** Body of PATCH /routes/{route}/topics/{topic}/exclusions. */
export const exclusionBody = z
  .strictObject({
    add: partitionNumbers.default([]),
    remove: partitionNumbers.default([]),
    reason: reason.default(''),
  })
  .refine(({ add, remove }) => add.length + remove.length > 0, { message: 'name partitions to add or to remove' });
export const exclusionView = z.object({
  route: z.string(),
  topic: z.string(),
  /** Not copied by any worker. */
  partitions: partitionNumbers,
  reason: z.string(),
  at: z.string().nullable(),
});

export const topicView = z.object({
  route: z.string(),
  topic: topicName,
  targetTopic: z.string(),
  partitions,
  paused: z.boolean(),
  skips: z.array(skipView),
  resolutions: z.array(resolveView),
  limits: rateLimits,
  addedAt: z.string(),
  /** Who chose it: an operator, or the route's selection, then or as it came to be. */
  origin: z.enum(['operator', 'selected', 'appeared']),
  starts: z.array(z.object({ partition: z.number().int(), from: z.string() })),
  /** Not copied: the recovery program that took it off its workers; null: none did. */
  retired: z.object({ by: z.string(), at: z.string() }).nullable(),
});
export const topicList = z.object({ topics: z.array(topicView), next: z.string().nullable() });

export const problemBody = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  code: z.string(),
  detail: z.string(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })),
  requestId: z.string(),
  retryable: z.boolean(),
  fix: z.string().optional(),
});

export type RouteView = z.output<typeof routeView>;
export type RouteList = z.output<typeof routeList>;
export type RoutePatch = z.input<typeof routePatch>;
export type RouteChange = z.output<typeof routePatch>;
export type RouteBody = z.input<typeof routeBody>;
/** Body of PUT /plan/freeze. */
export const freezeBody = z.strictObject({ reason: reason.default('') });
export const freezeView = z.object({ frozen: z.boolean(), reason: z.string(), at: z.string().nullable() });

export type FreezeView = z.output<typeof freezeView>;
export type WorkerOrderBody = z.input<typeof workerOrderBody>;
export type WorkerOrderView = z.output<typeof workerOrderView>;
export type ExclusionBody = z.input<typeof exclusionBody>;
export type ExclusionView = z.output<typeof exclusionView>;
export type ResolveBody = z.input<typeof resolveBody>;
export type ResolveView = z.output<typeof resolveView>;
export type SkipView = z.output<typeof skipView>;
export type SkipBody = z.input<typeof skipBody>;
export type TopicView = z.output<typeof topicView>;
export type TopicList = z.output<typeof topicList>;
export type NewTopicBody = z.input<typeof newTopicBody>;
export type TopicBody = z.input<typeof topicBody>;
export type TopicOrder = z.output<typeof topicBody>;
export type TopicPatch = z.input<typeof topicPatch>;
