import type { QuotaEntity } from './client-quota.js';

/** ACLs, and quotas, that are remembered per route, so that the node stays small; what is beyond is granted and never taken back. */
export const MAX_REMEMBERED_RIGHTS = 20_000;

/** What a route set at its target and has not taken back: only that is its own to take back. */
export interface RightsMemory {
  readonly route: string;
  /** A route that was pointed at another cluster has set nothing there. */
  readonly target: string;
  /** `aclKey` of each. */
  readonly acls: readonly string[];
  readonly quotas: readonly { readonly entity: QuotaEntity; readonly key: string; readonly value: number }[];
}
