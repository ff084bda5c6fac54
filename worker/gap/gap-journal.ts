import { CausewayError } from '../../common/errors/error.js';
import { gapTopic } from '../../common/model/gap.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { DeadLetter, PendingGap } from '../core/partition-queue.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';
import type { SideWriter } from '../produce/side-writer.js';
import { deadLetterRecord, gapRecord } from './gap-record.js';

export interface GapJournalDeps {
  readonly fleet: string;
  readonly worker: string;
  readonly writer: SideWriter;
  readonly declared: (partition: MirroredPartition, gap: PendingGap) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Makes declared loss durable at the target, before anything behind it is sent (exactly-once.md 6.5): first the records themselves where
 * the route keeps them, then the gap record. A repetition after a crash writes the same key again; dead letters may then be there twice.
 */
export class GapJournal {
  readonly #deps: GapJournalDeps;
  /** Letters that are stored while their gap is not yet: a gap that is tried for hours must not write them each time. */
  readonly #sent = new WeakSet<DeadLetter>();

  constructor(deps: GapJournalDeps) {
    this.#deps = deps;
  }

  /** @throws TARGET_TOPIC_MISSING, TARGET_REFUSED, LANE_DEAD, SEQUENCE_BROKEN, SHUTTING_DOWN */
  async declare(partition: MirroredPartition, pending: PendingGap): Promise<void> {
    const { fleet, worker, clock, logger, declared } = this.#deps;
    const wallMs = clock.wallMs();
    const { deadLetterTopic } = partition.route;
    const { lane } = partition;
    // All under one identity: what is left of a gap whose transaction was aborted must not go on under the next.
    if (lane === undefined) throw new CausewayError('LANE_DEAD', 'the partition has no lane');
    // Before anything is written: half of it would have to be taken back.
    this.#partitionsOf(partition, gapTopic(fleet));
    if (deadLetterTopic !== undefined && pending.deadLetters.length > 0) this.#partitionsOf(partition, deadLetterTopic);
    for (const letter of pending.deadLetters) {
      if (deadLetterTopic === undefined) break;
      if (this.#sent.has(letter)) continue;
      const record = deadLetterRecord(partition, letter, pending.gap.reason, wallMs);
      const number = partition.item.partition % this.#partitionsOf(partition, deadLetterTopic);
      await this.#deps.writer.write(lane, deadLetterTopic, number, [record]);
      this.#sent.add(letter);
    }
    await this.#deps.writer.write(lane, gapTopic(fleet), 0, [gapRecord(partition, pending, worker, wallMs)]);
    declared(partition, pending);
    const { route, topic, partition: number } = partition.item;
    const { firstOffset, lastOffset, reason, detail, bound = 'exact', breaks } = pending.gap;
    logger.warn('partition.gap-declared', {
      route,
      topic,
      partition: number,
      kind: breaks?.kind ?? 'gap',
      firstOffset,
      lastOffset,
      bound,
      reason,
      msg: detail,
    });
  }

  /** Some of its records are stored, and its gap record is not. */
  isHalfWritten({ deadLetters }: PendingGap): boolean {
    return deadLetters.some((letter) => this.#sent.has(letter));
  }

  #partitionsOf({ item: { route } }: MirroredPartition, topic: string): number {
    const partitions = this.#deps.writer.partitions(topic);
    if (partitions !== undefined && partitions > 0) return partitions;
    throw new CausewayError('TARGET_TOPIC_MISSING', `topic ${topic} does not exist at the target yet`, {
      place: { route, topic },
      fix: 'The controller makes it where the route may create topics; otherwise create it.',
    });
  }
}
