import type { CommonPoint } from '../../../common/model/recovery.js';
import { isRetired, targetTopicOf } from '../../../common/model/route.js';
import { partitionKey } from '../../../common/model/topic-partition.js';
import { timelineOf } from '../../../common/model/topic-progress.js';
import { commonPoint, latestEnds, lostRecords, movedEnds, notDrained } from '../../core/recovery-points.js';
import type { StepOutcome } from '../../core/recovery-state.js';
import { entriesOf, type LegSide, placesAt, sideOf, sourceEnds } from '../legs.js';
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
  const { from, topics } = side;
  const places = await placesAt(context, side, 'target');
  const progress = new Map(
    await Promise.all(
      topics.map(async (topic) => [topic, (await world.fleet.progress(from.name, topic))?.value] as const),
    ),
  );
  const questions = places.flatMap(({ topic, partition, sourceTopic }) => {
    const known = progress.get(sourceTopic);
    return known === undefined ? [] : [{ targetTopic: topic, partition, timeline: timelineOf(known, partition) }];
  });
  const [pairs, ends] = await Promise.all([
    world.lens.checkpoints(from, questions),
    world.lens.ends(from.target, places, 'read_uncommitted'),
  ]);
  return places.map(({ topic, partition, sourceTopic, topicId }) => {
    const key = partitionKey(topic, partition);
    return commonPoint({
      topic: sourceTopic,
      targetTopic: targetTopicOf(from, sourceTopic),
      partition,
      checkpoint: pairs.get(key),
      targetEnd: ends.get(key) ?? 0n,
      sourceTopicId: pairs.get(key)?.sourceTopicId ?? progress.get(sourceTopic)?.sourceTopicId ?? null,
      targetTopicId: topicId,
    });
  });
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
