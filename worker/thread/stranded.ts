import type { AssignmentItem } from '../../common/model/assignment.js';
import type { Route } from '../../common/model/route.js';
import type { Reason } from '../partition/mirrored-partition.js';

/**
 * Why this worker's configuration does not allow it to mirror the item; undefined where it does. Controllers and workers get their
 * configuration one after the other: an item that is ahead of it must not touch the others.
 */
export function strandedReason(
  item: AssignmentItem,
  route: Route | undefined,
  clusters: readonly { readonly name: string }[],
): Reason | undefined {
  if (route === undefined) {
    return { code: 'ROUTE_UNKNOWN', message: `the assignment names route ${item.route} without its settings` };
  }
  const missing = [route.source, route.target].find((name) => !clusters.some((cluster) => cluster.name === name));
  if (missing === undefined) return undefined;
  return { code: 'CLUSTER_UNKNOWN', message: `cluster ${missing} is not in this worker’s configuration` };
}
