import type { WorkerAssignment } from '../../common/model/assignment.js';
import type { Checkpoint } from '../../common/model/checkpoint.js';
import type { Job } from '../../common/model/job.js';
import type { Route } from '../../common/model/route.js';
import type { TopicProgress } from '../../common/model/topic-progress.js';
import type { LaneRecord, LiveWorker, WorkerReport } from '../../common/model/worker.js';
import { ownedItem } from '../unit/model/samples.js';

const AT = '2026-01-01T00:00:00.000Z';

export const ROUTE: Route = {
  name: 'r',
  source: 'a',
  target: 'b',
  naming: { policy: 'identity' },
  delivery: 'at-least-once',
  start: 'earliest',
  isolation: 'read_committed',
  targetTopics: { create: true, replicationFactor: 3 },
  compression: 'source',
  onRefusedRecord: 'pause',
  limits: { bytesPerS: 1_000_000 },
};

const ITEM = ownedItem('t', 0);

export const ASSIGNMENT: WorkerAssignment = {
  worker: 'w',
  incarnation: 'i',
  epoch: 3,
  generation: 9,
  routes: [ROUTE],
  items: [ITEM, { ...ITEM, partition: 1 }, { ...ITEM, topic: 'u', state: 'revoke' }],
  limits: [{ route: 'r', topic: null, bytesPerS: 500_000 }],
};

export const PROGRESS: TopicProgress = {
  route: 'r',
  topic: 't',
  sourceTopicId: '01234567-89ab-cdef-8edc-ba9876543210',
  targetTopic: 't',
  timeline: 1,
  started: [0, 1, 2, 7],
  initialPartitions: 8,
};

export const LIVE: LiveWorker = {
  worker: 'w',
  incarnation: 'i',
  zone: 'z',
  capacity: 1,
  http: 'http://h:1',
  version: '0.1.0',
  startedAt: AT,
  leaving: false,
};

export const JOB: Job = {
  id: 'j',
  run: 'r1',
  source: 'a',
  target: 'b',
  topics: [
    {
      topic: 't',
      targetTopic: 'replay.t',
      partitions: 2,
      ranges: [
        { partition: 0, from: 5n, until: 9n },
        { partition: 1, from: 0n, until: 900n },
      ],
    },
  ],
  delivery: 'exactly-once',
  isolation: 'read_committed',
  timestamps: 'keep',
  limits: { bytesPerS: 5 },
  state: 'running',
  createdAt: AT,
  progress: [
    {
      topic: 't',
      partition: 1,
      isDone: false,
      position: 3n,
      records: 3,
      bytes: 300,
      gapRecords: 0,
      stay: { incarnation: 'i', records: 3, bytes: 300, gapRecords: 0 },
    },
  ],
};

export const LANE: LaneRecord = {
  transactionalId: 'causeway.f.w.i.0',
  worker: 'w',
  incarnation: 'i',
  index: 0,
  target: 'b',
  producerId: 2n ** 62n,
  producerEpoch: 3,
  state: 'active',
  http: 'http://h:1',
  createdAt: AT,
};

const REF = { route: 'r', topic: 't', partition: 0 };

export const REPORT: WorkerReport = {
  worker: 'w',
  incarnation: 'i',
  epoch: 3,
  generation: 9,
  held: [REF, { ...REF, partition: 1 }, { ...REF, topic: 'u' }],
  doubtful: [REF],
  started: [
    { ...REF, timeline: 1 },
    { ...REF, topic: 'u', timeline: 3 },
  ],
};

export const CHECKPOINT: Checkpoint = {
  sourceOffset: 5n,
  targetOffset: 5n,
  sourceLeaderEpoch: 3,
  sourceTopicId: null,
  targetTopicId: null,
  timeline: 1,
  runSourceStart: 0n,
  runTargetStart: 0n,
  lane: { transactionalId: 'l', producerId: 2n ** 62n, producerEpoch: 1 },
  rulesVersion: 1,
  released: false,
};
