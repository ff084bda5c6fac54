import { z } from './zod.js';

/* What the fleet does: assignment, workers, status. Unknown numbers are null, never 0. */

const count = z.number().int();
const maybe = z.number().nullable();

/** Why something that should be mirrored is not. */
export const problemView = z.object({ route: z.string(), topic: z.string(), code: z.string(), message: z.string() });

/**
 * `actual`: what the worker's last report says. `running`: held and begun, `held`, `doubtful`: given up with an unknown outcome,
 * `released`: not held any more, `pending`: the worker has not applied this assignment yet.
 */
export const assignmentItemView = z.object({
  route: z.string(),
  topic: z.string(),
  partition: count,
  targetTopic: z.string(),
  state: z.enum(['own', 'revoke']),
  actual: z.enum(['running', 'held', 'doubtful', 'released', 'pending']),
  paused: z.boolean(),
  timeline: count,
  started: z.boolean(),
  start: z.enum(['earliest', 'latest', 'beginning']),
});

export const workerAssignmentView = z.object({
  worker: z.string(),
  incarnation: z.string(),
  alive: z.boolean(),
  epoch: count,
  generation: count,
  /** (epoch, generation) that the worker says it has applied. */
  applied: z.object({ epoch: count, generation: count }).nullable(),
  items: z.array(assignmentItemView),
});

export const assignmentView = z.object({
  workers: z.array(workerAssignmentView),
  /** Nodes that cannot be read; their workers copy on. */
  unreadable: z.array(z.string()),
});

export const workerView = z.object({
  worker: z.string(),
  incarnation: z.string(),
  zone: z.string(),
  capacity: z.number(),
  /** By its own configuration and the operators' orders. */
  role: z.enum(['active', 'standby', 'excluded', 'drained']),
  /** Routes it is for; none: any. */
  routes: z.array(z.string()),
  http: z.string(),
  version: z.string(),
  startedAt: z.string(),
  leaving: z.boolean(),
  partitions: count,
  /** Null while the worker does not answer. */
  lagRecords: maybe,
  recordsPerS: maybe,
  bytesPerS: maybe,
  /** Null while the worker does not answer. */
  threads: z
    .array(z.object({ thread: count, partitions: count, utilization: z.number(), loopDelayMs: z.number() }))
    .nullable(),
});
export const workerList = z.object({ workers: z.array(workerView) });

export const topicStatusView = z.object({
  route: z.string(),
  topic: z.string(),
  targetTopic: z.string(),
  paused: z.boolean(),
  /** The recovery program that took it off its workers; absent: none did. */
  retired: z.string().optional(),
  /** Partitions with a worker. */
  assigned: count,
  /** Partitions that nobody is to copy, by an operator's order. */
  excluded: z.array(count),
  /** Partitions per state, as the workers see them; `unknown` where a worker did not answer. */
  states: z.record(z.string(), count),
  workers: z.array(z.string()),
  lagRecords: maybe,
  lagSeconds: maybe,
  recordsPerS: maybe,
  bytesPerS: maybe,
  recordsCopied: maybe,
  /** Partitions that a rate limit held back lately. */
  throttled: count,
  problems: z.array(problemView),
});

/** What is wrong with the store itself; workers copy on, and what was assigned stays. */
export const storeAlarmView = z.object({
  code: z.string(),
  path: z.string(),
  message: z.string(),
  fix: z.string().nullable(),
  since: z.string(),
});

export const fleetStatus = z.object({
  fleet: z.string(),
  fleetId: z.string().nullable(),
  leader: z.object({ controller: z.string(), http: z.string(), epoch: count }).nullable(),
  epoch: count,
  controllers: z.array(z.object({ controller: z.string(), http: z.string(), startedAt: z.string() })),
  counts: z.object({ routes: count, topics: count, assigned: count, workers: count, answeringWorkers: count }),
  topics: z.array(topicStatusView),
  /** Null when the leader did not tell. */
  problems: z.array(problemView).nullable(),
  /** Of the store, as the controller that answers sees it. */
  alarms: z.array(storeAlarmView),
});

