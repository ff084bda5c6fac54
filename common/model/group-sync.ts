/** How the positions of a route's consumer groups follow their source (design.md 5.4, exactly-once.md 8.4). */
export interface GroupSyncPolicy {
  /** Patterns (RE2) of whole names. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly intervalMs: number;
  /** Names of groups at the target; a group that no pattern matches keeps its name. The first that matches counts. */
  readonly renames: readonly GroupRename[];
  /** Positions at the target may go back where the source's did. */
  readonly allowRewind: boolean;
  /** What becomes of positions below the first copied record. */
  readonly beforeMirror: 'none' | 'earliest';
  /** What becomes of positions that cannot be translated because the map is lost there. */
  readonly untranslatable: 'none' | 'timestamp';
}

export interface GroupRename {
  readonly match: string;
  readonly replacement: string;
}

/** Why a group's position was written to the target. */
export type WriteReason =
  /** The group had none there. */
  | 'new'
  /** It stood where we had left it. */
  | 'ours'
  /** Nobody had ever joined the group there: its position came from outside, and is behind. */
  | 'adopted'
  /** An operator's order: whatever stood there. */
  | 'takeover';

/** Why it was left as it is. */
export type KeepReason =
  /** It is what it should be. */
  | 'same'
  /** It would go back. */
  | 'forward-only';

/** Why nothing is written. */
export type RefuseReason =
  /** The group has members at the target: the broker protects them. */
  | 'active'
  /** Somebody else has moved it since we wrote it: `takeover` is for that. */
  | 'moved'
  /** The group was used at the target before we ever wrote it: `takeover` is for that. */
  | 'not-ours'
  /** The position is below the first copied record. */
  | 'before-mirror'
  /** The map of this stretch is lost. */
  | 'untranslatable'
  /** Nothing is known of the partition's offsets yet, or the route does not copy it. */
  | 'not-copied'
  /** Others write into the target partition, too: there is no one position. */
  | 'merged'
  /** Another group of the source has this name at the target. */
  | 'name-taken'
  /** The target, or what is known of the partition's offsets, was asked, and refused or did not answer. */
  | 'failed';

export type GroupVerdict =
  | { readonly kind: 'write'; readonly reason: WriteReason }
  | { readonly kind: 'keep'; readonly reason: KeepReason }
  | { readonly kind: 'refuse'; readonly reason: RefuseReason };

/** A translated position: how exact it is. */
export type PositionQuality = 'exact' | 'hole' | 'head' | 'start' | 'timestamp';

/** MirrorMaker 2's default exclusions, and our own groups. */
export const DEFAULT_EXCLUDED_GROUPS: readonly string[] = [
  'console-consumer-.*',
  'connect-.*',
  '__.*',
  'causeway\\..*',
];
