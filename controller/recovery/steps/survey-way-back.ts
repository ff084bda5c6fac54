import { ROUTES } from '../../../common/coordination/znodes.js';
import { CausewayError, messageOf } from '../../../common/errors/error.js';
import { isRetired, type Route, targetTopicOf } from '../../../common/model/route.js';
import { isReverse, oneWayFault, reverseName, reverseRouteOf } from '../../core/recovery-reverse.js';
import { checkRoute } from '../../rest/route-rules.js';
import type { Findings } from '../findings.js';
import type { StepContext } from '../ports.js';

/** Name of the route of the other direction, where the program needs one and there can be one. */
export async function reverseOf(
  context: StepContext,
  route: Route,
  topics: readonly string[],
  findings: Findings,
): Promise<string | undefined> {
  const { recovery, world } = context;
  const { kind, options } = recovery;
  const fault = oneWayFault(route);
  const isNeeded = kind === 'failback' || ((kind === 'switchover' || kind === 'cutover') && options.reverseCopy);
  const names = (await world.store.children(ROUTES)) ?? [];
  const routes = (await Promise.all(names.map((name) => world.fleet.route(name)))).flatMap((one) => one?.value ?? []);
  const wished = options.reverse ?? recovery.reverse;
  const name = wished ?? (await formerReverse(context, route, topics, routes)) ?? reverseName(route.name);
  const existing = routes.find((other) => other.name === name);
  try {
    if (fault !== undefined) throw new CausewayError('ROUTE_INVALID', `route ${route.name}: ${fault}`);
    if (existing === undefined) checkRoute(reverseRouteOf(route, name, topics), world.clusters);
    else if (!isReverse(route, existing, topics)) {
      throw new CausewayError('ROUTE_INVALID', `route ${name} does not copy these topics back to where they came from`);
    }
    findings.add('way back', 'ok', existing === undefined ? `route ${name} can be made` : `route ${name}`);
  } catch (error) {
    if (!(error instanceof CausewayError)) throw error;
    findings.add('way back', isNeeded ? 'block' : 'warn', messageOf(error));
    return undefined;
  }
  if (isNeeded && route.schemas?.mode === 'api' && existing?.schemas?.mode !== 'api') {
    const detail = `schemas that are registered at cluster ${route.target} afterwards do not come back: give route ${name} schemas of its own`;
    findings.add('schemas', 'warn', detail);
  }
  const renamed = topics.filter((topic) => targetTopicOf(route, topic) !== topic);
  if (renamed.length > 0 && isNeeded) {
    const detail = `${renamed.length} topics have other names at the target: what producers write to ${targetTopicOf(route, renamed[0] as string)} comes back, not what they write to ${renamed[0]}`;
    findings.add('names', 'warn', detail);
  }
  return isNeeded ? name : undefined;
}

/** The route over which these topics were copied in the other direction before: they are retired there. */
async function formerReverse(
  { world }: StepContext,
  route: Route,
  topics: readonly string[],
  routes: readonly Route[],
): Promise<string | undefined> {
  for (const other of routes) {
    if (!isReverse(route, other, topics)) continue;
    const entries = await Promise.all(
      topics.map((topic) => world.fleet.entry(other.name, targetTopicOf(route, topic))),
    );
    if (topics.length > 0 && entries.every((entry) => entry !== undefined && isRetired(entry.value))) return other.name;
  }
  return undefined;
}
