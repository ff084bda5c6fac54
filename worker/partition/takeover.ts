import { CausewayError, isCausewayError, messageOf } from '../../common/errors/error.js';
import { deadLetterPartitions } from '../../common/kafka/fencing/dead-letter-partitions.js';
import { findAbortMarker } from '../../common/kafka/fencing/find-abort-marker.js';
import type { BufferPool } from '../../common/kafka/wire/buffer-pool.js';
import type { Checkpoint } from '../../common/model/checkpoint.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { SourceSide } from '../thread/source-side.js';
import type { TargetSide } from '../thread/target-side.js';
import { logBounds } from '../walk/log-bounds.js';
import type { WalkOutcome } from '../walk/walk-outcome.js';
import { walkPartition } from '../walk/walk-partition.js';
import { GatheredFences, type GatheredFencesDeps } from './gathered-fences.js';
import type { MirroredPartition, Reason } from './mirrored-partition.js';

/** Partitions looked at together; each walk holds one answer of either log. */
const MAX_WALKS = 8;
/** How long markers of an own fence are waited for; one that comes later is found at the next attempt. */
const MARKER_WAIT_MS = 10_000;
const PATIENCE_MS = 10_000;
/** Beyond the target's request timeout, where its lane cannot be fenced. */
const UNPROVEN_MARGIN_MS = 1_000;

export interface TakeoverDeps extends GatheredFencesDeps {
  readonly sides: (partition: MirroredPartition) => { readonly source: SourceSide; readonly target: TargetSide };
  readonly pool: BufferPool;
  readonly clock: Clock;
  readonly random: Random;
}

/** A partition whose checkpoint need not be the end of what its lane wrote. */
export interface TakeoverCase {
  readonly partition: MirroredPartition;
  readonly checkpoint: Checkpoint;
}

export type TakenOver =
  /** The first source record that is not at the target, and the target's end. */
  | { readonly kind: 'walked'; readonly sourceOffset: bigint; readonly targetOffset: bigint }
  | (Reason & { readonly kind: 'wait' })
  | (Reason & { readonly kind: 'pause' });

/**
 * Exactly once: closes the log of whoever had a partition before and finds what is there (exactly-once.md 5.8 and section 6). A lane that
 * let go needs no fence, nor does our own with every batch answered; any other is fenced here unless its marker is there already.
 */
export class Takeover {
  readonly #deps: TakeoverDeps;
  readonly #fences: GatheredFences;

  constructor(deps: TakeoverDeps) {
    this.#deps = deps;
    this.#fences = new GatheredFences(deps);
  }

  /** @param cases of one target; each has its result afterwards, one that throws has it as a reason to wait */
  async settle(cases: readonly TakeoverCase[]): Promise<Map<MirroredPartition, TakenOver>> {
    const results = new Map<MirroredPartition, TakenOver>();
    const byLane = new Map<string, TakeoverCase[]>();
    for (const one of cases) {
      const { transactionalId, producerId } = one.checkpoint.lane;
      const key = `${transactionalId}/${producerId}`;
      byLane.set(key, [...(byLane.get(key) ?? []), one]);
    }
    for (const ofLane of byLane.values()) {
      try {
        await this.#settleLane(ofLane, results);
      } catch (error) {
        if (isCausewayError(error, 'SHUTTING_DOWN')) throw error;
        for (const { partition } of ofLane) if (!results.has(partition)) results.set(partition, waitFor(error));
      }
    }
    return results;
  }

  async #settleLane(cases: readonly TakeoverCase[], results: Map<MirroredPartition, TakenOver>): Promise<void> {
    const open = cases.filter((one) => !this.#isClosed(one));
    const unproven = await this.#close(open);
    for (const { partition } of unproven) {
      const message = 'the marker that ends what its last owner wrote is not there yet';
      results.set(partition, { kind: 'wait', code: 'LANE_DEAD', message });
    }
    const closed = cases.filter((one) => !unproven.includes(one));
    await inBatches(closed, async (one) => {
      results.set(one.partition, await this.#walk(one).catch(waitFor));
    });
  }

  #isClosed({ partition, checkpoint }: TakeoverCase): boolean {
    const { lanes } = this.#deps.sides(partition).target;
    return checkpoint.released || lanes.owns(checkpoint.lane);
  }

