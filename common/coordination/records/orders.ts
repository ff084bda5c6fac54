import { z } from 'zod';
import type { Exclusion, FreezeOrder, WorkerOrder } from '../../model/orders.js';
import { formatPartitions } from '../../model/partition-set.js';
import { decodeRecord, encodeRecord } from './codec.js';
import { partitionSet } from './fields.js';

const workerOrder = z.object({
  worker: z.string(),
  role: z.enum(['active', 'standby', 'excluded', 'drained']).optional(),
  routes: z.array(z.string()).optional(),
  restartUntil: z.iso.datetime().optional().catch(undefined),
  reason: z.string(),
  at: z.string(),
});

export function encodeWorkerOrder(order: WorkerOrder): Buffer {
  return encodeRecord(order, { gzip: false });
}

export function decodeWorkerOrder(data: Buffer, path: string): WorkerOrder {
  const { role, routes, restartUntil, ...rest } = decodeRecord(workerOrder, data, path);
  return {
    ...rest,
    ...(role === undefined ? {} : { role }),
    ...(routes === undefined ? {} : { routes }),
    ...(restartUntil === undefined ? {} : { restartUntil }),
  };
}

const freezeOrder = z.object({ reason: z.string(), at: z.string() });

export function encodeFreeze(order: FreezeOrder): Buffer {
  return encodeRecord(order, { gzip: false });
}

export function decodeFreeze(data: Buffer, path: string): FreezeOrder {
  return decodeRecord(freezeOrder, data, path);
}

const exclusion = z.object({
  route: z.string(),
  topic: z.string(),
  partitions: partitionSet,
  reason: z.string(),
  at: z.string(),
});

export function encodeExclusion(record: Exclusion): Buffer {
  return encodeRecord({ ...record, partitions: formatPartitions(record.partitions) }, { gzip: false });
}

export function decodeExclusion(data: Buffer, path: string): Exclusion {
  return decodeRecord(exclusion, data, path);
}
