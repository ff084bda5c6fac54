import { listOffsets, TIMESTAMP_LATEST } from '../../common/kafka/wire/operations/list-offsets.js';
import type { MapChain } from '../../common/model/offset-map-record.js';
import { historyAtStart } from '../core/start-history.js';
import {
  planClosed,
  planDiverged,
  planStart,
  planUncertain,
  planWalked,
  type StartFacts,
  type StartPlan,
} from '../core/start-position.js';
import type { MirroredPartition, Reason } from './mirrored-partition.js';
import { PositionFacts, type PositionFactsDeps, type PutOff } from './position-facts.js';
import type { TakenOver } from './taken-over.js';
import type { Takeover, TakeoverCase } from './takeover.js';

export interface PositionFinderDeps extends PositionFactsDeps {
  readonly takeover: Pick<Takeover, 'settle' | 'close'>;
}

/** Where a partition begins. */
export interface Beginning {
  readonly kind: 'begin';
  readonly facts: StartFacts;
  readonly plan: StartPlan & { readonly kind: 'begin' };
  readonly sourceLeaderEpoch: number;
  /** The offset map before the run that it begins with, as far as the map topic need not have it. */
  readonly history: MapChain;
}

/** A partition whose target log has to be closed first, and walked where it is the log of its present timeline. */
export interface Unsettled extends TakeoverCase {
  readonly kind: 'walk' | 'close';
  readonly facts: StartFacts;
}

export type Found =
  | Beginning
  | Unsettled
  /** Not yet. */
  | (PutOff & { readonly kind: 'wait' })
  /** Not in this timeline. */
  | (StartPlan & { readonly kind: 'break' })
  /** An operator has to decide. */
  | (Reason & { readonly kind: 'pause' });

export function isUnsettled(found: Found): found is Unsettled {
  return found.kind === 'walk' || found.kind === 'close';
}

/** Finds where partitions of one route and checkpoint group continue. */
export class PositionFinder {
  readonly #deps: PositionFinderDeps;
  readonly #facts: PositionFacts;

  constructor(deps: PositionFinderDeps) {
    this.#deps = deps;
    this.#facts = new PositionFacts(deps);
  }

  /** Why it cannot be asked about at the moment; undefined: both sides have a leader. */
  leaderless(partition: MirroredPartition): PutOff | undefined {
    const { source, target } = this.#deps.sides(partition);
    const { topic, targetTopic, partition: number } = partition.item;
    const sourceLed = source.leaders.leader(topic, number) !== undefined;
    const targetLed = target.leaders.leader(targetTopic, partition.targetPartition) !== undefined;
    if (!sourceLed) source.leaders.refresh();
    if (!targetLed) target.leaders.refresh();
    if (sourceLed && targetLed) return undefined;
    if (!sourceLed) {
      const message = 'the source topic has no leader for the partition';
      return { code: 'SOURCE_TOPIC_MISSING', message, soon: true };
    }
    const message = `target topic ${targetTopic} has no leader for the partition`;
    return { code: 'TARGET_TOPIC_MISSING', message, soon: true };
  }

  /** @param partitions of one route and checkpoint group, at least one */
  async find(partitions: readonly MirroredPartition[]): Promise<Map<MirroredPartition, Found>> {
    const known = await this.#facts.load(partitions);
    return new Map(
      [...known].map(([partition, one]) => {
        if (one.kind === 'wait') return [partition, one];
        const { facts } = one;
        partition.lastPair = facts.checkpoint;
        const plan = planStart(facts);
        if (plan.kind === 'walk') return [partition, { kind: 'walk', partition, checkpoint: plan.checkpoint, facts }];
        if (plan.kind === 'close') return [partition, closeOf(partition, plan.checkpoint, facts)];
        return [partition, this.#doubted(partition, plan, facts) ?? decided(plan, facts)];
      }),
    );
  }

  /** Closes and walks the target logs of these; those that wait for something do not hold up the others' result. */
  async walk(unsettled: readonly Unsettled[]): Promise<Map<MirroredPartition, Found>> {
    const found = new Map<MirroredPartition, Found>();
    const formers = unsettled.filter(({ kind }) => kind === 'close');
    if (formers.length > 0) await this.#close(formers, found);
    const results = await this.#deps.takeover.settle(unsettled.filter(({ kind }) => kind === 'walk'));
    for (const { partition, facts, checkpoint } of unsettled) {
      const result = results.get(partition);
      if (result === undefined) continue;
      const isOver = result.kind === 'wait' || result.kind === 'pause';
      if (isOver) {
        found.set(partition, result);
        continue;
      }
      const runs = result.kind === 'diverged' ? undefined : result.runs;
      const one = decided(planAfterWalk(facts, checkpoint, result), facts, runs);
      const isNewEpoch = one.kind === 'begin' && result.kind === 'walked';
      found.set(partition, isNewEpoch ? { ...one, sourceLeaderEpoch: epochAfterWalk(checkpoint, result) } : one);
    }
    return found;
  }

  /** Where something of our own may still arrive: the log is closed to it first, whatever the pair says. */
  #doubted(partition: MirroredPartition, plan: StartPlan, facts: StartFacts): Unsettled | undefined {
    const { lanes } = this.#deps.sides(partition).target;
    if (plan.kind !== 'begin' || !facts.exactlyOnce || lanes.doubted(partition.targetKey).length === 0)
      return undefined;
    const { checkpoint, former } = facts;
    if (checkpoint !== undefined) return { kind: 'walk', partition, checkpoint, facts };
    return former === undefined ? undefined : closeOf(partition, former, facts);
  }

