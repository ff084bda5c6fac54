import { RULE_OUTCOMES } from '../model/record-rules.js';
import { STALL_CODES } from '../model/stalls.js';
import { PARTITION_STATES, type PartitionStatus, type WorkerStatus } from '../model/status.js';
import { z } from './zod.js';

/* A worker's `GET /status`: common/model/status.ts with offsets as decimal strings. */

const offset = z.string().regex(/^-?\d{1,19}$/);

export const stallShape = z.object({ code: z.enum(STALL_CODES), message: z.string(), since: z.string() });

export const partitionStatusShape = z.object({
  route: z.string(),
  topic: z.string(),
  partition: z.number().int(),
  state: z.enum(PARTITION_STATES),
  reason: z.object({ code: z.string(), message: z.string() }).optional(),
  /** A cause that a later version knows is no reason not to hear the rest. */
  stall: stallShape.optional().catch(undefined),
  targetTopic: z.string(),
  sourceOffset: offset,
  targetOffset: offset,
  sourceEndOffset: offset,
  lagRecords: z.number(),
  lagSeconds: z.number(),
  recordsCopied: z.number(),
  bytesCopied: z.number(),
  /** Absent from workers of an earlier version. */
  gapRecords: z.number().default(0),
  recordsPerS: z.number(),
  bytesPerS: z.number(),
  throttledBy: z.enum(['worker', 'route', 'topic']).optional(),
  thread: z.number().int().default(0),
});

const threadStatusShape = z.object({
  thread: z.number().int(),
  partitions: z.number().int(),
  utilization: z.number(),
  loopDelayMs: z.number(),
  inflightBytes: z.number(),
});

export const workerStatusShape = z.object({
  worker: z.string(),
  incarnation: z.string(),
  epoch: z.number().int(),
  generation: z.number().int(),
  partitions: z.array(partitionStatusShape),
  threads: z.array(threadStatusShape).default([]),
  rules: z
    .array(
      z.object({
        route: z.string(),
        rule: z.string(),
        outcome: z.enum([...RULE_OUTCOMES, 'returned']),
        count: z.number(),
      }),
    )
    .optional()
    .catch(undefined),
});

export type WorkerStatusBody = z.output<typeof workerStatusShape>;

/** As it travels. */
export function encodeWorkerStatus(status: WorkerStatus): WorkerStatusBody {
  return {
    ...status,
    threads: [...status.threads],
    rules: status.rules === undefined ? undefined : [...status.rules],
    partitions: status.partitions.map((partition) => ({
      ...partition,
      sourceOffset: String(partition.sourceOffset),
      targetOffset: String(partition.targetOffset),
      sourceEndOffset: String(partition.sourceEndOffset),
    })),
  };
}

/** Reads what travelled; undefined when it is not of that form. */
export function decodeWorkerStatus(body: unknown): WorkerStatus | undefined {
  const parsed = workerStatusShape.safeParse(body);
  if (!parsed.success) return undefined;
  const { rules, ...data } = parsed.data;
  return {
    ...data,
    ...(rules === undefined ? {} : { rules }),
    partitions: parsed.data.partitions.map(
      ({ reason, stall, throttledBy, ...partition }): PartitionStatus => ({
        ...partition,
        ...(reason === undefined ? {} : { reason }),
        ...(stall === undefined ? {} : { stall }),
        ...(throttledBy === undefined ? {} : { throttledBy }),
        sourceOffset: BigInt(partition.sourceOffset),
        targetOffset: BigInt(partition.targetOffset),
        sourceEndOffset: BigInt(partition.sourceEndOffset),
      }),
    ),
  };
}
