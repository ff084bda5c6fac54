import { isCausewayError, messageOf } from '../../common/errors/error.js';
import type { LoadedCheckpoint } from '../../common/kafka/checkpoints/checkpoint-store.js';
import { isRetriable, kafkaError } from '../../common/kafka/wire/error-codes.js';
import { epochEndOffsets } from '../../common/kafka/wire/operations/epoch-end-offsets.js';
import { listOffsets, TIMESTAMP_EARLIEST, TIMESTAMP_LATEST } from '../../common/kafka/wire/operations/list-offsets.js';
import type { Checkpoint } from '../../common/model/checkpoint.js';
import { DEFAULT_CONTINUITY } from '../../common/model/continuity.js';
import { rulesVersionOf } from '../../common/model/record-rules.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { StartFacts } from '../core/start-position.js';
import { answerOf } from '../fetch/epoch-check.js';
import type { SourceSide } from '../thread/source-side.js';
import type { TargetSide } from '../thread/target-side.js';
import type { CommittedPositions } from '../transactional/committed-positions.js';
import type { MirroredPartition, Reason } from './mirrored-partition.js';

/**
 * A target that ends before what it acknowledged may be one whose new leader’s high watermark lags; it says so where it can (KIP-207), and
 * catches up within a replica fetch or two where it cannot.
 */
const TARGET_SETTLED_MS = 5_000;

export interface PositionFactsDeps {
  readonly sides: (partition: MirroredPartition) => { readonly source: SourceSide; readonly target: TargetSide };
  /** Of transactional routes. */
  readonly committed: Pick<CommittedPositions, 'load'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/** Why it is tried again later; `soon` where leaderships are in motion, as in a topic that is just being made. */
export type PutOff = Reason & { readonly soon?: boolean };

export type KnownFacts = { readonly kind: 'facts'; readonly facts: StartFacts } | (PutOff & { readonly kind: 'wait' });

interface OffsetAnswer {
  readonly errorCode: number;
  readonly offset: bigint;
}

type Loaded = ReadonlyMap<string, LoadedCheckpoint>;
type EpochEnd = bigint | 'again' | undefined;

/** Asks checkpoints and logs what a start has to know. */
export class PositionFacts {
  readonly #deps: PositionFactsDeps;
  /** Since when the target of these ends before what it acknowledged, monotonic ms, and where. */
  readonly #short = new WeakMap<MirroredPartition, { readonly end: bigint; readonly sinceMs: number }>();

  constructor(deps: PositionFactsDeps) {
    this.#deps = deps;
  }

  /** @param partitions of one route and checkpoint group, at least one */
  async load(partitions: readonly MirroredPartition[]): Promise<Map<MirroredPartition, KnownFacts>> {
    const [first] = partitions;
    if (first === undefined) return new Map();
    const { target } = this.#deps.sides(first);
    const checkpoints: Loaded = first.transactional
      ? await this.#deps.committed.load(partitions)
      : await target.checkpointStore.load(partitions.map(({ place }) => place));
    const formers = await this.#formers(partitions, checkpoints);
    const [offsets, epochs] = await Promise.all([
      this.#offsets(partitions),
      this.#epochEnds(partitions, checkpoints, formers),
    ]);
    return new Map(
      partitions.map((partition) => {
        const loaded = checkpoints.get(partition.targetKey) ?? { kind: 'none' };
        const former = formers.get(partition.targetKey) ?? { kind: 'none' };
        return [partition, this.#known(partition, { loaded, former }, offsets(partition), epochs.get(partition))];
      }),
    );
  }

  /** The pairs of the timelines that ended, of partitions that have none in theirs. */
  async #formers(partitions: readonly MirroredPartition[], checkpoints: Loaded): Promise<Loaded> {
    const renewed = partitions.flatMap(({ item, place, targetKey, transactional }) => {
      const hasPair = checkpoints.get(targetKey)?.kind === 'found';
      if (item.origin === undefined || hasPair) return [];
      return [{ place: { ...place, timeline: item.origin.former }, transactional }];
    });
    const [first] = renewed;
    if (first === undefined) return new Map();
    const { checkpointStore } = this.#deps.sides(partitions[0] as MirroredPartition).target;
    const places = renewed.map(({ place }) => place);
    return first.transactional ? await checkpointStore.loadTransactional(places) : await checkpointStore.load(places);
  }

  async #offsets(
    partitions: readonly MirroredPartition[],
  ): Promise<(partition: MirroredPartition) => readonly (OffsetAnswer | undefined)[]> {
    const first = partitions[0] as MirroredPartition;
    const { source, target } = this.#deps.sides(first);
    const { isolation } = first.route;
    const refs = partitions.map(({ item }) => item);
    const atSource = (timestamp: bigint) => refs.map(({ topic, partition }) => ({ topic, partition, timestamp }));
    const targets = new Map(partitions.map((one) => [one.targetKey, one.place]));
    const atTarget = [...targets.values()].map(({ targetTopic: topic, partition }) => {
      return { topic, partition, timestamp: TIMESTAMP_LATEST };
    });
    const answers = await Promise.all([
      listOffsets(source.client, isolation, atSource(TIMESTAMP_EARLIEST)),
      listOffsets(source.client, isolation, atSource(TIMESTAMP_LATEST)),
      listOffsets(target.client, 'read_uncommitted', atTarget),
    ]);
    const [earliest, latest, ends] = answers.map(
      (list) => new Map(list.map((answer) => [partitionKey(answer.topic, answer.partition), answer])),
    );
    return ({ item, targetKey }) => {
      const sourceKey = partitionKey(item.topic, item.partition);
      return [earliest?.get(sourceKey), latest?.get(sourceKey), ends?.get(targetKey)];
    };
  }

