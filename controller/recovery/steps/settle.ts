import { type CheckpointPlace, checkpointPlaceOf } from '../../../common/model/checkpoint.js';
import { mergesPartitions, targetPartitionOf } from '../../../common/model/record-rules.js';
import type { CommonPoint, KnownEnd } from '../../../common/model/recovery.js';
import { isRetired } from '../../../common/model/route.js';
import { partitionKey, type TopicPartition } from '../../../common/model/topic-partition.js';
import { type TopicProgress, timelineOf } from '../../../common/model/topic-progress.js';
import {
  commonPoint,
  latestEnds,
  lostRecords,
  movedEnds,
  notDrained,
  rememberedPartitions,
} from '../../core/recovery-points.js';
import type { StepOutcome } from '../../core/recovery-state.js';
import { placeKey } from '../../offsets/gathered-checkpoints.js';
import { entriesOf, type LegSide, sideOf, sourceEnds, type TopicThere, topicsAt } from '../legs.js';
import type { StepContext, StepHandler } from '../ports.js';
import { unretire } from './stop.js';

const MAX_ROWS = 50;

/** Where the two logs part: the last pair of every partition, and the target's log ends, once nobody copies any more. */
export const settle: StepHandler = {
  async look(context) {
    const side = await sideOf(context);
    const points = await pointsOf(context, side);
    return { kind: 'done', evidence: evidenceOf(context, points) };
  },

  async run(context): Promise<StepOutcome> {
    const side = await sideOf(context);
    const again = await copiedAgain(context, side);
    if (again !== undefined) return again;
    const points = await pointsOf(context, side);
    const done: StepOutcome = { kind: 'done', evidence: evidenceOf(context, points), facts: { points } };
    // After a loss the source is not asked: it may hang.
    if (context.recovery.kind === 'failover') return done;
    const before = side.facts.ends ?? [];
    const moved = movedEnds(before, await sourceEnds(context, side));
    const short = notDrained(points, before);
    if (moved.length === 0 && short.length === 0) return done;
    const copied = await unretire(context, side);
    const what =
      moved.length > 0
        ? `${moved.length} source partitions were written to after everything had been copied`
        : `${short.length} partitions stopped before their end`;
    const message = `${what}; ${copied} topics are copied again. Stop the producers, then resume`;
    return {
      kind: 'failed',
      message,
      evidence: { rows: [...moved, ...short].slice(0, MAX_ROWS) },
      backTo: quietOf(context),
    };
  },
};

/**
 * What is being copied has no common point yet: a leader before this one let it go on and died before that was written down, or an operator
 * removed a topic and added it again.
 */
async function copiedAgain(context: StepContext, side: LegSide): Promise<StepOutcome | undefined> {
  const entries = await entriesOf(context, side);
  const copied = entries.filter(({ value }) => !isRetired(value)).length;
  if (copied === 0) return undefined;
  const message = (count: number): string => `${count} topics are copied again: resume stops them once more`;
  // A source that is gone is not drained.
  if (context.recovery.kind === 'failover') return { kind: 'failed', message: message(copied), backTo: 'stop' };
  // Only what is copied can be drained.
  const count = copied + (await unretire(context, side));
  return { kind: 'failed', message: message(count), backTo: quietOf(context) };
}

function quietOf({ step }: StepContext): string {
  return step.leg === 'out' ? 'quiet' : 'back-quiet';
}

async function pointsOf(context: StepContext, side: LegSide): Promise<readonly CommonPoint[]> {
  const { world } = context;
  const { from } = side;
  const seen = seenOf(context, side);
  const topics = await topicsAt(context, side, 'target');
  const settling = (
    await Promise.all(topics.map((there) => settlingOf(context, side, there, seen.get(there.sourceTopic) ?? [])))
  ).flat();
  const [pairs, ends] = await Promise.all([
    world.lens.checkpoints(
      from,
      settling.flatMap(({ pair }) => pair ?? []),
    ),
    world.lens.ends(from.target, targetsOf(settling), 'read_uncommitted'),
  ]);
  return settling.map(({ there, partition, target, pair, progress }) => {
    const checkpoint = pair && pairs.get(placeKey(pair));
    return commonPoint({
      ...{ topic: there.sourceTopic, targetTopic: there.topic, partition, checkpoint },
      targetEnd: ends.get(partitionKey(target.topic, target.partition)) ?? 0n,
      sourceTopicId: checkpoint?.sourceTopicId ?? progress?.sourceTopicId ?? null,
      targetTopicId: there.topicId,
    });
  });
}

