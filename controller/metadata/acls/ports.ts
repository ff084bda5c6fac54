import type { AclBinding, AclResource } from '../../../common/model/acl.js';
import type { ClientQuota } from '../../../common/model/client-quota.js';
import type { SingleQuota } from '../../core/quota-sync.js';

/** A cluster's ACLs; undefined: it has no authorizer, everybody may do everything. */
export type AclListing = readonly AclBinding[] | undefined;

/** What became of each of several changes, in their order; undefined: done. */
export type Outcomes = readonly (Error | undefined)[];

/** Rights, quotas and users of the operators' clusters, by cluster name. @throws CLUSTER_RIGHTS_MISSING, CLUSTER_UNREACHABLE... */
export interface ClusterRights {
  acls(cluster: string, resources: readonly AclResource[]): Promise<AclListing>;
  /** One that is there already is no error. */
  createAcls(cluster: string, bindings: readonly AclBinding[]): Promise<Outcomes>;
  /** One that is not there is no error. */
  deleteAcls(cluster: string, bindings: readonly AclBinding[]): Promise<Outcomes>;
  /** Of users and client ids; those of addresses are left out. */
  quotas(cluster: string): Promise<readonly ClientQuota[]>;
  /** @param changes a null value removes the quota */
  alterQuotas(
    cluster: string,
    changes: readonly (Omit<SingleQuota, 'value'> & { readonly value: number | null })[],
  ): Promise<Outcomes>;
  /** Names of users with SCRAM credentials. */
  scramUsers(cluster: string): Promise<readonly string[]>;
}
