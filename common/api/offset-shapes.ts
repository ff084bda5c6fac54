import { z } from './zod.js';

/* Where copies of records lie (docs/offsets.md). Offsets are decimal texts. */

const offset = z.string();
const count = z.number().int();
const pair = z.object({ source: offset, target: offset });

const offsetRun = z.object({ source: offset, target: offset, length: offset });

const lostStretch = z.object({
  source: z.object({ from: offset, to: offset }),
  target: z.object({ from: offset, to: offset }),
  reason: z.string(),
});

const translationView = z.object({
  partition: count,
  /** The position that was asked for: a source offset, or one of the target for `inverse`. */
  offset,
  /**
   * `exact`: that very record · `hole`: it was not copied, the next one that was · `head`: all that is copied lies before ·
   * `before-mirror`: below where copying began · `unknown`: the map of that stretch is missing.
   */
  kind: z.enum(['exact', 'hole', 'head', 'before-mirror', 'unknown']),
  /** The answer; null: there is none. */
  translated: offset.nullable(),
  /** With `hole`: the offset, on the side that was asked about, of the record that the answer is. */
  next: offset.nullable(),
  /** With `head`: by how many offsets copying is short of the position. */
  behind: offset.nullable(),
  /** With `before-mirror`: where copying began; null: nothing is copied yet. */
  first: pair.nullable(),
  /** With `unknown`. */
  reason: z.string().nullable(),
});

export const translationList = z.object({
  route: z.string(),
  topic: z.string(),
  targetTopic: z.string(),
  translations: z.array(translationView),
});

export const locationView = z.object({
  route: z.string(),
  topic: z.string(),
  partition: count,
  sourceOffset: offset,
  targetTopic: z.string(),
  targetPartition: count,
  /** That very record is at the target. */
  isCopied: z.boolean(),
  /** Where it is, or the next copied one; null: no answer. */
  targetOffset: offset.nullable(),
  kind: translationView.shape.kind,
  reason: z.string().nullable(),
  timeline: count,
  /** The run that holds it: from where on, and up to where, source and target offsets differ by the same number. */
  run: offsetRun.nullable(),
  /** Of the record at the target, ms since 1970; null: it is not there any more, or was never copied. */
  timestampMs: z.number().nullable(),
});

const mapSummary = z.object({
  partition: count,
  timeline: count,
  /** Source and target offsets are the same, wherever something was copied and from here on. */
  isIdentical: z.boolean(),
  runs: count,
  lost: count,
  first: pair.nullable(),
  head: pair,
});

export const mapSummaries = z.object({
  route: z.string(),
  topic: z.string(),
  targetTopic: z.string(),
  partitions: z.array(mapSummary),
});

export const mapView = mapSummary.extend({
  route: z.string(),
  topic: z.string(),
  targetTopic: z.string(),
  /** Of this page. */
  entries: z.array(offsetRun),
  lostStretches: z.array(lostStretch),
  next: z.string().nullable(),
});

export const rebuildView = z.object({
  route: z.string(),
  topic: z.string(),
  /** ISO 8601. */
  orderedAt: z.string(),
});

export type RebuildView = z.infer<typeof rebuildView>;
export type TranslationView = z.infer<typeof translationView>;
export type TranslationList = z.infer<typeof translationList>;
export type LocationView = z.infer<typeof locationView>;
export type MapSummaries = z.infer<typeof mapSummaries>;
export type MapView = z.infer<typeof mapView>;
export type MapSummaryView = z.infer<typeof mapSummary>;
