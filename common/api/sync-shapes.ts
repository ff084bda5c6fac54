import { type PlanItem, TOPIC_ITEM_KINDS } from '../model/plan-item.js';
import { itemBase, rightsPlanItems } from './rights-shapes.js';
import { schemaPlanItem } from './schema-shapes.js';
import { z } from './zod.js';

/* What differs between the source and the target of a route, and what is done about it: drift, plan, apply. */

const topicItem = { ...itemBase, topic: z.string(), sourceTopic: z.string().nullable() };

const topicPlanItem = z.object({ kind: z.enum(TOPIC_ITEM_KINDS), ...topicItem });
const configPlanItem = z.object({ kind: z.literal('config'), ...topicItem, name: z.string() });

/** One difference. Told apart by `kind`; every kind has the fields of `itemBase`. */
export const planItem = z.discriminatedUnion('kind', [
  topicPlanItem,
  configPlanItem,
  ...rightsPlanItems,
  schemaPlanItem,
]) satisfies z.ZodType<PlanItem>;

/** A part of a route's metadata that could not be compared, and why. */
const unread = z.object({ part: z.string(), message: z.string() });

/** Answer of GET /routes/{route}/drift and POST /routes/{route}/plan. */
export const syncPlan = z.object({
  route: z.string(),
  /** Of what apply would do; it takes this to do that and nothing else. */
  hash: z.string(),
  at: z.string(),
  items: z.array(planItem),
  /** How many there are beyond these: plan again when these are done. */
  more: z.number().int(),
  unread: z.array(unread),
});

/** Body of POST /routes/{route}/apply. */
export const applyBody = z.strictObject({
  /** As the plan gave it. */
  hash: z.string().regex(/^[0-9a-f]{64}$/, 'write the hash of a plan: 64 hexadecimal digits'),
});

/** What became of each item that the plan applies. */
export const applyView = z.object({
  route: z.string(),
  hash: z.string(),
  results: z.array(z.object({ item: planItem, done: z.boolean(), error: z.string().nullable() })),
});

export type SyncPlan = z.output<typeof syncPlan>;
export type ApplyBody = z.output<typeof applyBody>;
export type ApplyView = z.output<typeof applyView>;