/** One topic with each of its partitions: GET /routes/{route}/topics/{topic}/status. */
export const partitionView = z.object({
  partition: count,
  worker: z.string().nullable(),
  state: z.string(),
  reason: z.object({ code: z.string(), message: z.string() }).nullable(),
  /** What blocks it; null unless it is stalled. Codes: docs/stalls.md. */
  stall: z.object({ code: z.string(), message: z.string(), since: z.string(), fix: z.string() }).nullable(),
  /** The rate limit that held it back lately. */
  throttledBy: z.enum(['worker', 'route', 'topic']).nullable(),
  /** Data thread of its worker. */
  thread: count.nullable(),
  sourceOffset: z.string().nullable(),
  targetOffset: z.string().nullable(),
  sourceEndOffset: z.string().nullable(),
  lagRecords: maybe,
  lagSeconds: maybe,
  recordsPerS: maybe,
  bytesPerS: maybe,
  /** Source records that were left out and declared, since its worker took it up. */
  gapRecords: maybe,
});
export const topicDetail = topicStatusView.extend({ partitions: z.array(partitionView) });
export const problemList = z.object({ problems: z.array(problemView) });

/** A partition that was given to a worker, and why. */
export const moveView = z.object({
  at: z.string(),
  route: z.string(),
  topic: z.string(),
  partition: count,
  from: z.string().nullable(),
  to: z.string(),
  reason: z.string(),
});

const shareView = z.object({
  worker: z.string(),
  partitions: count,
  /** Bytes a second, each record counting as 64 more; null while too little is measured. */
  load: maybe,
  /** Its part by capacity. */
  fairLoad: maybe,
});

/** The leader's latest plan: GET /plan. */
export const planView = z.object({
  epoch: count,
  /** Nothing moves from worker to worker, by an operator's order. */
  frozen: z.boolean(),
  /** Partitions that are planned with, and of them those whose load has been measured. */
  partitions: count,
  measured: count,
  /** Partitions between two living workers now. */
  underWay: count,
  workers: z.array(shareView),
  /** The latest first. */
  moves: z.array(moveView),
});

/** GET /plan/expected-workers, for autoscalers. */
export const expectedWorkersView = z.object({
  /** Workers of capacity 1 that loads and partitions ask for; at least 1. */
  expected: count,
  live: count,
  /** Null while too little is measured. */
  byLoad: count.nullable(),
  byPartitions: count,
});

/** Body of POST /plan/simulate: the fleet as it might be. */
export const simulateBody = z.strictObject({
  add: z
    .array(
      z.strictObject({
        worker: z.string().min(1).max(63),
        capacity: z.number().min(0.01).max(1_000).default(1),
        zone: z.string().max(64).default(''),
      }),
    )
    .max(1_000)
    .default([]),
  remove: z.array(z.string()).max(1_000).default([]),
  /** What the loads measured now are multiplied with. */
  loadFactor: z.number().positive().max(1_000).default(1),
});

/** What would become of it; nothing is done. */
export const simulationView = z.object({
  workers: z.array(shareView),
  /** Partitions that would be with another worker, by the reason. */
  moves: z.record(z.string(), count),
  unassigned: count,
});

export type ExpectedWorkersView = z.output<typeof expectedWorkersView>;
export type SimulateBody = z.input<typeof simulateBody>;
export type SimulateOrder = z.output<typeof simulateBody>;
export type SimulationView = z.output<typeof simulationView>;
export type PlanView = z.output<typeof planView>;
export type AssignmentView = z.output<typeof assignmentView>;
export type WorkerAssignmentView = z.output<typeof workerAssignmentView>;
export type WorkerView = z.output<typeof workerView>;
export type WorkerList = z.output<typeof workerList>;
export type FleetStatus = z.output<typeof fleetStatus>;
export type TopicStatusView = z.output<typeof topicStatusView>;
export type TopicDetail = z.output<typeof topicDetail>;
export type PartitionView = z.output<typeof partitionView>;
/** A partition of a topic, by whichever. */
export type PlacedPartition = PartitionView & { readonly topic: string };
export type ProblemView = z.output<typeof problemView>;
export type StoreAlarmView = z.output<typeof storeAlarmView>;
export type ProblemList = z.output<typeof problemList>;
