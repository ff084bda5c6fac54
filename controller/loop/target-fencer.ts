import { CausewayError, isCausewayError, messageOf } from '../../common/errors/error.js';
import { deadLetterPartitions } from '../../common/kafka/fencing/dead-letter-partitions.js';
import { fenceLane, type LaneFence } from '../../common/kafka/fencing/fence-lane.js';
import { unlessAborted } from '../../common/kafka/fencing/fencing-client.js';
import { KafkaCode } from '../../common/kafka/wire/error-codes.js';
import type { AssignmentItem } from '../../common/model/assignment.js';
import type { ClusterConnection } from '../../common/model/cluster.js';
import { gapTopic } from '../../common/model/gap.js';
import { mapPartitionsOf } from '../../common/model/offset-map-record.js';
import { targetPartitionOf } from '../../common/model/record-rules.js';
import type { Route } from '../../common/model/route.js';
import { partitionKey, type TopicPartition } from '../../common/model/topic-partition.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { TargetClient } from '../metadata/ports.js';
import type { FenceRequest, Fencer } from './fencer.js';

/** A target that has not let a lane be fenced for so long is waited for as in at-least-once; whoever takes the partitions fences again. */
const TARGET_FENCE_LIMIT_MS = 10_000;
/** Fences under way at one target: its coordinators take them in milliseconds each. */
const MAX_FENCES_PER_TARGET = 16;
/** For so long after a target could not be reached, the next lanes there do not each find that out anew. */
const UNREACHABLE_MS = 10_000;

export interface TargetFencerOptions {
  readonly clusters: ReadonlyMap<string, ClusterConnection>;
  readonly fleet: string;
  readonly open: (cluster: ClusterConnection) => TargetClient;
  /** For lanes that carry no exactly-once route, and those that could not be fenced at the target. */
  readonly otherwise: Fencer;
  readonly limitMs?: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

interface Target {
  readonly client: TargetClient;
  running: number;
  readonly waiting: (() => void)[];
  /** Monotonic ms. */
  unreachableUntilMs: number;
}

/**
 * Exactly once: has the target itself refuse whatever the lane still sends (exactly-once.md section 5), at once: a fence needs no silence.
 * The proof is the marker in each partition, which whoever takes the partition looks for; nothing rests on the word of this fencer.
 */
export class TargetFencer implements Fencer {
  readonly #options: TargetFencerOptions;
  readonly #targets = new Map<string, Target>();

  constructor(options: TargetFencerOptions) {
    this.#options = options;
  }

  async fence(request: FenceRequest, signal: AbortSignal): Promise<void> {
    const { clusters, otherwise } = this.#options;
    const cluster = clusters.get(request.lane.target);
    const isExact = request.routes.some(({ delivery }) => delivery !== 'at-least-once');
    if (!isExact || cluster === undefined || !(await this.#atTarget(cluster, request, signal))) {
      await otherwise.fence(request, signal);
      if (isExact) this.#count(request, 'waited');
    }
  }

  /** Closes the connections; the next fence opens its own. */
  async release(): Promise<void> {
    const targets = [...this.#targets.values()];
    this.#targets.clear();
    await Promise.all(targets.map(({ client }) => client.close()));
  }

  /** @returns false where nothing proves that the lane is fenced */
  async #atTarget(cluster: ClusterConnection, request: FenceRequest, signal: AbortSignal): Promise<boolean> {
    const { clock, limitMs = TARGET_FENCE_LIMIT_MS } = this.#options;
    if (signal.aborted) throw reignOver();
    const target = this.#target(cluster);
    await entered(target, signal);
    const overdue = new AbortController();
    let timer: { cancel(): void } | undefined;
    try {
      if (clock.monotonicMs() < target.unreachableUntilMs) {
        return this.#unproven(request, 'the target could not be reached a moment ago');
      }
      timer = clock.after(limitMs, () => overdue.abort());
      const within = AbortSignal.any([signal, overdue.signal]);
      const { client } = target;
      const partitions = await unlessAborted(this.#partitions(client, request), within);
      const fence = await fenceLane({ client, lane: request.lane, partitions, signal: within, limitMs });
      return this.#judge(request, fence);
    } catch (error) {
      if (signal.aborted) throw error;
      const isOverdue = overdue.signal.aborted || isCausewayError(error, 'TIMEOUT');
      if (isOverdue) target.unreachableUntilMs = clock.monotonicMs() + UNREACHABLE_MS;
      return this.#unproven(request, isOverdue ? `no end within ${limitMs} ms` : messageOf(error));
    } finally {
      timer?.cancel();
      left(target);
    }
  }

  #judge(request: FenceRequest, fence: LaneFence): boolean {
    if (fence.kind === 'not-fenced') return this.#unproven(request, fence.detail);
    const { lane, items, routes } = request;
    const dropped = fence.kind === 'fenced' ? fence.dropped : [];
    const closed = dropped.find(({ errorCode }) => errorCode !== KafkaCode.UNKNOWN_TOPIC_OR_PARTITION);
    if (closed !== undefined) {
      return this.#unproven(request, `${partitionKey(closed.topic, closed.partition)}: error ${closed.errorCode}`);
    }
    if (!isMarked(fence, items, routes)) {
      return this.#unproven(request, 'the marker of a partition that is copied at least once is not written yet');
    }
    const way = fence.kind === 'fenced' ? fence.way : 'ending';
    this.#count(request, way);
    const pending = fence.pending?.map(({ topic, partition }) => partitionKey(topic, partition));
    this.#options.logger.info('lane.fenced-at-target', {
      lane: lane.transactionalId,
      target: lane.target,
      way,
      epoch: fence.epoch,
      partitions: fence.kind === 'fenced' ? fence.partitions.length : undefined,
      pending: pending?.length === 0 ? undefined : pending,
    });
    return true;
  }

