import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { ByteAccount } from '../core/allowance.js';
import type { Asides } from '../core/asides.js';
import type { PendingGap } from '../core/partition-queue.js';
import type { Lane } from '../lane/lane.js';
import type { MirroredPartition } from './mirrored-partition.js';
import type { PartitionPort } from './port.js';

/** What is known of a target that is to hold every record once. */
export interface ExactTarget {
  /** It may forget a producer whose newest record is this old. */
  readonly forgetsAfterMs: number;
  /** False while too long has passed since the lane was known to be alive (exactly-once.md 2.6); it is asked about at once then. */
  confirms(lane: Lane, nowMs: number): boolean;
}

export interface OutletDeps {
  readonly budget: ByteAccount;
  readonly port: PartitionPort;
  readonly clock: Pick<Clock, 'monotonicMs' | 'wallMs' | 'after'>;
  readonly random: Random;
  /** Resolves when the gap is written down at the target (and its records, where they are kept). */
  readonly declare: (partition: MirroredPartition, gap: PendingGap) => Promise<void>;
  /** Resolves when records of a batch that go into other topics are stored there. */
  readonly divert: (partition: MirroredPartition, asides: Asides | undefined) => Promise<void>;
  /** Asked for partitions that are copied exactly once. */
  readonly exactTarget: (partition: MirroredPartition) => ExactTarget;
  /** So many waiting batches became one. */
  readonly coalesced: (batches: number) => void;
  readonly copied: (partition: MirroredPartition, records: number, bytes: number) => void;
  /** It has closed so many runs that they should be written down. */
  readonly crowded: (partition: MirroredPartition) => void;
  /** The target recognised a batch it already had. */
  readonly repeated: (partition: MirroredPartition) => void;
}
