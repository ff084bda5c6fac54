import type { StoreOp } from '../../../common/coordination/ports.js';
import { encodeRoute, encodeTopicEntry, encodeTopicProgress } from '../../../common/coordination/records/desired.js';
import { encodeExclusion } from '../../../common/coordination/records/orders.js';
import {
  exclusionPath,
  exclusionRoutePath,
  progressPath,
  routePath,
  topicPath,
} from '../../../common/coordination/znodes.js';
import { type Route, targetTopicOf } from '../../../common/model/route.js';
import { renewedProgress, reversedEntry, reverseStarts, sameStarts } from '../../core/recovery-reverse.js';
import type { StepOutcome } from '../../core/recovery-state.js';
import { entriesOf, type LegSide, sideOf } from '../legs.js';
import type { StepContext, StepHandler } from '../ports.js';
import { ensureRoute, makeParent } from '../way-back.js';

/**
 * The other direction is copied from the common point on: only what the old target gets of its own. The route's own topics are retired, so
 * that no record travels in circles; topic by topic, in one write each, whatever happened before.
 */
export const reverse: StepHandler = {
  async look(context) {
    const side = await sideOf(context);
    const points = side.facts.points ?? [];
    return {
      kind: 'done',
      evidence: { route: side.to ?? '-', topics: side.topics.length, partitions: points.length },
    };
  },

  async run(context): Promise<StepOutcome> {
    const side = await sideOf(context);
    const { points } = side.facts;
    if (points === undefined || side.to === undefined) {
      return { kind: 'failed', message: 'the common point is not known: run it again from its beginning' };
    }
    const back = await ensureRoute(context, side, side.to);
    let begun = 0;
    for (const { value: entry } of await entriesOf(context, side)) {
      if (entry.retired === undefined) {
        const message = `topic ${entry.topic} is copied by route ${side.from.name} again: retire it first`;
        return { kind: 'failed', message };
      }
      const topic = targetTopicOf(side.from, entry.topic);
      const starts = reverseStarts(points, entry.topic);
      if (starts.length === 0) {
        return {
          kind: 'failed',
          message: `no common point is known of topic ${entry.topic}: it would be copied whole`,
        };
      }
      const known = await context.world.fleet.entry(back.name, topic);
      if (known !== undefined && known.value.retired === undefined) {
        if (sameStarts(known.value.starts, starts)) continue;
        return { kind: 'failed', message: `topic ${topic} is copied by route ${back.name} already, from elsewhere` };
      }
      const addedAt = new Date(context.world.clock.wallMs()).toISOString();
      const next = reversedEntry(entry, { route: back.name, topic }, starts, addedAt);
      const path = topicPath(back.name, topic);
      const data = encodeTopicEntry(next);
      const write: StoreOp =
        known === undefined ? { type: 'create', path, data } : { type: 'set', path, data, version: known.version };
      const exclusion = await excludedAlike(context, { from: side.from.name, to: back.name }, entry.topic, topic);
      const partitions = Math.max(...starts.map(({ partition }) => partition)) + 1;
      await context.term.write([write, ...exclusion, ...(await renewal(context, back.name, topic, partitions))]);
      begun += 1;
    }
    await handOverSelection(context, side, back);
    return {
      kind: 'done',
      evidence: { route: back.name, topics: side.topics.length, begun, partitions: points.length },
    };
  },
};

/** What nobody copied from a point on has no common point: it is not copied back either, until an operator includes it. */
async function excludedAlike(
  { world, term, recovery }: StepContext,
  routes: { readonly from: string; readonly to: string },
  sourceTopic: string,
  topic: string,
): Promise<StoreOp[]> {
  const [here, there] = await Promise.all([
    world.fleet.excluded(routes.from, sourceTopic),
    world.fleet.excluded(routes.to, topic),
  ]);
  if ([...here].every((partition) => there.has(partition))) return [];
  await makeParent(term, exclusionRoutePath(routes.to));
  const partitions = [...new Set([...here, ...there])].sort((a, b) => a - b);
  const at = new Date(world.clock.wallMs()).toISOString();
  const reason = `excluded on route ${routes.from} when ${recovery.id} changed the direction`;
  const data = encodeExclusion({ route: routes.to, topic, partitions, reason, at });
  const path = exclusionPath(routes.to, topic);
  const before = await world.store.get(path);
  return [before === undefined ? { type: 'create', path, data } : { type: 'set', path, data, version: before.version }];
}

/** What was copied in this direction in former times has nothing to say. */
async function renewal({ world }: StepContext, route: string, topic: string, partitions: number): Promise<StoreOp[]> {
  const progress = await world.fleet.progress(route, topic);
  if (progress === undefined) return [];
  const data = encodeTopicProgress(renewedProgress(progress.value, partitions));
  return [{ type: 'set', path: progressPath(route, topic), data, version: progress.version }];
}

/** New topics come to be where producers are now: what selected them at the old source selects them there. Only with the whole route. */
async function handOverSelection({ world, term, recovery }: StepContext, side: LegSide, back: Route): Promise<void> {
  if (recovery.asked.length > 0) return;
  const [from, to] = [await world.fleet.route(side.from.name), await world.fleet.route(back.name)];
  if (from?.value.selection === undefined || to === undefined || to.value.selection !== undefined) return;
  const { selection, ...rest } = from.value;
  await term.write([
    { type: 'set', path: routePath(back.name), data: encodeRoute({ ...to.value, selection }), version: to.version },
    { type: 'set', path: routePath(rest.name), data: encodeRoute(rest), version: from.version },
  ]);
}
