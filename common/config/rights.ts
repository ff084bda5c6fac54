import type { AclPolicy } from '../model/rights-policy.js';
import type { Route } from '../model/route.js';
import type { RouteSettings } from './route-schema.js';

/** What a route does about rights, quotas and users; nothing is said of what is off. */
export function rightsFrom({
  acls,
  quotas,
  users,
}: Pick<RouteSettings, 'acls' | 'quotas' | 'users'>): Pick<Route, 'acls' | 'quotas' | 'users'> {
  return {
    ...(acls === undefined ? {} : { acls: aclPolicyFrom(acls) }),
    ...(quotas === undefined || quotas === 'off' ? {} : { quotas }),
    ...(users === 'report' ? { users } : {}),
  };
}

/** Its parts in one order, so that equal policies are equal texts. */
function aclPolicyFrom(settings: AclPolicy): AclPolicy {
  const { mode, topics, groups, write, wildcard, principals, remove } = settings;
  const { maxRemovals, maxRemovalsPercent, intervalMs } = settings;
  return {
    mode,
    topics,
    groups,
    write,
    wildcard,
    principals: { map: principals.map.map(({ match, to }) => ({ match, to })), exclude: [...principals.exclude] },
    remove,
    maxRemovals,
    maxRemovalsPercent,
    intervalMs,
  };
}
