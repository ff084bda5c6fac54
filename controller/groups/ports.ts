import type { GroupVerdict, PositionQuality } from '../../common/model/group-sync.js';

/** What became, or would become, of one partition's position of one group. */
export interface GroupSyncResult {
  readonly group: string;
  /** Its name at the target. */
  readonly targetGroup: string;
  readonly topic: string;
  readonly partition: number;
  readonly targetTopic: string;
  /** Committed at the source. */
  readonly sourceOffset: bigint;
  /** Where that is at the target; null: there is no answer, `verdict` says why. */
  readonly translated: bigint | null;
  readonly quality: PositionQuality | null;
  /** Committed at the target before; null: nothing. */
  readonly targetOffset: bigint | null;
  /** `write`: it was written; with a dry run: it would be. */
  readonly verdict: GroupVerdict;
  /** What the broker said, where it failed. */
  readonly detail: string | null;
  /** Records that the group reads again if it goes on at the target now; null: nobody can tell. */
  readonly rereads: bigint | null;
}

export interface GroupSyncOptions {
  /** Also groups that stand elsewhere than we left them, or that we never wrote; never groups with members. */
  readonly takeover: boolean;
  /** Of the source; absent: all that the route's filter lets through. */
  readonly groups?: readonly string[];
  /** Of the source; absent: all that the route has. */
  readonly topics?: readonly string[];
  /** Positions may go back; absent: as the route says. */
  readonly allowRewind?: boolean;
  /** Nothing is written. */
  readonly dryRun?: boolean;
}

export interface GroupSyncOutcome {
  /** One per group and partition. */
  readonly results: readonly GroupSyncResult[];
  /** Groups of the source that could not be asked where they stand, and why: nothing became of them. */
  readonly failed: ReadonlyMap<string, string>;
}

/** Moves the positions of a route's groups to the target now, while this controller leads. */
export interface GroupSync {
  /**
   * @throws NO_LEADER; ROUTE_UNKNOWN; CLUSTER_UNREACHABLE and the like when a cluster cannot be asked at all. The fault of a group stays with it.
   */
  syncNow(route: string, options: GroupSyncOptions): Promise<GroupSyncOutcome>;
  /** What the last regular pass found, for when the source does not answer any more; undefined: there was none. */
  latest(route: string): { readonly atMs: number; readonly results: readonly GroupSyncResult[] } | undefined;
}
