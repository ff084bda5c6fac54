import { CausewayError } from '../../common/errors/error.js';
import type { LaneIdentity } from '../../common/kafka/fencing/fencing-client.js';
import { laneOfProducer } from '../../common/kafka/fencing/lane-of-producer.js';
import type { BufferPool } from '../../common/kafka/wire/buffer-pool.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { Gatherer, Gatherers } from '../../common/kafka/wire/gatherer.js';
import { refKey } from '../../common/model/assignment.js';
import type { Checkpoint } from '../../common/model/checkpoint.js';
import type { Random } from '../../common/runtime/random.js';
import { Slots } from '../../common/runtime/slots.js';
import type { SkipSet } from '../core/skip-set.js';
import { WalkedRuns } from '../core/start-history.js';
import { readDeclaredSkips, readSkipsOfMany, type SkipQuestion } from '../walk/declared-skips.js';
import { logBounds } from '../walk/log-bounds.js';
import type { WalkOutcome } from '../walk/walk-outcome.js';
import { walkPartition } from '../walk/walk-partition.js';
import { LogCloser, type LogCloserDeps, type OpenLog } from './log-closer.js';
import type { MirroredPartition } from './mirrored-partition.js';
import { type TakenOver, takenOver, type Waiting, waitFor, waitingOf } from './taken-over.js';

const PATIENCE_MS = 10_000;
/** Walks of a thread at once: they share their requests; each holds an answer of either log, or its part of one. */
const MAX_WALKS = 128;
/** Lanes that wrote behind one pair without being named by it: one late commit hides one owner. */
const MAX_HIDDEN_OWNERS = 8;
/** Partitions whose gaps are looked up by one reading of the gap topic. */
const MAX_SKIP_QUESTIONS = 5_000;

export interface TakeoverDeps extends LogCloserDeps {
  readonly pool: BufferPool;
  readonly random: Random;
}

/** A partition whose checkpoint need not be the end of what its lane wrote. */
export interface TakeoverCase {
  readonly partition: MirroredPartition;
  readonly checkpoint: Checkpoint;
}

/**
 * Exactly once: closes the log of whoever had a partition before and finds what is there (exactly-once.md 5.8 and section 6). A lane that
 * let go needs no fence, nor does our own with every batch answered; any other is fenced here unless its marker is there already.
 */
export class Takeover {
  readonly #deps: TakeoverDeps;
  readonly #closer: LogCloser;
  readonly #walks = new Slots(MAX_WALKS);
  readonly #skips = new Gatherers<ClusterClient, SkipQuestion, SkipSet | CausewayError>();

  constructor(deps: TakeoverDeps) {
    this.#deps = deps;
    this.#closer = new LogCloser(deps);
  }

  /** Ends what may still be written into the logs of these; gives those that have to wait for that. */
  async close(cases: readonly TakeoverCase[]): Promise<Map<MirroredPartition, Waiting>> {
    const waits = new Map<MirroredPartition, Waiting>();
    for (const open of byLane(cases.flatMap((one) => this.#openLogs(one)))) {
      for (const { log, error } of await this.#closer.close(open)) waits.set(log.partition, waitingOf(error));
    }
    for (const { partition } of cases) {
      if (waits.has(partition)) continue;
      const { lanes } = this.#deps.sides(partition).target;
      for (const lane of lanes.doubted(partition.targetKey)) lane.closed(partition.targetKey);
    }
    return waits;
  }

  /** @param cases of one target; each has its result afterwards, one that throws has it as a reason to wait */
  async settle(cases: readonly TakeoverCase[]): Promise<Map<MirroredPartition, TakenOver>> {
    const results = new Map<MirroredPartition, TakenOver>(await this.close(cases));
    const closed = cases.filter(({ partition }) => !results.has(partition));
    const settle = async (one: TakeoverCase): Promise<void> => {
      const result = await this.#walks.run(() => this.#settleWriters(one)).catch(waitFor);
      results.set(one.partition, result);
    };
    await Promise.all(closed.map(settle));
    return results;
  }

  /** To which lanes its log has to be closed: any that may still write there, our own where something of it is in doubt. */
  #openLogs(one: TakeoverCase): OpenLog[] {
    const { partition, checkpoint } = one;
    const { lanes } = this.#deps.sides(partition).target;
    const doubted = lanes.doubted(partition.targetKey).map(({ record }) => openLog(one, record));
    const isClosed = checkpoint.released || lanes.owns(checkpoint.lane);
    return isClosed ? doubted : [...doubted, openLog(one, checkpoint.lane)];
  }

  /**
   * Walks. A checkpoint that a late commit of a former owner replaced names that owner, perhaps as one that let go: the lane of ours that
   * wrote behind it since shows in the log, and is closed like the one that is named before it counts as ours (exactly-once.md 6.4).
   */
  async #settleWriters(one: TakeoverCase): Promise<TakenOver> {
    const { partition, checkpoint } = one;
    const { lanes } = this.#deps.sides(partition).target;
    // Drained, or closed just now.
    const closed = new Set(lanes.lanes.map(({ record }) => record.producerId));
    // Behind a pair at which its lane let go nothing can be that lane's, or it did not let go.
    if (!checkpoint.released) closed.add(checkpoint.lane.producerId);
    for (let hidden = 0; ; hidden += 1) {
      const runs = new WalkedRuns(checkpoint);
      const outcome = await this.#walk(one, closed, runs);
      if (outcome.kind !== 'foreign' || hidden === MAX_HIDDEN_OWNERS) return takenOver(outcome, runs);
      const lane = await this.#laneOf(one, outcome);
      if (lane === undefined) return takenOver(outcome, runs);
      const log = { ...openLog(one, lane), fromOffset: outcome.offset };
      const [open] = await this.#closer.close([log]);
      if (open !== undefined) return waitingOf(open.error);
      closed.add(lane.producerId);
    }
  }

  /** Who wrote a batch, if it is a lane of this fleet. */
  async #laneOf(
    { partition, checkpoint }: TakeoverCase,
    { producerId, producerEpoch, offset }: WalkOutcome & { readonly kind: 'foreign' },
  ): Promise<LaneIdentity | undefined> {
    if (producerId < 0n) return undefined;
    if (producerId === checkpoint.lane.producerId) return checkpoint.lane;
    const { fleet, sides, signal, logger } = this.#deps;
    const { client } = sides(partition).target;
    const transactionalId = await laneOfProducer({ client, fleet, producerId, signal });
    if (transactionalId === undefined) return undefined;
    const { route, topic, partition: number } = partition.item;
    const found = { lane: transactionalId, named: checkpoint.lane.transactionalId, offset: String(offset) };
    logger.warn('takeover.hidden-owner', { route, topic, partition: number, ...found });
    return { transactionalId, producerId, producerEpoch };
  }

