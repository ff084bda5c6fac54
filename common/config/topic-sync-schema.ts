import { z } from 'zod';
import { DEFAULT_TOPIC_SYNC } from '../model/topic-sync.js';
import { MAX_PATTERNS } from '../patterns/name-patterns.js';
import { ms, pattern } from './fields.js';

const { configs, deletion } = DEFAULT_TOPIC_SYNC;
/** A month. */
const MAX_DELAY_MS = 2_592_000_000;

/** How target topics follow the source's, once they are there. */
export const topicSync = z.strictObject({
  configs: z
    .strictObject({
      mode: z
        .enum(['enforce', 'report', 'off'])
        .default(configs.mode)
        .describe(
          'What becomes of a target topic’s config that differs: it is changed (`enforce`), only told in the drift report (`report`), or not looked at (`off`; new topics still get the source’s).',
        ),
      include: z
        .array(pattern)
        .min(1)
        .max(MAX_PATTERNS)
        .default([...configs.include])
        .describe('Patterns (RE2, whole names) of configs that are compared and copied.'),
      exclude: z
        .array(pattern)
        .max(MAX_PATTERNS)
        .default([...configs.exclude])
        .describe(
          'Patterns of configs that are not, whatever includes them. A list given here takes the place of the default one.',
        ),
      useDefaultsFrom: z
        .enum(['target', 'source'])
        .default(configs.useDefaultsFrom)
        .describe(
          'Where the value of a config comes from that the source topic does not set itself: `target`: the target topic has none either, its cluster’s default applies; `source`: what holds at the source is set.',
        ),
      intervalMs: ms.default(configs.intervalMs).describe('How often both ends are compared.'),
    })
    .prefault({})
    .describe('Configs of target topics.'),
  deletion: z
    .strictObject({
      policy: z
        .enum(['ignore', 'alert', 'delete'])
        .default(deletion.policy)
        .describe(
          'What becomes of the target topic when its source topic is deleted: it stays (`ignore`), it stays and is alerted about (`alert`), or it is deleted too, after delayMs (`delete`), where it is this route’s alone.',
        ),
      delayMs: z
        .number()
        .int()
        .min(0)
        .max(MAX_DELAY_MS)
        .default(deletion.delayMs)
        .describe(
          'For so long the source topic has to be gone before the target topic is deleted; one that comes back in time cancels it.',
        ),
      maxTopics: z
        .number()
        .int()
        .min(1)
        .max(10_000)
        .default(deletion.maxTopics)
        .describe(
          'With more source topics of the route gone at once, none is deleted by itself: `causeway sync apply` does it.',
        ),
      maxPercent: z
        .number()
        .int()
        .min(1)
        .max(100)
        .default(deletion.maxPercent)
        .describe('The same for a share of the route’s topics, from two topics on.'),
    })
    .prefault({})
    .describe('Target topics whose source topic was deleted.'),
});