  #unproven({ lane }: FenceRequest, reason: string): false {
    const place = { lane: lane.transactionalId, worker: lane.worker, target: lane.target };
    this.#options.logger.warn('lane.fence-unproven', { ...place, reason });
    return false;
  }

  #count({ lane }: FenceRequest, way: 'transaction' | 'markers' | 'ending' | 'waited'): void {
    this.#options.metrics.inc('causeway_lane_fences_total', 1, { target: lane.target, way });
  }

  /** Everything the lane may have written: its items, also those it is to give up, and where their gaps, refused records and offset maps go (5.3). */
  async #partitions(client: TargetClient, { items, routes }: FenceRequest): Promise<TopicPartition[]> {
    const mappings = new Map(routes.map(({ name, partitionMapping }) => [name, partitionMapping]));
    const own = items.map(({ route, targetTopic: topic, partition }) => {
      return { topic, partition: targetPartitionOf(mappings.get(route), partition) };
    });
    const letters = await deadLetterPartitions(client, routes);
    const { fleet } = this.#options;
    return [...own, ...letters, { topic: gapTopic(fleet), partition: 0 }, ...mapPartitionsOf(fleet, items)];
  }

  #target(cluster: ClusterConnection): Target {
    let target = this.#targets.get(cluster.name);
    if (target === undefined) {
      const client = this.#options.open(cluster);
      target = { client, running: 0, waiting: [], unreachableUntilMs: Number.NEGATIVE_INFINITY };
      this.#targets.set(cluster.name, target);
    }
    return target;
  }
}

/** Whoever takes a partition of an at-least-once route looks for no marker: it has to be there. */
function isMarked(fence: LaneFence, items: readonly AssignmentItem[], routes: readonly Route[]): boolean {
  const exact = new Set(routes.filter(({ delivery }) => delivery !== 'at-least-once').map(({ name }) => name));
  const others = items.filter(({ route }) => !exact.has(route));
  if (others.length === 0) return true;
  if (fence.kind !== 'fenced' || fence.pending === undefined) return false;
  const pending = new Set(fence.pending.map(({ topic, partition }) => partitionKey(topic, partition)));
  return !others.some(({ targetTopic, partition }) => pending.has(partitionKey(targetTopic, partition)));
}

async function entered(target: Target, signal: AbortSignal): Promise<void> {
  while (target.running >= MAX_FENCES_PER_TARGET && !signal.aborted) {
    await new Promise<void>((resolve) => target.waiting.push(resolve));
  }
  target.running += 1;
  if (!signal.aborted) return;
  left(target);
  throw reignOver();
}

function reignOver(): CausewayError {
  return new CausewayError('SHUTTING_DOWN', 'the reign is over');
}

function left(target: Target): void {
  target.running -= 1;
  target.waiting.shift()?.();
}
