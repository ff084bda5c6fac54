import { encodeRoute } from '../../common/coordination/records/desired.js';
import { progressRoutePath, routePath, topicsPath } from '../../common/coordination/znodes.js';
import { CausewayError, isCausewayError } from '../../common/errors/error.js';
import { type Route, targetTopicOf } from '../../common/model/route.js';
import { reverseRouteOf } from '../core/recovery-reverse.js';
import { checkRoute } from '../rest/route-rules.js';
import type { LegSide } from './legs.js';
import type { StepContext } from './ports.js';

/** The route of the other direction, made where it is not there yet. @throws ROUTE_INVALID, CLUSTER_UNKNOWN */
export async function ensureRoute(context: StepContext, { from, topics }: LegSide, name: string): Promise<Route> {
  const { world, term } = context;
  const existing = await world.fleet.route(name);
  const route = existing?.value ?? reverseRouteOf(from, name, topics);
  checkRoute(route, world.clusters);
  for (const topic of topics) {
    if (targetTopicOf(route, targetTopicOf(from, topic)) === topic) continue;
    throw new CausewayError('ROUTE_INVALID', `route ${name} does not copy topic ${topic} back to where it came from`, {
      place: { route: name, topic },
      fix: 'Give another name for the way back (reverse).',
    });
  }
  if (existing === undefined) await term.write([{ type: 'create', path: routePath(name), data: encodeRoute(route) }]);
  for (const path of [topicsPath(name), progressRoutePath(name)]) await makeParent(term, path);
  return route;
}

/** Multis do not create parents. */
export async function makeParent(term: StepContext['term'], path: string): Promise<void> {
  try {
    await term.write([{ type: 'create', path, data: Buffer.alloc(0) }]);
  } catch (error) {
    if (!isCausewayError(error, 'NODE_EXISTS')) throw error;
  }
}
