import { isCausewayError, messageOf } from '../../common/errors/error.js';
import { kafkaError } from '../../common/kafka/wire/error-codes.js';
import { listOffsets, TIMESTAMP_EARLIEST, TIMESTAMP_LATEST } from '../../common/kafka/wire/operations/list-offsets.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import type { Logger } from '../../common/observability/logger.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { LoadedCheckpoint } from '../checkpoint/checkpoint-store.js';
import { planStart, planWalked, type StartFacts, type StartPlan } from '../core/start-position.js';
import type { SourceSide } from '../thread/source-side.js';
import type { TargetSide } from '../thread/target-side.js';
import type { MirroredPartition, Reason } from './mirrored-partition.js';
import type { Takeover, TakeoverCase } from './takeover.js';

/** Partitions whose positions are asked for together. */
const MAX_BATCH = 500;
const RETRY_BACKOFF = { initialMs: 100, maxMs: 10_000 } as const;

export interface StarterDeps {
  readonly sides: (partition: MirroredPartition) => { readonly source: SourceSide; readonly target: TargetSide };
  readonly takeover: Pick<Takeover, 'settle'>;
  /** The first pair is committed; the partition has a lane and a position. */
  readonly started: (partition: MirroredPartition) => void;
  readonly pause: (partition: MirroredPartition, reason: Reason) => void;
  /** Not in the works any more, whatever came of it. */
  readonly settled: (partition: MirroredPartition) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

interface TopicIds {
  readonly source: string | null;
  readonly target: string | null;
}

interface Positioned {
  readonly partition: MirroredPartition;
  readonly ids: TopicIds;
  readonly plan: StartPlan & { readonly kind: 'begin' };
}

interface Unsettled extends TakeoverCase {
  readonly ids: TopicIds;
  readonly facts: StartFacts;
}

/**
 * Finds where each new partition continues and commits that pair before anything is fetched (exactly-once.md 4.3).
 * Partitions of a checkpoint group (of one route) that wait at the same time are asked for together: a worker that takes over a
 * thousand needs a few dozen requests. Groups do not wait for each other: a cluster or coordinator that does not answer holds up its
 * own only.
 */
export class Starter {
  readonly #deps: StarterDeps;
  /** By checkpoint group. */
  readonly #queues = new Map<string, Set<MirroredPartition>>();
  readonly #delayed = new Map<MirroredPartition, () => void>();
  readonly #active = new Map<string, ReadonlySet<MirroredPartition>>();
  #scheduled = false;
  #closed = false;

  constructor(deps: StarterDeps) {
    this.#deps = deps;
  }

  request(partition: MirroredPartition, delayMs = 0): void {
    if (this.#closed) return;
    if (delayMs > 0) {
      const timer = this.#deps.clock.after(delayMs, () => {
        this.#delayed.delete(partition);
        this.request(partition);
      });
      this.#delayed.set(partition, () => timer.cancel());
      return;
    }
    const queue = this.#queues.get(partition.group) ?? new Set();
    this.#queues.set(partition.group, queue.add(partition));
    this.#schedule();
  }

  /** Gives up on a partition that is still waiting; false when it is being worked on right now (`settled` follows). */
  cancel(partition: MirroredPartition): boolean {
    this.#delayed.get(partition)?.();
    this.#delayed.delete(partition);
    this.#queues.get(partition.group)?.delete(partition);
    return this.#active.get(partition.group)?.has(partition) !== true;
  }