  /** @returns those that cannot be walked yet */
  async #close(open: readonly TakeoverCase[]): Promise<readonly TakeoverCase[]> {
    const unmarked = await this.#withoutMarker(open, 0);
    const [first] = unmarked;
    if (first === undefined) return [];
    const { sides, signal, clock } = this.#deps;
    const { target } = sides(first.partition);
    const { client } = target;
    const partitions = unmarked.map(({ partition: { item } }) => ({
      topic: item.targetTopic,
      partition: item.partition,
    }));
    // The refused records of these partitions may go anywhere in their topic.
    const letters = await deadLetterPartitions(
      client,
      unmarked.map(({ partition }) => partition.route),
    );
    const fence = await this.#fences.fence(target, first.checkpoint.lane, [...partitions, ...letters]);
    if (fence.kind !== 'not-fenced') return await this.#withoutMarker(unmarked, MARKER_WAIT_MS);
    // Nothing refers to that lane any more at the target: as at-least-once does, until nothing it sent can still arrive.
    await clock.sleep(client.cluster.requestTimeoutMs + UNPROVEN_MARGIN_MS, signal);
    return [];
  }

  async #withoutMarker(cases: readonly TakeoverCase[], waitMs: number): Promise<TakeoverCase[]> {
    const { sides, signal } = this.#deps;
    const without: TakeoverCase[] = [];
    await inBatches(cases, async (one) => {
      const { partition, checkpoint } = one;
      const { producerId, producerEpoch } = checkpoint.lane;
      const found = await findAbortMarker({
        client: sides(partition).target.client,
        topic: partition.item.targetTopic,
        partition: partition.item.partition,
        topicId: checkpoint.targetTopicId,
        producerId,
        // A lane's own epoch is on no marker of these partitions: only a fence writes here, under a later one.
        minEpoch: producerEpoch + 1,
        fromOffset: checkpoint.targetOffset,
        waitMs,
        signal,
      });
      if (found.kind !== 'found') without.push(one);
    });
    return without;
  }

  async #walk({ partition, checkpoint }: TakeoverCase): Promise<TakenOver> {
    const { fleet, sides, pool, clock, random, signal, logger } = this.#deps;
    const { source, target } = sides(partition);
    const { item, route } = partition;
    const { targetTopic: topic, partition: number } = item;
    const question = { client: target.client, topic, partition: number, isolation: 'read_uncommitted' } as const;
    // Behind the marker lie markers at most; what else is there the walk tells.
    const { end } = await logBounds(question, { clock, random, signal, patienceMs: PATIENCE_MS });
    const closedEnd = BigInt(end);
    const outcome = await walkPartition(
      {
        item,
        route,
        pair: checkpoint,
        closedEnd,
        ours: new Set([checkpoint.lane.producerId]),
        fleet,
        source: source.client,
        target: target.client,
        pool,
        clock,
        random,
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
    return takenOver(outcome);
  }
}

function takenOver(outcome: WalkOutcome): TakenOver {
  switch (outcome.kind) {
    case 'resume':
      return { kind: 'walked', sourceOffset: outcome.sourceOffset, targetOffset: outcome.targetOffset };
    case 'foreign': {
      const message = `the target’s batch at offset ${outcome.offset} was written by producer ${outcome.producerId}, which is none of ours`;
      return { kind: 'pause', code: 'TARGET_SHARED', message };
    }
    case 'diverged': {
      const where = `source offset ${outcome.sourceOffset}, target offset ${outcome.targetOffset}`;
      return {
        kind: 'pause',
        code: 'TARGET_SHARED',
        message: `the target differs from the source at ${where} (${outcome.what})`,
      };
    }
    case 'pause': {
      const { from, to } = outcome.gap;
      return { kind: 'pause', code: outcome.code, message: `${outcome.message}; at most [${from}, ${to}) are missing` };
    }
    case 'wait':
      return outcome;
  }
}

function waitFor(error: unknown): TakenOver {
  if (!(error instanceof CausewayError)) throw error;
  return { kind: 'wait', code: error.code, message: messageOf(error) };
}

async function inBatches<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += MAX_WALKS) {
    await Promise.all(items.slice(from, from + MAX_WALKS).map(work));
  }
}
