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
import type { CommonPoint } from '../../../common/model/recovery.js';
import {
  isRetired,
  type PartitionStart,
  type Route,
  type TopicEntry,
  targetTopicOf,
} from '../../../common/model/route.js';
import { renewedProgress, reversedEntry, reverseStarts, sameStarts } from '../../core/recovery-reverse.js';
import type { StepOutcome } from '../../core/recovery-state.js';
import type { Stored } from '../fleet-lens.js';
import { entriesLeft, type LegSide, sideOf } from '../legs.js';
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
    const turns = await turnsOf(context, side, { back, points });
    const hasBegun = turns.some(({ isBegun }) => isBegun);
    const fault = turns.map((turn) => faultOf(turn, side)).find((found) => found !== undefined);
    if (fault !== undefined) {
      if (hasBegun) return { kind: 'failed', message: `${fault}. The others are copied back already` };
      // No earlier step is done again: producers may be at the other cluster, and a new common point would lie behind their first records.
      const message = `${fault}. Nothing is copied back yet: it may be aborted, too`;
      return { kind: 'failed', message, isUntouched: true };
    }
    let begun = 0;
    for (const { source, entry, topic, starts, known, isBegun } of turns) {
      if (entry === undefined || isBegun) continue;
      const addedAt = new Date(context.world.clock.wallMs()).toISOString();
      const next = reversedEntry(entry.value, { route: back.name, topic }, starts, addedAt);
      const path = topicPath(back.name, topic);
      const data = encodeTopicEntry(next);
      const write: StoreOp =
        known === undefined ? { type: 'create', path, data } : { type: 'set', path, data, version: known.version };
      // Still retired when it is written.
      const retired: StoreOp = { type: 'check', path: topicPath(side.from.name, source), version: entry.version };
      const exclusion = await excludedAlike(context, { from: side.from.name, to: back.name }, source, topic);
      const partitions = Math.max(...starts.map(({ partition }) => partition)) + 1;
      const renewed = await renewal(context, back.name, topic, partitions);
      await context.term.write([retired, write, ...exclusion, ...renewed]);
      begun += 1;
    }
    await handOverSelection(context, side, back);
    const gone = new Set(
      turns.flatMap(({ source, entry, isBegun }) => (entry === undefined && !isBegun ? [source] : [])),
    );
    const left = points.filter(({ topic }) => !gone.has(topic));
    return {
      kind: 'done',
      evidence: { route: back.name, topics: turns.length - gone.size, begun, partitions: left.length },
      ...(gone.size === 0 ? {} : { facts: { points: left }, ...withoutGone(context, gone) }),
    };
  },
};

/** What is left out of the way there is not looked for on the way back either. */
function withoutGone(
  { recovery, step }: StepContext,
  gone: ReadonlySet<string>,
): Pick<Extract<StepOutcome, { kind: 'done' }>, 'found'> {
  if (step.leg === 'back') return {};
  return { found: { topics: recovery.topics.filter((topic) => !gone.has(topic)) } };
}

/** One topic that is to be copied back. */
interface Turn {
  /** As it is called at the source of the direction so far. */
  readonly source: string;
  /** Undefined: it was removed from the route meanwhile. */
  readonly entry: Stored<TopicEntry> | undefined;
  readonly topic: string;
  readonly starts: readonly PartitionStart[];
  /** The route back has it, retired or not. */
  readonly known: Stored<TopicEntry> | undefined;
  /** It is copied back already, from the common point. */
  readonly isBegun: boolean;
}

async function turnsOf(
  context: StepContext,
  side: LegSide,
  { back, points }: { readonly back: Route; readonly points: readonly CommonPoint[] },
): Promise<readonly Turn[]> {
  const entries = await entriesLeft(context, side);
  const turns: Turn[] = [];
  for (const source of side.topics) {
    const topic = targetTopicOf(side.from, source);
    const starts = reverseStarts(points, source);
    const known = await context.world.fleet.entry(back.name, topic);
    const isBegun = known !== undefined && !isRetired(known.value) && sameStarts(known.value.starts, starts);
    turns.push({ source, entry: entries.get(source), topic, starts, known, isBegun });
  }
  return turns;
}

/** Why a topic cannot be copied back from its common point. One that an operator removed is left out. */
function faultOf({ source, entry, topic, starts, known, isBegun }: Turn, side: LegSide): string | undefined {
  if (entry === undefined) return undefined;
  if (!isRetired(entry.value)) {
    return `topic ${source} is copied by route ${side.from.name} again (remove it there, then resume: it is left out)`;
  }
  if (starts.length === 0) return `no common point is known of topic ${source}: it would be copied whole`;
  if (known === undefined || isRetired(known.value) || isBegun) return undefined;
  return `topic ${topic} is copied by route ${side.to} already, from elsewhere: remove it there, then resume`;
}

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
