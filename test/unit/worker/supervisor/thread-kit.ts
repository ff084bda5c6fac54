import type { AssignmentItem } from '../../../../common/model/assignment.js';
import type { PartitionStatus } from '../../../../common/model/status.js';

export const item = (partition: number): AssignmentItem => ({
  route: 'r',
  topic: 't',
  partition,
  state: 'own',
  paused: false,
  sourceTopicId: null,
  targetTopic: 't',
  timeline: 1,
  started: true,
  start: 'earliest',
});

export const status = (partition: number): PartitionStatus => ({
  route: 'r',
  topic: 't',
  partition,
  targetTopic: 't',
  state: 'running',
  sourceOffset: 0n,
  targetOffset: 0n,
  sourceEndOffset: 0n,
  lagRecords: 0,
  lagSeconds: 0,
  recordsCopied: 0,
  bytesCopied: 0,
  recordsPerS: 0,
  bytesPerS: 0,
  gapRecords: 0,
  thread: 0,
});