  async #close(formers: readonly Unsettled[], found: Map<MirroredPartition, Found>): Promise<void> {
    const waits = await this.#deps.takeover.close(formers);
    for (const { partition, facts } of formers) {
      const wait = waits.get(partition);
      if (wait !== undefined) {
        found.set(partition, wait);
        continue;
      }
      const { item } = partition;
      const { client } = this.#deps.sides(partition).target;
      const place = { topic: item.targetTopic, partition: item.partition, timestamp: TIMESTAMP_LATEST };
      const [end] = await listOffsets(client, 'read_uncommitted', [place]);
      // Only now is it the end of what the timeline before wrote.
      const targetEnd = end?.errorCode === 0 ? end.offset : undefined;
      found.set(
        partition,
        targetEnd === undefined
          ? { kind: 'wait', code: 'KAFKA_ERROR', message: 'the target does not tell where its log ends', soon: true }
          : decided(planClosed({ ...facts, targetEnd }), facts),
      );
    }
  }
}

/** A log that lost its end is closed from its present end on: nobody's marker lies behind that. */
function closeOf(partition: MirroredPartition, former: TakeoverCase['checkpoint'], facts: StartFacts): Unsettled {
  const { targetEnd } = facts;
  const checkpoint = former.targetOffset <= targetEnd ? former : { ...former, targetOffset: targetEnd };
  return { kind: 'close', partition, checkpoint, facts };
}

function planAfterWalk(
  facts: StartFacts,
  pair: TakeoverCase['checkpoint'],
  result: Exclude<TakenOver, { readonly kind: 'wait' | 'pause' }>,
): StartPlan {
  switch (result.kind) {
    case 'walked':
      return planWalked(facts, result.sourceOffset, result.targetOffset);
    case 'uncertain':
      return planUncertain(facts, result, result.targetOffset);
    case 'diverged': {
      const { sourceOffset, isSourceShort, message: where } = result;
      // Behind the pair the target has at most one record per offset.
      const upTo = pair.sourceOffset + (facts.targetEnd - pair.targetOffset);
      return planDiverged(facts, { sourceOffset, upTo, isSourceShort, where });
    }
  }
}

function decided(plan: StartPlan, facts: StartFacts, walked?: MapChain): Found {
  switch (plan.kind) {
    case 'begin': {
      const history = historyAtStart(facts, plan, walked);
      return { kind: 'begin', facts, plan, sourceLeaderEpoch: leaderEpochOf(facts), history };
    }
    case 'wait':
    case 'pause':
    case 'break':
      return plan;
    case 'walk':
    case 'close':
      return { kind: 'wait', code: 'INTERNAL_INVARIANT', message: 'its log was closed already' };
  }
}

/** Under the pair's own, a position that the walk has moved would look as if the source had lost what lies before it. */
function epochAfterWalk(
  pair: TakeoverCase['checkpoint'],
  walked: { readonly sourceOffset: bigint; readonly sourceLeaderEpoch: number },
): number {
  if (walked.sourceOffset !== pair.sourceOffset) return walked.sourceLeaderEpoch;
  return Math.max(pair.sourceLeaderEpoch, walked.sourceLeaderEpoch);
}

/** The leadership in which the source's log is known to have reached the position; -1: none. */
function leaderEpochOf({ item, checkpoint, former }: StartFacts): number {
  if (checkpoint?.timeline === item.timeline) return checkpoint.sourceLeaderEpoch;
  const isSameLog = former !== undefined && item.origin !== undefined && item.origin.from !== 'start';
  return isSameLog ? former.sourceLeaderEpoch : -1;
}
