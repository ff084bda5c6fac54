import { selectionSettings } from '../config/route-schema.js';
import { z } from './zod.js';

/* Which topics a route mirrors by itself, and which it never does. */

/** Body of POST /routes/{route}/selection/preview: the selection to try. */
export const selectionBody = selectionSettings.extend({});

const leftBecause = z.enum(['excluded', 'denied', 'mirror', 'conflict', 'no-target']);
const count = z.number().int();

export const selectionView = z.object({
  route: z.string(),
  /** Null: the route selects nothing. */
  selection: selectionSettings.nullable(),
  /** Topics of the source that we may see. */
  atSource: count,
  /** Mirrored already, however they came to be. */
  mirrored: count,
  /** That no pattern includes. */
  notIncluded: count,
  /** What it takes up, or would: not mirrored yet. */
  selected: z.array(z.string()),
  /** Included by a pattern, and yet not taken. */
  left: z.array(z.object({ topic: z.string(), why: leftBecause, by: z.string().nullable() })),
  /** Mirrored topics that the rules speak against. */
  unmatched: z.array(z.object({ topic: z.string(), stops: z.boolean(), message: z.string() })),
  /** True where a list is cut: `counts` has the whole numbers. */
  truncated: z.boolean(),
  counts: z.object({ selected: count, left: count, unmatched: count }),
});

/** Body of PUT /routes/{route}/denials/{topic}. */
export const denialBody = z.strictObject({ reason: z.string().trim().max(500).default('') });
export const denialView = z.object({ route: z.string(), topic: z.string(), reason: z.string(), at: z.string() });
export const denialList = z.object({ denials: z.array(denialView), next: z.string().nullable() });

export type SelectionBody = z.input<typeof selectionBody>;
export type SelectionView = z.output<typeof selectionView>;
export type DenialView = z.output<typeof denialView>;
export type DenialList = z.output<typeof denialList>;