  close(): void {
    this.#closed = true;
    for (const cancel of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#queues.clear();
  }

  /** Everything that is asked for within one turn of the loop is started together. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#next();
    });
  }

  #next(): void {
    if (this.#closed) return;
    for (const [group, queue] of this.#queues) {
      if (this.#active.has(group)) continue;
      const batch = [...queue].slice(0, MAX_BATCH);
      for (const partition of batch) queue.delete(partition);
      if (queue.size === 0) this.#queues.delete(group);
      if (batch.length > 0) this.#start(group, batch);
    }
  }

  #start(group: string, batch: readonly MirroredPartition[]): void {
    const open = new Set(batch);
    this.#active.set(group, new Set(batch));
    this.#startGroup(batch, open)
      .catch((error: unknown) => {
        for (const partition of open) this.#retry(partition, reasonOf(error));
      })
      .finally(() => {
        this.#active.delete(group);
        for (const partition of batch) this.#deps.settled(partition);
        this.#schedule();
      })
      .catch((error: unknown) => this.#deps.logger.error('partition.start-failed', { group, err: error }));
  }

  /** @param open those that have neither been started nor put off yet; a failure puts off what is left in it */
  async #startGroup(partitions: readonly MirroredPartition[], open: Set<MirroredPartition>): Promise<void> {
    const ready = partitions.filter((partition) => this.#hasLeaders(partition));
    for (const partition of partitions) if (!ready.includes(partition)) open.delete(partition);
    const [first] = ready;
    if (first === undefined) return;
    // Whatever it waits for from here on, it is not what the last attempt failed for.
    for (const partition of ready) partition.setState('starting');
    const { target } = this.#deps.sides(first);
    const checkpoints = await target.checkpointStore.load(ready.map(({ item }) => item));
    const positioned = await this.#positions(ready, checkpoints);
    const begun = new Set(positioned.map(({ partition }) => partition));
    for (const partition of ready) if (!begun.has(partition)) open.delete(partition);
    for (const { partition, ids, plan } of positioned) {
      partition.lane?.leave(partition.targetKey);
      partition.lane = await target.lanes.laneFor(partition.targetKey, partition.brokenLanes);
      // Not before: a pair of the old life must never be committed under the ids of a recreated topic.
      partition.sourceTopicId = ids.source;
      partition.targetTopicId = ids.target;
      const loaded = checkpoints.get(partition.targetKey);
      const resumed = loaded?.kind === 'found' && loaded.checkpoint.timeline === partition.item.timeline;
      partition.sourceLeaderEpoch = resumed ? loaded.checkpoint.sourceLeaderEpoch : -1;
      partition.begin({
        source: Number(plan.sourceOffset),
        target: Number(plan.targetOffset),
        runSource: Number(plan.runSourceStart),
        runTarget: Number(plan.runTargetStart),
      });
    }
    const committed = await target.checkpoints.flush([...begun]);
    for (const partition of begun) {
      open.delete(partition);
      if (committed.has(partition)) {
        partition.started = true;
        partition.failures = 0;
        this.#deps.started(partition);
      } else {
        this.#retry(partition, {
          code: 'KAFKA_ERROR',
          message: 'the first checkpoint could not be committed at the target',
        });
      }
    }
  }

  #hasLeaders(partition: MirroredPartition): boolean {
    const { source, target } = this.#deps.sides(partition);
    const { topic, targetTopic, partition: number } = partition.item;
    const sourceLed = source.leaders.leader(topic, number) !== undefined;
    const targetLed = target.leaders.leader(targetTopic, number) !== undefined;
    if (sourceLed && targetLed) return true;
    if (!sourceLed) source.leaders.refresh();
    if (!targetLed) target.leaders.refresh();
    this.#retry(
      partition,
      sourceLed
        ? { code: 'TARGET_TOPIC_MISSING', message: `target topic ${targetTopic} has no leader for the partition` }
        : { code: 'SOURCE_TOPIC_MISSING', message: 'the source topic has no leader for the partition' },
    );
    return false;
  }

  async #positions(
    partitions: readonly MirroredPartition[],
    checkpoints: ReadonlyMap<string, LoadedCheckpoint>,
  ): Promise<Positioned[]> {
    const [first] = partitions;
    if (first === undefined) return [];
    const { source, target } = this.#deps.sides(first);
    const at = (topic: string, partition: number, timestamp: bigint) => ({ topic, partition, timestamp });
    const sourceRefs = partitions.map(({ item }) => item);
    const [earliest, latest, ends] = await Promise.all([
      listOffsets(
        source.client,
        first.route.isolation,
        sourceRefs.map((i) => at(i.topic, i.partition, TIMESTAMP_EARLIEST)),
      ),
      listOffsets(
        source.client,
        first.route.isolation,
        sourceRefs.map((i) => at(i.topic, i.partition, TIMESTAMP_LATEST)),
      ),
      listOffsets(
        target.client,
        'read_uncommitted',
        sourceRefs.map((i) => at(i.targetTopic, i.partition, TIMESTAMP_LATEST)),
      ),
    ]);
    const offsets = [earliest, latest, ends].map(
      (answers) => new Map(answers.map((answer) => [partitionKey(answer.topic, answer.partition), answer])),
    );
    const positioned: Positioned[] = [];
    const unsettled: Unsettled[] = [];
    for (const partition of partitions) {
      const sourceKey = partitionKey(partition.item.topic, partition.item.partition);
      const loaded = checkpoints.get(partition.targetKey) ?? { kind: 'none' };
      const answers = [offsets[0]?.get(sourceKey), offsets[1]?.get(sourceKey), offsets[2]?.get(partition.targetKey)];
      const { topic, targetTopic } = partition.item;
      const ids = {
        source: source.leaders.topic(topic)?.topicId ?? null,
        target: target.leaders.topic(targetTopic)?.topicId ?? null,
      };
      const facts = this.#facts(partition, ids, loaded, answers);
      const plan = facts === undefined ? undefined : planStart(facts);
      if (facts === undefined || plan === undefined) continue;
      if (plan.kind === 'walk') unsettled.push({ partition, ids, facts, checkpoint: plan.checkpoint });
      else if (this.#isBeginning(partition, plan)) positioned.push({ partition, ids, plan });
    }
    return [...positioned, ...(await this.#walked(unsettled))];
  }

  async #walked(unsettled: readonly Unsettled[]): Promise<Positioned[]> {
    if (unsettled.length === 0) return [];
    const results = await this.#deps.takeover.settle(unsettled);
    return unsettled.flatMap(({ partition, ids, facts }) => {
      const result = results.get(partition);
      if (result === undefined) return [];
      const plan = result.kind === 'walked' ? planWalked(facts, result.sourceOffset, result.targetOffset) : result;
      return this.#isBeginning(partition, plan) ? [{ partition, ids, plan }] : [];
    });
  }

  /** Undefined: not enough is known yet; it is tried again. */
  #facts(
    partition: MirroredPartition,
    ids: TopicIds,
    loaded: LoadedCheckpoint,
    answers: readonly ({ readonly errorCode: number; readonly offset: bigint } | undefined)[],
  ): StartFacts | undefined {
    if (loaded.kind === 'failed') return this.#retry(partition, reasonOf(loaded.error));
    const offsets = answers.map((answer) => (answer?.errorCode === 0 ? answer.offset : undefined));
    const [sourceEarliest, sourceLatest, targetEnd] = offsets;
    if (sourceEarliest === undefined || sourceLatest === undefined || targetEnd === undefined) {
      const code = answers.find((answer) => answer !== undefined && answer.errorCode !== 0)?.errorCode ?? -1;
      const { source, target } = this.#deps.sides(partition);
      source.leaders.refresh();
      target.leaders.refresh();
      return this.#retry(partition, reasonOf(kafkaError(code, {})));
    }
    partition.sourceEnd = Number(sourceLatest);
    return {
      item: partition.item,
      checkpoint: loaded.kind === 'found' ? loaded.checkpoint : undefined,
      sourceTopicId: ids.source,
      targetTopicId: ids.target,
      sourceEarliest,
      sourceLatest,
      targetEnd,
      exactlyOnce: partition.route.delivery === 'exactly-once',
    };
  }

  #isBeginning(partition: MirroredPartition, plan: StartPlan): plan is Positioned['plan'] {
    switch (plan.kind) {
      case 'begin':
        return true;
      case 'wait':
        this.#retry(partition, plan);
        return false;
      case 'pause':
        this.#deps.pause(partition, { code: plan.code, message: plan.message });
        return false;
      case 'walk':
        return false;
    }
  }

  #retry(partition: MirroredPartition, reason: Reason): undefined {
    partition.setState('backing-off', { code: reason.code, message: reason.message });
    const delayMs = backoffMs(partition.failures, RETRY_BACKOFF, this.#deps.random);
    partition.failures += 1;
    this.request(partition, delayMs);
    return undefined;
  }
}

function reasonOf(error: unknown): Reason {
  return { code: isCausewayError(error) ? error.code : 'INTERNAL_INVARIANT', message: messageOf(error) };
}