  /** Where the leaderships end that the pairs name, in the logs of the source's present leaders (KIP-320). */
  async #epochEnds(
    partitions: readonly MirroredPartition[],
    checkpoints: Loaded,
    formers: Loaded,
  ): Promise<Map<MirroredPartition, EpochEnd>> {
    const { source } = this.#deps.sides(partitions[0] as MirroredPartition);
    const byBroker = new Map<number, { readonly partition: MirroredPartition; readonly query: EpochQuery }[]>();
    for (const partition of partitions) {
      const { item, targetKey } = partition;
      const leaderEpoch = (pairOf(checkpoints, targetKey) ?? pairOf(formers, targetKey))?.sourceLeaderEpoch ?? -1;
      const leader = source.leaders.leader(item.topic, item.partition);
      if (leaderEpoch < 0 || leader === undefined) continue;
      const query = { topic: item.topic, partition: item.partition, leaderEpoch, currentLeaderEpoch: leader.epoch };
      byBroker.set(leader.broker, [...(byBroker.get(leader.broker) ?? []), { partition, query }]);
    }
    const ends = new Map<MirroredPartition, EpochEnd>();
    await Promise.all(
      [...byBroker].map(async ([broker, asked]) => {
        const answers = await epochEndOffsets(
          source.client,
          broker,
          asked.map(({ query }) => query),
        );
        for (const [i, { partition }] of asked.entries()) {
          const answer = answerOf(answers[i]);
          if (answer.kind !== 'unknown')
            ends.set(partition, answer.kind === 'end' ? BigInt(answer.endOffset) : 'again');
        }
      }),
    );
    return ends;
  }

  #known(
    partition: MirroredPartition,
    { loaded, former }: { readonly loaded: LoadedCheckpoint; readonly former: LoadedCheckpoint },
    offsets: readonly (OffsetAnswer | undefined)[],
    epochEnd: EpochEnd,
  ): KnownFacts {
    for (const one of [loaded, former]) if (one.kind === 'failed') return { kind: 'wait', ...reasonOf(one.error) };
    const { source, target } = this.#deps.sides(partition);
    const [sourceEarliest, sourceLatest, targetEnd] = offsets.map((answer) =>
      answer?.errorCode === 0 ? answer.offset : undefined,
    );
    if (sourceEarliest === undefined || sourceLatest === undefined || targetEnd === undefined) {
      const code = offsets.find((answer) => answer !== undefined && answer.errorCode !== 0)?.errorCode ?? -1;
      source.leaders.refresh();
      target.leaders.refresh();
      return { kind: 'wait', ...reasonOf(kafkaError(code, {})), soon: isRetriable(code) };
    }
    if (epochEnd === 'again') {
      source.leaders.refresh();
      const message = 'the source’s leader does not tell yet whether it has what was copied';
      return { kind: 'wait', code: 'KAFKA_ERROR', message, soon: true };
    }
    partition.sourceEnd = Number(sourceLatest);
    const { item, route } = partition;
    const checkpoint = loaded.kind === 'found' ? loaded.checkpoint : remembered(partition);
    const facts: StartFacts = {
      item,
      checkpoint,
      former: former.kind === 'found' ? former.checkpoint : partition.former?.pair,
      formerSourceEnd: BigInt(partition.former?.sourceEnd ?? -1),
      policy: route.continuity ?? DEFAULT_CONTINUITY,
      isAccepted: item.resolve?.action === 'continue',
      sourceTopicId: source.leaders.topic(item.topic)?.topicId ?? null,
      targetTopicId: target.leaders.topic(item.targetTopic)?.topicId ?? null,
      // What is gone behind the end of a range was never to be copied.
      sourceEarliest: minOf(sourceEarliest, item.until),
      sourceLatest,
      epochEnd,
      targetEnd,
      targetLostFrom: partition.targetLostFrom < 0 ? undefined : BigInt(partition.targetLostFrom),
      isTargetSettled: this.#isSettled(partition, checkpoint, targetEnd),
      exactlyOnce: route.delivery === 'exactly-once',
      rulesVersion: rulesVersionOf(route),
    };
    return { kind: 'facts', facts };
  }

  #isSettled(partition: MirroredPartition, checkpoint: Checkpoint | undefined, end: bigint): boolean {
    if (checkpoint === undefined || end >= checkpoint.targetOffset) {
      this.#short.delete(partition);
      return true;
    }
    // It may be another topic.
    this.#deps.sides(partition).target.leaders.refresh();
    const nowMs = this.#deps.clock.monotonicMs();
    const known = this.#short.get(partition);
    if (known?.end !== end) {
      this.#short.set(partition, { end, sinceMs: nowMs });
      return false;
    }
    return nowMs - known.sinceMs >= TARGET_SETTLED_MS;
  }
}

/**
 * Brokers forget the offsets of a topic that is deleted, and the store may not know yet that the partition began: who has copied it does. A
 * transaction's positions are not kept here.
 */
function remembered({ item, lastPair, transactional }: MirroredPartition): Checkpoint | undefined {
  return !transactional && lastPair?.timeline === item.timeline ? lastPair : undefined;
}

function minOf(offset: bigint, bound: bigint | undefined): bigint {
  return bound === undefined || offset < bound ? offset : bound;
}

type EpochQuery = Parameters<typeof epochEndOffsets>[2][number];

function pairOf(loaded: Loaded, targetKey: string): Checkpoint | undefined {
  const one = loaded.get(targetKey);
  return one?.kind === 'found' ? one.checkpoint : undefined;
}

export function reasonOf(error: unknown): Reason {
  return { code: isCausewayError(error) ? error.code : 'INTERNAL_INVARIANT', message: messageOf(error) };
}
