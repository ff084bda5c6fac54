import type { Route } from '../../../common/model/route.js';
import { groupNames, type ResourceNames } from '../../core/acl-names.js';
import { GroupFilter } from '../../groups/group-filter.js';

/** Rights on groups go where the route's groups go: those it does not sync are left alone; where it syncs none, all go by their names. */
export function groupTargets({ groups }: Pick<Route, 'groups'>): ResourceNames {
  if (groups === undefined) return groupNames((group) => group);
  const filter = new GroupFilter(groups);
  const names = groupNames((group) => (filter.takes(group) ? filter.targetName(group) : undefined));
  // A rename may scatter what begins alike.
  return groups.renames.length === 0 ? names : { ...names, prefix: () => undefined };
}