/** A partition of the source whose common point is looked for. */
interface Settling {
  readonly there: TopicThere;
  readonly partition: number;
  /** Where its copies are. */
  readonly target: TopicPartition;
  /** Where its pair is; undefined: nothing of the topic was ever copied. */
  readonly pair: CheckpointPlace | undefined;
  readonly progress: TopicProgress | undefined;
}

/** Ends of the source that were seen, by topic: of partitions that the target does not tell. */
function seenOf({ world }: StepContext, { from, facts }: LegSide): ReadonlyMap<string, readonly KnownEnd[]> {
  const seen = new Map<string, KnownEnd[]>();
  if (!mergesPartitions(from.partitionMapping)) return seen;
  for (const end of [facts.ends, facts.known, world.rpo.picture(from.name)?.known].flatMap((ends) => ends ?? [])) {
    const own = seen.get(end.topic);
    if (own === undefined) seen.set(end.topic, [end]);
    else own.push(end);
  }
  return seen;
}

/** Which partitions there are is told by the target where each has one of its own; otherwise by what is remembered: the source may be gone. */
async function settlingOf(
  { world }: StepContext,
  { from }: LegSide,
  there: TopicThere,
  seen: readonly KnownEnd[],
): Promise<readonly Settling[]> {
  const { sourceTopic: topic, topic: targetTopic, partitions, isWanted } = there;
  const progress = (await world.fleet.progress(from.name, topic))?.value;
  const numbers = mergesPartitions(from.partitionMapping)
    ? rememberedPartitions(progress, seen)
    : Array.from({ length: partitions }, (_, partition) => partition);
  return numbers.filter(isWanted).map((partition) => {
    const target = { topic: targetTopic, partition: targetPartitionOf(from.partitionMapping, partition) };
    const item = { route: from.name, topic, partition, targetTopic };
    const pair = progress && checkpointPlaceOf({ ...item, timeline: timelineOf(progress, partition) }, from);
    return { there, partition, target, pair, progress };
  });
}

/** Those that there are, once each: several sources may share one. */
function targetsOf(settling: readonly Settling[]): readonly TopicPartition[] {
  const there = settling.filter(({ target, there: { partitions } }) => target.partition < partitions);
  return [...new Map(there.map(({ target }) => [partitionKey(target.topic, target.partition), target])).values()];
}

function evidenceOf({ recovery, step, world }: StepContext, points: readonly CommonPoint[]) {
  const inexact = points.filter(({ exact, target }) => !exact && target > 0n).length;
  const base = { partitions: points.length, exact: points.length - inexact, uncertain: inexact };
  // Planned programs lose nothing, and go by the source itself.
  if (recovery.kind !== 'failover') return base;
  const { known = [], knownAt = null } = recovery.facts[step.leg];
  // Workers may have seen more of the source until they stopped.
  const picture = world.rpo.picture(recovery.route);
  const seenAt = picture?.contactMs === undefined ? null : new Date(picture.contactMs).toISOString();
  const lost = lostRecords(points, latestEnds(known, picture?.known ?? []));
  const records = lost.reduce<number | null>(
    (sum, one) => (sum === null || one.records === null ? null : sum + one.records),
    0,
  );
  return {
    ...base,
    ...{ lostRecords: records, unknownPartitions: lost.reduce((sum, { unknown }) => sum + unknown, 0) },
    knownAt: seenAt !== null && (knownAt === null || seenAt > knownAt) ? seenAt : knownAt,
    rows: lost
      .filter((row) => row.records !== 0)
      .map((row) => ({ ...row }))
      .slice(0, MAX_ROWS),
  };
}
