import type { ErrorCode } from '../../common/errors/codes.js';
import type { Logger } from '../../common/observability/logger.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Random } from '../../common/runtime/random.js';
import type { Leaders } from '../cluster/leaders.js';
import type { Lane } from '../lane/lane.js';
import type { MirroredPartition, Reason } from '../partition/mirrored-partition.js';
import type { PartitionPort } from '../partition/port.js';
import type { Handover } from './handover.js';
import type { Held, HeldPartitions } from './held-partitions.js';
import type { Sides } from './sides.js';

/** A partition that has to start over waits, so that a lasting fault does not spin. */
const RESTART_BACKOFF = { initialMs: 100, maxMs: 10_000 } as const;
/** A partition whose sequence breaks on this many lanes in a row of restarts needs an operator. */
const MAX_BROKEN_LANES = 5;

export interface PartitionEventsDeps {
  readonly held: HeldPartitions;
  readonly sides: Sides;
  readonly handover: Handover;
  /** Counts a fault by its code. */
  readonly error: (code: ErrorCode) => void;
  readonly laneDead: (transactionalId: string) => void;
  /** The lane takes no further partition, and those that it has move on (exactly-once.md 5.6). */
  readonly retire: (lane: Lane) => void;
  readonly random: Random;
  readonly logger: Logger;
}

/** What the intakes and outlets of one thread tell it, turned into deeds. */
export class PartitionEvents implements PartitionPort {
  readonly #deps: PartitionEventsDeps;
  #laneDeathTold = false;

  constructor(deps: PartitionEventsDeps) {
    this.#deps = deps;
  }

  ready(partition: MirroredPartition): void {
    const held = this.#deps.held.of(partition);
    if (held !== undefined) this.#deps.sides.of(partition.route).target.writer.ready(held.outlet);
  }

  freed(partition: MirroredPartition): void {
    const held = this.#deps.held.of(partition);
    if (held?.copying === true) this.#deps.sides.reader(partition.route).touch(held.intake);
  }

  pause(partition: MirroredPartition, reason: Reason): void {
    const held = this.#deps.held.of(partition);
    if (held === undefined || held.draining) return;
    this.#deps.held.stopCopying(held);
    partition.on({ type: 'pause', reason });
    this.#note('partition.paused', partition, reason);
  }

  restart(partition: MirroredPartition, reason: Reason): void {
    const held = this.#deps.held.of(partition);
    if (held === undefined || held.draining) return;
    this.#note('partition.restarting', partition, reason);
    this.#begin(held, reason);
  }

  abandon(partition: MirroredPartition, reason: Reason): void {
    const held = this.#deps.held.of(partition);
    if (held === undefined) return;
    this.#note('partition.log-open', partition, reason);
    if (partition.lane !== undefined) this.#deps.retire(partition.lane);
    // Whoever takes it next closes the log: the last pair names the lane as one that did not let go.
    if (!held.draining) this.#begin(held, reason);
  }

  #begin(held: Held, reason: Reason): void {
    const { partition } = held;
    if (partition.brokenLanes.size >= MAX_BROKEN_LANES) {
      // Each of them left a producer behind at the target; more of the same will not mend it.
      this.pause(partition, reason);
      return;
    }
    partition.on({ type: 'restart', reason });
    partition.failures += 1;
    this.#deps.handover.startAnew(held, backoffMs(partition.failures, RESTART_BACKOFF, this.#deps.random));
  }

  /** The target was described anew: what wrote into a topic that bears another's name now stops, and sends nothing of it again. */
  targetSeen(cluster: string, leaders: Pick<Leaders, 'topic'>): void {
    for (const held of [...this.#deps.held.values()]) {
      const { partition, copying } = held;
      const now = leaders.topic(partition.item.targetTopic)?.topicId ?? null;
      const isAnother = now !== null && partition.targetTopicId !== null && now !== partition.targetTopicId;
      if (partition.route.target !== cluster || !isAnother) continue;
      if (!partition.queue.drained) this.#dropUnanswered(held);
      const message = `the target topic was made anew (topic id ${partition.targetTopicId} before, ${now} now)`;
      if (copying) this.restart(partition, { code: 'TARGET_TOPIC_RECREATED', message });
    }
  }

  /** The source was described anew; brokers that are not asked by topic id would go on with another topic. */
  sourceSeen(cluster: string, leaders: Pick<Leaders, 'topic'>): void {
    for (const { partition, copying } of [...this.#deps.held.values()]) {
      const now = leaders.topic(partition.item.topic)?.topicId ?? null;
      const isAnother = now !== null && partition.sourceTopicId !== null && now !== partition.sourceTopicId;
      if (!copying || partition.route.source !== cluster || !isAnother) continue;
      const message = `the source topic was made anew (topic id ${partition.sourceTopicId} before, ${now} now)`;
      this.restart(partition, { code: 'SOURCE_TOPIC_RECREATED', message });
    }
  }

  /** What is in doubt is gone with the topic it was sent to. The batches of a transaction end with that. */
  #dropUnanswered({ partition, outlet }: Held): void {
    if (partition.transactional) return;
    const { lane, queue, targetNext, runs } = partition;
    // Other bytes will have the sequence numbers that were taken.
    if (lane !== undefined) partition.brokenLanes.add(lane);
    outlet.rewind({
      source: Number(partition.stay().pair?.sourceOffset ?? queue.settledNext),
      target: targetNext,
      runSource: runs.openSource,
      runTarget: runs.openTarget,
      history: runs.history(),
    });
  }

  laneDead(partition: MirroredPartition): void {
    const { lane } = partition;
    if (lane === undefined) return;
    if (!this.#laneDeathTold)
      this.#note('lane.dead', partition, { code: 'LANE_DEAD', message: 'the target fenced this lane' });
    this.laneRefused(lane);
  }

  /** The target takes nothing of it any more. */
  laneRefused(lane: Lane): void {
    lane.markDead();
    if (this.#laneDeathTold) return;
    this.#laneDeathTold = true;
    this.#deps.laneDead(lane.record.transactionalId);
  }

  refreshSource(partition: MirroredPartition): void {
    this.#deps.sides.of(partition.route).source.leaders.refresh();
  }

  refreshTarget(partition: MirroredPartition): void {
    this.#deps.sides.of(partition.route).target.leaders.refresh();
  }

  #note(event: string, partition: MirroredPartition, reason: Reason): void {
    if (reason.code !== 'PAUSED_BY_OPERATOR') this.#deps.error(reason.code);
    const { route, topic, partition: number } = partition.item;
    const offset = String(partition.queue.settledNext);
    this.#deps.logger.warn(event, { route, topic, partition: number, offset, code: reason.code, msg: reason.message });
  }
}
