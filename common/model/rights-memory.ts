import type { QuotaEntity } from './client-quota.js';

/** What a route set at its target and has not taken back: only that is its own to take back. */
export interface RightsMemory {
  readonly route: string;
  /** A route that was pointed at another cluster has set nothing there. */
  readonly target: string;
  /** `aclKey` of each. */
  readonly acls: readonly string[];
  readonly quotas: readonly { readonly entity: QuotaEntity; readonly key: string; readonly value: number }[];
}
