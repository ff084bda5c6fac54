import { z } from 'zod';
import { rateLimitsFrom } from '../../config/route.js';
import { rateLimits } from '../../config/route-schema.js';
import type { Job } from '../../model/job.js';
import { decodeRecord, encodeRecord } from './codec.js';
import { count, decimal } from './fields.js';

const counts = { records: count, bytes: count, gapRecords: count };

const jobRecord = z.object({
  id: z.string(),
  run: z.string(),
  source: z.string(),
  target: z.string(),
  topics: z.array(
    z.object({
      topic: z.string(),
      targetTopic: z.string(),
      partitions: count,
      ranges: z.array(z.object({ partition: count, from: decimal, until: decimal })),
    }),
  ),
  delivery: z.enum(['exactly-once', 'transactional', 'at-least-once']),
  isolation: z.enum(['read_committed', 'read_uncommitted']),
  timestamps: z.enum(['keep', 'fresh']),
  limits: rateLimits.loose(),
  state: z.enum(['running', 'paused', 'cancelled', 'done']),
  createdAt: z.string(),
  finishedAt: z.string().optional(),
  progress: z.array(
    z.object({
      topic: z.string(),
      partition: count,
      isDone: z.boolean(),
      position: decimal,
      ...counts,
      stay: z.object({ incarnation: z.string(), ...counts }).optional(),
    }),
  ),
});

export function encodeJob(job: Job): Buffer {
  return encodeRecord(job, { gzip: true });
}

export function decodeJob(data: Buffer, path: string): Job {
  const { limits, finishedAt, progress, ...job } = decodeRecord(jobRecord, data, path);
  return {
    ...job,
    limits: rateLimitsFrom(limits),
    ...(finishedAt === undefined ? {} : { finishedAt }),
    progress: progress.map(({ stay, ...one }) => (stay === undefined ? one : { ...one, stay })),
  };
}
