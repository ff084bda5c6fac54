import type { AssignmentItem } from '../../../common/model/assignment.js';
import type { PartitionStatus } from '../../../common/model/status.js';

/** A partition of route `r` that its worker has, and that began before. */
export function ownedItem(topic: string, partition: number, changes: Partial<AssignmentItem> = {}): AssignmentItem {
  return {
    route: 'r',
    topic,
    partition,
    state: 'own',
    paused: false,
    sourceTopicId: null,
    targetTopic: topic,
    timeline: 1,
    started: true,
    start: 'earliest',
    ...changes,
  };
}

/** A partition of topic `t` on route `r` that runs, of which nothing has been copied. */
export function runningStatus(partition: number, says: Partial<PartitionStatus> = {}): PartitionStatus {
  return {
    route: 'r',
    topic: 't',
    partition,
    state: 'running',
    targetTopic: 't',
    sourceOffset: 0n,
    targetOffset: 0n,
    sourceEndOffset: 0n,
    lagRecords: 0,
    lagSeconds: 0,
    recordsCopied: 0,
    bytesCopied: 0,
    gapRecords: 0,
    recordsPerS: 0,
    bytesPerS: 0,
    thread: 0,
    ...says,
  };
}
