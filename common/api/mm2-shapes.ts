import { identifier } from '../config/fields.js';
import { topicName } from '../config/naming-schema.js';
import { z } from './zod.js';

/* Going on where MirrorMaker 2 stood. */

/** That one request may name. */
export const MAX_MM2_TOPICS = 500;

/** Body of POST /routes/{route}/mm2-import. */
export const mm2ImportBody = z.strictObject({
  /** Only tell what would become of each topic. */
  dryRun: z.boolean().default(false),
  /** Absent: all that MirrorMaker 2 copied. */
  topics: z.array(topicName).min(1).max(MAX_MM2_TOPICS).optional(),
  /** What MirrorMaker 2 calls the source cluster. Absent: as the configuration does. */
  alias: z.string().min(1).max(200).optional(),
  /** Absent: `mm2-offsets.<alias>.internal`, as in dedicated mode; else offset.storage.topic of the Connect cluster. */
  offsetsTopic: topicName.optional(),
  /** Where that topic is. Absent: the route's target. */
  cluster: identifier.optional(),
  /** Name of the MirrorSourceConnector; needed where several copied from the alias. */
  connector: z.string().min(1).max(500).optional(),
  /** Topics are added paused. */
  paused: z.boolean().default(false),
});
export type Mm2ImportBody = z.output<typeof mm2ImportBody>;
export type Mm2ImportWish = z.input<typeof mm2ImportBody>;

const importedTopic = z.object({
  topic: z.string(),
  targetTopic: z.string(),
  /** `add`: it would be added · `added` · `present`: the route mirrors it already, and goes on as it does · `refused`. */
  outcome: z.enum(['add', 'added', 'present', 'refused']),
  /** Source offset of the first record that Causeway copies; `earliest` where MirrorMaker 2 copied none. */
  starts: z.array(z.object({ partition: z.number().int(), from: z.string() })),
  /** Source records [from, to) that retention took before anybody copied them. */
  lost: z.array(z.object({ partition: z.number().int(), from: z.string(), to: z.string() })),
  reason: z.object({ code: z.string(), message: z.string() }).nullable(),
});

export const mm2ImportView = z.object({
  route: z.string(),
  alias: z.string(),
  cluster: z.string(),
  offsetsTopic: z.string(),
  connector: z.string(),
  dryRun: z.boolean(),
  /** Workers of MirrorMaker 2 are alive: nothing is imported before they are stopped. */
  isRunning: z.boolean(),
  topics: z.array(importedTopic),
  /** How many are still to be added (`add`), beside those that were tried: ask again, with their names where others were refused. */
  more: z.number().int(),
});
export type Mm2ImportView = z.output<typeof mm2ImportView>;
export type ImportedTopic = Mm2ImportView['topics'][number];