  async #walk(
    { partition, checkpoint }: TakeoverCase,
    ours: ReadonlySet<bigint>,
    runs: WalkedRuns,
  ): Promise<WalkOutcome> {
    const { fleet, sides, pool, clock, random, signal, logger } = this.#deps;
    const { source, target } = sides(partition);
    const { item, route } = partition;
    const { targetTopic: topic, partition: number } = item;
    const question = { client: target.client, topic, partition: number, isolation: 'read_uncommitted' } as const;
    // Behind the marker lie markers at most; what else is there the walk tells.
    const { end } = await logBounds(question, { clock, random, signal, patienceMs: PATIENCE_MS });
    const closedEnd = BigInt(end);
    // Only now: whoever wrote here may have declared gaps up to its end.
    const skips = await this.#declaredSkips(target.client, item);
    const outcome = await walkPartition(
      {
        item,
        route,
        pair: checkpoint,
        closedEnd,
        ours,
        fleet,
        skips,
        source: source.client,
        target: target.client,
        pool,
        clock,
        random,
        onRun: (run) => runs.add(run),
      },
      signal,
    );
    if (outcome.kind === 'resume') partition.shaping.inherit(outcome.declared);
    const place = { route: item.route, topic: item.topic, partition: number };
    const { sourceOffset, targetOffset } = checkpoint;
    logger.info('partition.walked', {
      ...place,
      outcome: outcome.kind,
      from: `${sourceOffset} -> ${targetOffset}`,
      to: outcome.kind === 'resume' ? `${outcome.sourceOffset} -> ${closedEnd}` : String(closedEnd),
    });
    return outcome;
  }

  /** One reading of the gap topic for all that ask meanwhile. @throws BATCH_UNSUPPORTED for a partition of which too much is declared */
  async #declaredSkips(client: ClusterClient, item: SkipQuestion): Promise<SkipSet> {
    const { fleet, pool, clock, random, signal } = this.#deps;
    const reading = { pool, clock, random, signal, patienceMs: PATIENCE_MS };
    const ask = (questions: readonly SkipQuestion[]): Promise<(SkipSet | CausewayError)[]> =>
      readSkipsOfMany(questions, (some) => readDeclaredSkips(client, fleet, some, reading));
    const make = () => new Gatherer({ ask, keyOf: refKey, maxQuestions: MAX_SKIP_QUESTIONS });
    const answer = await this.#skips.of(client, 'gaps', make).ask(item);
    if (answer instanceof CausewayError) throw answer;
    return answer;
  }
}

function byLane(logs: readonly OpenLog[]): Iterable<OpenLog[]> {
  const grouped = new Map<string, OpenLog[]>();
  for (const log of logs) {
    const { transactionalId, producerId } = log.lane;
    const key = `${transactionalId}/${producerId}`;
    grouped.set(key, [...(grouped.get(key) ?? []), log]);
  }
  return grouped.values();
}

function openLog({ partition, checkpoint }: TakeoverCase, lane: LaneIdentity): OpenLog {
  const { targetTopicId: topicId, targetOffset: fromOffset } = checkpoint;
  return { partition, lane, topicId, fromOffset };
}
