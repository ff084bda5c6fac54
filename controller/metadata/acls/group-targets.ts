import type { Route } from '../../../common/model/route.js';
import { groupNames, type ResourceNames } from '../../core/acl-names.js';

/** Rights on groups go by their names. */
export function groupTargets(_route: Pick<Route, 'name'>): ResourceNames {
  return groupNames((group) => group);
}
