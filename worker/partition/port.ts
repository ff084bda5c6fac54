import type { MirroredPartition, Reason } from './mirrored-partition.js';

/** What a partition's intake and outlet tell the thread that owns them. All calls are synchronous and only schedule work. */
export interface PartitionPort {
  /** There may be something to send. */
  ready(partition: MirroredPartition): void;
  /** Bytes were released, or the partition may be fetched again. */
  freed(partition: MirroredPartition, bytes: number): void;
  /** Only an operator can help: stop here, keep the partition, say why. */
  pause(partition: MirroredPartition, reason: Reason): void;
  /** Start over from the settled position, under another lane where `brokenLanes` says so. */
  restart(partition: MirroredPartition, reason: Reason): void;
  /** The producer identity is dead: the whole incarnation is over (exactly-once.md 2.5). */
  laneDead(partition: MirroredPartition): void;
  refreshSource(partition: MirroredPartition): void;
  refreshTarget(partition: MirroredPartition): void;
  /** Everything sent has its final answer (asked for by a drain or a stop). */
  quiet(partition: MirroredPartition): void;
}
