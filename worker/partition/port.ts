import type { MirroredPartition, Reason } from './mirrored-partition.js';

/** What a partition's intake and outlet tell the thread that owns them. All calls are synchronous and only schedule work. */
export interface PartitionPort {
  /** There may be something to send. */
  ready(partition: MirroredPartition): void;
  /** The partition may be fetched again: it has room, or what held it back is over. */
  freed(partition: MirroredPartition): void;
  /** Only an operator can help: stop here, keep the partition, say why. */
  pause(partition: MirroredPartition, reason: Reason): void;
  /** Start over from the settled position once what was sent has its answers; under another lane where `brokenLanes` says so. */
  restart(partition: MirroredPartition, reason: Reason): void;
  /**
   * What its lane sent into this partition may be stored, or still may be, and cannot be sent again: the log there is closed to the lane and
   * walked, everything else leaves the lane (exactly-once.md 3.3, 3.4, 5.6). Its queue is empty, its life over.
   */
  abandon(partition: MirroredPartition, reason: Reason): void;
  /** The producer identity is dead: the whole incarnation is over (exactly-once.md 2.5). */
  laneDead(partition: MirroredPartition): void;
  refreshSource(partition: MirroredPartition): void;
  refreshTarget(partition: MirroredPartition): void;
}
