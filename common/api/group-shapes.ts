import { z } from './zod.js';

/* Consumer groups of a route: where they stand at the source, and where that is at the target. Offsets are decimal texts. */

const MAX_NAMED_GROUPS = 1_000;
const offset = z.string();
const count = z.number().int();

const groupPosition = z.object({
  topic: z.string(),
  partition: count,
  targetTopic: z.string(),
  /** Committed at the source. */
  sourceOffset: offset,
  /** Where that is at the target; null: no answer. */
  translated: offset.nullable(),
  /**
   * `exact`: that very record · `hole`: it was not copied, the next one that was · `head`: all that is copied lies before · `start`: before
   * the first copied record, which stands for it · `timestamp`: found by time.
   */
  quality: z.enum(['exact', 'hole', 'head', 'start', 'timestamp']).nullable(),
  /** Committed at the target when it was looked; null: nothing. */
  targetOffset: offset.nullable(),
  verdict: z.enum(['write', 'keep', 'refuse']),
  reason: z.enum([
    'new',
    'ours',
    'adopted',
    'takeover',
    'same',
    'forward-only',
    'active',
    'moved',
    'not-ours',
    'before-mirror',
    'untranslatable',
    'not-copied',
    'merged',
    'name-taken',
    'failed',
  ]),
  detail: z.string().nullable(),
  /** Records that the group reads again if it goes on at the target now; null: nobody can tell. */
  rereads: offset.nullable(),
});

const groupView = z.object({
  group: z.string(),
  /** Its name at the target. */
  targetGroup: z.string(),
  /** Why it could not be asked; null: it was. */
  fault: z.string().nullable(),
  positions: z.array(groupPosition),
});

const groupCounts = z.object({
  groups: count,
  positions: count,
  written: count,
  kept: count,
  refused: count,
  /** Over all positions of which it is known. */
  rereads: offset,
});

/** Answer of GET /routes/{route}/groups. */
export const groupList = z.object({
  route: z.string(),
  /** When it was looked. */
  at: z.string(),
  counts: groupCounts,
  groups: z.array(groupView),
  next: z.string().nullable(),
});

/** Body of POST /routes/{route}/groups/sync. */
export const groupSyncBody = z.strictObject({
  /** Of the source; absent: all that the route’s filter lets through. */
  groups: z.array(z.string().min(1).max(1_000)).min(1).max(MAX_NAMED_GROUPS).optional(),
  /** Also groups that stand elsewhere than we left them, or that we never wrote; never those with members. */
  takeover: z.boolean().default(false),
  /** Positions may go back; absent: as the route says. */
  allowRewind: z.boolean().optional(),
  /** Nothing is written. */
  dryRun: z.boolean().default(false),
});

export const groupSyncView = groupList.omit({ next: true }).extend({
  dryRun: z.boolean(),
  /** True where groups are cut from the answer: `counts` has all of them. */
  truncated: z.boolean(),
});

export type GroupList = z.output<typeof groupList>;
export type GroupView = z.output<typeof groupView>;
export type GroupSyncBody = z.input<typeof groupSyncBody>;
export type GroupSyncView = z.output<typeof groupSyncView>;
