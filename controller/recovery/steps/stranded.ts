import { CausewayError } from '../../../common/errors/error.js';
import { type CommonPoint, MAX_STRANDED_RANGES_IN_ALL, type Stranded } from '../../../common/model/recovery.js';
import { partitionKey } from '../../../common/model/topic-partition.js';
import type { StepOutcome } from '../../core/recovery-state.js';
import { OffsetRanges } from '../../core/recovery-stranded.js';
import { crossedBehind } from '../crossed.js';
import { type LegSide, sideOf } from '../legs.js';
import type { StepContext, StepHandler } from '../ports.js';

const MAX_ROWS = 500;

/**
 * The records that the old source has and that never crossed, counted by reading them. Where the last owner was fenced, copies may lie
 * behind its last pair: they are found beside their originals first, so that nothing that crossed is listed.
 */
export const stranded: StepHandler = {
  look: (context) => list(context),
  run: (context) => list(context),
};

async function list(context: StepContext): Promise<StepOutcome> {
  const side = await sideOf(context);
  const { points } = side.facts;
  // A dry run has no earlier step to go by but the survey, which found them.
  if (points === undefined) return { kind: 'failed', message: 'the common point is not known' };
  await checkIdentity(context, side, points);
  const found: Stranded[] = [];
  const exact: CommonPoint[] = [];
  let rangesLeft = MAX_STRANDED_RANGES_IN_ALL;
  for (const point of points) {
    const source = await crossingOf(context, side, point);
    exact.push({ ...point, source, exact: true });
    // Where a partition's records begin and end is told of each, however many there are.
    const own = await strandedOf(context, side, { ...point, source }, Math.max(1, rangesLeft));
    rangesLeft = Math.max(0, rangesLeft - own.ranges.length);
    found.push(own);
  }
  const some = found.filter(({ records }) => records > 0);
  const evidence = {
    partitions: points.length,
    records: found.reduce((sum, { records }) => sum + records, 0),
    reexamined: points.filter((point) => !point.exact).length,
    rows: some.slice(0, MAX_ROWS).map(({ topic, partition, records, ranges, last }) => ({
      ...{ topic, partition, records },
      ...{ from: String(ranges[0]?.from ?? ''), to: String(last), ranges: ranges.length },
    })),
  };
  return { kind: 'done', evidence, facts: { stranded: some, points: exact } };
}

/** @throws SOURCE_RECREATED: what is there now is not what was copied */
async function checkIdentity({ world }: StepContext, { from }: LegSide, points: readonly CommonPoint[]): Promise<void> {
  const topics = [...new Map(points.map(({ topic, sourceTopicId }) => [topic, sourceTopicId]))];
  const { topics: seen } = await world.metadata.describe(
    from.source,
    topics.map(([topic]) => topic),
  );
  for (const [topic, id] of topics) {
    const info = seen.get(topic);
    if (typeof info !== 'object' || id === null || info.topicId === null || info.topicId === id) continue;
    throw new CausewayError(
      'SOURCE_RECREATED',
      'the old source’s topic is not the one that was copied: it was made anew',
      {
        place: { route: from.name, topic, cluster: from.source },
        fix: 'There is no common point with it. Delete it, and copy back everything over a route of its own.',
      },
    );
  }
}

/** The first source offset that did not cross. */
async function crossingOf({ world, signal }: StepContext, { from }: LegSide, point: CommonPoint): Promise<bigint> {
  const { topic, targetTopic, partition, source, pairTarget, target, exact } = point;
  if (exact || pairTarget >= target) return source;
  const pair = { source, target: pairTarget };
  const crossed = await crossedBehind(world.lens, from, { topic, targetTopic, partition, pair, until: target, signal });
  if (crossed.missing === 0) return crossed.position;
  const message = `${crossed.missing} records of the target behind offset ${pairTarget} are not at the old source: it lost them, or others wrote to the target`;
  throw new CausewayError('SOURCE_TRUNCATED', message, {
    place: { route: from.name, topic, partition, offset: source },
    fix: 'Compare the two topics; the old source has to be copied anew (delete the topic there).',
  });
}

async function strandedOf(
  { world, signal }: StepContext,
  { from }: LegSide,
  { topic, partition, source }: CommonPoint,
  maxRanges: number,
): Promise<Stranded> {
  const ranges = new OffsetRanges(maxRanges);
  const end =
    (from.isolation === 'read_committed' ? await ends(world, from.source, topic, partition) : undefined) ?? -1n;
  if (end !== source) {
    await world.lens.scan(from.source, {
      ...{ place: { topic, partition }, from: source, isolation: from.isolation, signal },
      visit: (records) => {
        for (const { offset } of records) ranges.add(offset);
        return true;
      },
    });
  }
  return ranges.of(topic, partition);
}

async function ends(world: StepContext['world'], cluster: string, topic: string, partition: number) {
  const found = await world.lens.ends(cluster, [{ topic, partition }], 'read_committed');
  return found.get(partitionKey(topic, partition));
}
