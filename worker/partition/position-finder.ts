import { isCausewayError, messageOf } from '../../common/errors/error.js';
import { isRetriable, kafkaError } from '../../common/kafka/wire/error-codes.js';
import { listOffsets, TIMESTAMP_EARLIEST, TIMESTAMP_LATEST } from '../../common/kafka/wire/operations/list-offsets.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import type { LoadedCheckpoint } from '../checkpoint/checkpoint-store.js';
import { planStart, planWalked, type StartFacts, type StartPlan } from '../core/start-position.js';
import type { SourceSide } from '../thread/source-side.js';
import type { TargetSide } from '../thread/target-side.js';
import type { CommittedPositions } from '../transactional/committed-positions.js';
import type { MirroredPartition, Reason } from './mirrored-partition.js';
import type { Takeover, TakeoverCase } from './takeover.js';

export interface PositionFinderDeps {
  readonly sides: (partition: MirroredPartition) => { readonly source: SourceSide; readonly target: TargetSide };
  readonly takeover: Pick<Takeover, 'settle'>;
  /** Of transactional routes. */
  readonly committed: Pick<CommittedPositions, 'load'>;
}

interface TopicIds {
  readonly source: string | null;
  readonly target: string | null;
}

/** Where a partition begins, and under which identities of its topics. */
export interface Beginning {
  readonly kind: 'begin';
  readonly ids: TopicIds;
  readonly plan: StartPlan & { readonly kind: 'begin' };
  readonly sourceLeaderEpoch: number;
}

/** A partition whose target log has to be closed and walked first. */
export interface Unsettled extends TakeoverCase {
  readonly kind: 'walk';
  readonly ids: TopicIds;
  readonly facts: StartFacts;
}

/** Why it is tried again later; `soon` where leaderships are in motion, as in a topic that is just being made. */
export type PutOff = Reason & { readonly soon?: boolean };

export type Found =
  | Beginning
  | Unsettled
  /** Not yet. */
  | (PutOff & { readonly kind: 'wait' })
  /** An operator has to decide. */
  | (Reason & { readonly kind: 'pause' });

/** Finds where partitions of one route and checkpoint group continue. */
export class PositionFinder {
  readonly #deps: PositionFinderDeps;

  constructor(deps: PositionFinderDeps) {
    this.#deps = deps;
  }

  /** Why it cannot be asked about at the moment; undefined: both sides have a leader. */
  leaderless(partition: MirroredPartition): PutOff | undefined {
    const { source, target } = this.#deps.sides(partition);
    const { topic, targetTopic, partition: number } = partition.item;
    const sourceLed = source.leaders.leader(topic, number) !== undefined;
    const targetLed = target.leaders.leader(targetTopic, number) !== undefined;
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
    const [first] = partitions;
    if (first === undefined) return new Map();
    const { source, target } = this.#deps.sides(first);
    const checkpoints = first.transactional
      ? await this.#deps.committed.load(partitions)
      : await target.checkpointStore.load(partitions.map(({ item }) => item));
    const { isolation } = first.route;
    const refs = partitions.map(({ item }) => item);
    const atSource = (timestamp: bigint) => refs.map(({ topic, partition }) => ({ topic, partition, timestamp }));
    const atTarget = refs.map((item) => ({ ...item, topic: item.targetTopic, timestamp: TIMESTAMP_LATEST }));
    const answers = await Promise.all([
      listOffsets(source.client, isolation, atSource(TIMESTAMP_EARLIEST)),
      listOffsets(source.client, isolation, atSource(TIMESTAMP_LATEST)),
      listOffsets(target.client, 'read_uncommitted', atTarget),
    ]);
    const [earliest, latest, ends] = answers.map(
      (list) => new Map(list.map((answer) => [partitionKey(answer.topic, answer.partition), answer])),
    );
    return new Map(
      partitions.map((partition) => {
        const sourceKey = partitionKey(partition.item.topic, partition.item.partition);
        const loaded = checkpoints.get(partition.targetKey) ?? { kind: 'none' };
        const offsets = [earliest?.get(sourceKey), latest?.get(sourceKey), ends?.get(partition.targetKey)];
        return [partition, this.#found(partition, loaded, offsets)];
      }),
    );
  }

  /** Closes and walks the target logs of these; those that wait for something do not hold up the others' result. */
  async walk(unsettled: readonly Unsettled[]): Promise<Map<MirroredPartition, Found>> {
    const results = await this.#deps.takeover.settle(unsettled);
    const found = new Map<MirroredPartition, Found>();
    for (const { partition, ids, facts, checkpoint } of unsettled) {
      const result = results.get(partition);
      if (result?.kind !== 'walked') {
        if (result !== undefined) found.set(partition, result);
        continue;
      }
      const plan = planWalked(facts, result.sourceOffset, result.targetOffset);
      found.set(partition, decided(plan, ids, checkpoint.sourceLeaderEpoch));
    }
    return found;
  }

  #found(
    partition: MirroredPartition,
    loaded: LoadedCheckpoint,
    answers: readonly (OffsetAnswer | undefined)[],
  ): Found {
    if (loaded.kind === 'failed') return { kind: 'wait', ...reasonOf(loaded.error) };
    const { source, target } = this.#deps.sides(partition);
    const [sourceEarliest, sourceLatest, targetEnd] = answers.map((answer) =>
      answer?.errorCode === 0 ? answer.offset : undefined,
    );
    if (sourceEarliest === undefined || sourceLatest === undefined || targetEnd === undefined) {
      const code = answers.find((answer) => answer !== undefined && answer.errorCode !== 0)?.errorCode ?? -1;
      source.leaders.refresh();
      target.leaders.refresh();
      return { kind: 'wait', ...reasonOf(kafkaError(code, {})), soon: isRetriable(code) };
    }
    partition.sourceEnd = Number(sourceLatest);
    const { item, route } = partition;
    const ids = {
      source: source.leaders.topic(item.topic)?.topicId ?? null,
      target: target.leaders.topic(item.targetTopic)?.topicId ?? null,
    };
    const checkpoint = loaded.kind === 'found' ? loaded.checkpoint : undefined;
    const facts: StartFacts = {
      item,
      checkpoint,
      sourceTopicId: ids.source,
      targetTopicId: ids.target,
      sourceEarliest,
      sourceLatest,
      targetEnd,
      exactlyOnce: route.delivery === 'exactly-once',
    };
    const plan = planStart(facts);
    if (plan.kind === 'begin' && checkpoint !== undefined && target.lanes.doubted(partition.targetKey).length > 0) {
      return { kind: 'walk', partition, checkpoint, ids, facts };
    }
    if (plan.kind === 'walk') return { kind: 'walk', partition, checkpoint: plan.checkpoint, ids, facts };
    const resumed = checkpoint?.timeline === item.timeline;
    return decided(plan, ids, resumed ? checkpoint.sourceLeaderEpoch : -1);
  }
}

interface OffsetAnswer {
  readonly errorCode: number;
  readonly offset: bigint;
}

function decided(plan: StartPlan, ids: TopicIds, sourceLeaderEpoch: number): Found {
  switch (plan.kind) {
    case 'begin':
      return { kind: 'begin', ids, plan, sourceLeaderEpoch };
    case 'wait':
    case 'pause':
      return plan;
    case 'walk':
      return { kind: 'wait', code: 'INTERNAL_INVARIANT', message: 'it was walked already' };
  }
}

export function reasonOf(error: unknown): Reason {
  return { code: isCausewayError(error) ? error.code : 'INTERNAL_INVARIANT', message: messageOf(error) };
}
