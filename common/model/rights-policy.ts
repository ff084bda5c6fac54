/**
 * What a route does about ACLs. `report`: tells what differs · `additive`: grants at the target what it lacks, never takes anything back ·
 * `mirror`: also takes back what is gone at the source, within bounds.
 */
export type AclMode = 'off' | 'report' | 'additive' | 'mirror';

/** A principal at the target: the first rule whose pattern matches the whole name says which; without one it keeps its name. */
export interface PrincipalRule {
  /** RE2, of the whole principal: `User:(.*)@a`. */
  readonly match: string;
  /** `$1` stands for the first group. */
  readonly to: string;
}

export interface AclPolicy {
  readonly mode: AclMode;
  readonly topics: boolean;
  readonly groups: boolean;
  /**
   * The right to write. `omit`: as MirrorMaker 2, ALLOW WRITE is not copied and ALLOW ALL becomes ALLOW READ: at the target nobody writes beside the
   * mirror. `copy`: as it is, for a standby whose producers must be able to write after a failover.
   */
  readonly write: 'omit' | 'copy';
  /** Rights on `*` where the naming cannot confine them to what comes from the source: told only, or granted on everything at the target, too. */
  readonly wildcard: 'report' | 'copy';
  readonly principals: {
    readonly map: readonly PrincipalRule[];
    /** Patterns (RE2, whole principals at the source) of those who are left alone. */
    readonly exclude: readonly string[];
  };
  /** What `mirror` may take back: only what it granted, or everything on the route's topics and groups that the source does not have. */
  readonly remove: 'created' | 'scope';
  /** More than both of these in one round wait for an `apply`. */
  readonly maxRemovals: number;
  /** Of what the route has at the target. */
  readonly maxRemovalsPercent: number;
  readonly intervalMs: number;
}

/** `sync` sets at the target what the source has, and takes back what it set itself. */
export type QuotaMode = 'off' | 'report' | 'sync';

/** How often the leader looks at quotas and users of a route without ACLs. */
export const RIGHTS_INTERVAL_MS = 60_000;
