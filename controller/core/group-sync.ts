import type {
  GroupSyncPolicy,
  GroupVerdict,
  KeepReason,
  PositionQuality,
  RefuseReason,
  WriteReason,
} from '../../common/model/group-sync.js';
import type { Translation } from '../../common/model/offset-map.js';

/** What we wrote last for a group's partition, and what stood there before: a write may have happened or not. */
export interface Mark {
  readonly offset: bigint;
  /** Null: nothing. Once the write is known to have happened it is `offset` as well: who goes back there is not us. */
  readonly before: bigint | null;
  /** Of the partition when it was written. */
  readonly timeline: number;
}

/** The group at the target. */
export interface TargetGroup {
  /** It has members now. */
  readonly isActive: boolean;
  /** Members have joined it at some time; false also where it does not exist. */
  readonly hadMembers: boolean;
}

/**
 * What became of all positions that we wrote for the group, in any partition of the route. `unwritten`: there are none · `as-left`: each of
 * them that is still there is ours · `moved`: somebody else moved one.
 */
export type GroupStanding = 'unwritten' | 'as-left' | 'moved';

/** One partition of one group, as both clusters show it. */
export interface GroupPosition {
  /** Committed at the source. */
  readonly sourceOffset: bigint;
  /** Undefined: nothing is known of the partition's offsets. */
  readonly translation: Translation | undefined;
  /** Of the offset map; 0 with no translation. */
  readonly timeline: number;
  readonly group: TargetGroup;
  readonly standing: GroupStanding;
  /** Committed at the target; null: nothing. */
  readonly targetOffset: bigint | null;
  readonly mark: Mark | undefined;
}

export interface SyncOrder {
  /** Also what is not ours; never what is active. */
  readonly takeover: boolean;
  readonly allowRewind: boolean;
}

/** The log of the target partition. */
export interface LogBounds {
  readonly start: bigint;
  readonly end: bigint;
}

/** Where the group would go on at the target. */
export interface TargetPosition {
  readonly offset: bigint;
  readonly quality: PositionQuality;
  /** Records that a reader from here on gets though the source's group had read them; null: nobody can tell. */
  readonly rereads: bigint | null;
}

export interface GroupDecision {
  readonly verdict: GroupVerdict;
  /** Absent: there is none. */
  readonly position?: TargetPosition;
  /** Records that the group reads again at the target if it goes on there now, after this decision; null: nobody can tell. */
  readonly rereads: bigint | null;
}

/** Of a position, or why there is none. Clamping comes later: it needs the target's log. */
export function positionOf(
  translation: Translation | undefined,
  policy: Pick<GroupSyncPolicy, 'beforeMirror'>,
): TargetPosition | RefuseReason {
  switch (translation?.kind) {
    case undefined:
      return 'not-copied';
    case 'exact':
      return { offset: translation.offset, quality: 'exact', rereads: 0n };
    case 'hole':
      return { offset: translation.offset, quality: 'hole', rereads: 0n };
    case 'head':
      return { offset: translation.offset, quality: 'head', rereads: translation.behind };
    case 'before-mirror': {
      // Nothing that was copied has been read by the group: it loses what was not copied, and reads nothing again.
      if (policy.beforeMirror === 'none' || translation.first === null) return 'before-mirror';
      return { offset: translation.first.target, quality: 'start', rereads: 0n };
    }
    case 'unknown':
      return 'untranslatable';
  }
}

/**
 * What becomes of one partition's position. Only groups that never had members at the target, or that still stand where we left them, are
 * written, in partitions where they have no position, too; others by `takeover`. Never back on the same timeline, unless told so (exactly-once.md 8.4).
 */
export function decide(
  at: GroupPosition,
  position: TargetPosition | RefuseReason,
  order: SyncOrder,
  bounds?: LogBounds,
): GroupDecision {
  if (typeof position === 'string') return { verdict: refuse(position), rereads: null };
  const wanted = bounds === undefined ? position : clamp(position, bounds);
  const held = holder(at, order);
  const verdict = 'kind' in held ? held : direction(at, wanted, order, held.reason);
  return { verdict, position: wanted, rereads: rereadsAfter(at, wanted, verdict) };
}

/** A write, as far as whose position it is decides. */
function holder(at: GroupPosition, { takeover }: SyncOrder): GroupVerdict | { readonly reason: WriteReason } {
  const { group, targetOffset, mark, standing } = at;
  if (group.isActive) return refuse('active');
  if (targetOffset === null && (!group.hadMembers || standing === 'as-left')) return { reason: 'new' };
  if (targetOffset !== null && isAsLeft(mark, targetOffset)) return { reason: 'ours' };
  if (takeover) return { reason: 'takeover' };
  if (mark !== undefined || (targetOffset === null && standing === 'moved')) return refuse('moved');
  return group.hadMembers ? refuse('not-ours') : { reason: 'adopted' };
}

/** What stands there is what we wrote, or what stood there before a write that may not have happened. */
function isAsLeft(mark: Mark | undefined, targetOffset: bigint | null): boolean {
  return mark !== undefined && (targetOffset === mark.offset || targetOffset === mark.before);
}

/** @param positions every mark of the group, with what is committed there now; null: nothing (any more) */
export function standingOf(
  positions: Iterable<{ readonly mark: Mark; readonly targetOffset: bigint | null }>,
): GroupStanding {
  let standing: GroupStanding = 'unwritten';
  for (const { mark, targetOffset } of positions) {
    if (isAsLeft(mark, targetOffset)) standing = 'as-left';
    // What expired, or was deleted, nobody moved.
    else if (targetOffset !== null) return 'moved';
  }
  return standing;
}

/** Its write has happened. */
export function confirmed(mark: Mark): Mark {
  return { ...mark, before: mark.offset };
}

function direction(
  { targetOffset, mark, timeline }: GroupPosition,
  { offset }: TargetPosition,
  { allowRewind }: SyncOrder,
  reason: WriteReason,
): GroupVerdict {
  if (targetOffset === null || offset > targetOffset) return { kind: 'write', reason };
  if (offset === targetOffset) return keep('same');
  // On another timeline the offsets of the last one say nothing.
  const isLater = reason === 'ours' && mark !== undefined && timeline > mark.timeline;
  return allowRewind || isLater ? { kind: 'write', reason } : keep('forward-only');
}

function clamp(position: TargetPosition, { start, end }: LogBounds): TargetPosition {
  const { offset, quality, rereads } = position;
  if (offset < start) return { offset: start, quality, rereads };
  if (offset <= end) return position;
  // What is not there (any more) comes again, if it comes at all.
  return { offset: end, quality, rereads: rereads === null ? null : rereads + (offset - end) };
}

function rereadsAfter({ targetOffset }: GroupPosition, wanted: TargetPosition, verdict: GroupVerdict): bigint | null {
  if (wanted.rereads === null) return null;
  if (verdict.kind === 'write') return wanted.rereads;
  // Where it begins then is the reader's own affair.
  if (targetOffset === null) return null;
  const short = wanted.offset - targetOffset;
  return wanted.rereads + (short > 0n ? short : 0n);
}

/** What is remembered of a write before it happens. */
export function markOf({ targetOffset, timeline }: GroupPosition, { offset }: TargetPosition): Mark {
  return { offset, before: targetOffset, timeline };
}

function keep(reason: KeepReason): GroupVerdict {
  return { kind: 'keep', reason };
}

function refuse(reason: RefuseReason): GroupVerdict {
  return { kind: 'refuse', reason };
}
