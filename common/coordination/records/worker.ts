import { z } from 'zod';
import type { LaneRecord, LiveWorker, WorkerReport } from '../../model/worker.js';
import { decodeRecord, encodeRecord } from './codec.js';
import { breakCause, count, decimal, groupRefs, groupStarted, refGroups, startedGroups } from './fields.js';

const liveWorker = z.object({
  worker: z.string(),
  incarnation: z.string(),
  zone: z.string(),
  capacity: z.number().positive(),
  http: z.string(),
  version: z.string(),
  startedAt: z.string(),
  leaving: z.boolean(),
  standby: z.boolean().optional(),
  routes: z.array(z.string()).optional(),
  seenEpoch: count.optional(),
});

export function encodeLiveWorker(live: LiveWorker): Buffer {
  return encodeRecord(live, { gzip: false });
}

export function decodeLiveWorker(data: Buffer, path: string): LiveWorker {
  const { standby, routes, seenEpoch, ...live } = decodeRecord(liveWorker, data, path);
  const seen = seenEpoch === undefined ? {} : { seenEpoch };
  return {
    ...live,
    ...seen,
    ...(standby === undefined ? {} : { standby }),
    ...(routes === undefined ? {} : { routes }),
  };
}

const laneRecord = z.object({
  transactionalId: z.string(),
  worker: z.string(),
  incarnation: z.string(),
  index: count,
  target: z.string(),
  producerId: decimal,
  producerEpoch: z.number().int(),
  state: z.enum(['active', 'fencing']),
  http: z.string(),
  createdAt: z.string(),
});

export function encodeLane(lane: LaneRecord): Buffer {
  return encodeRecord(lane, { gzip: false });
}

export function decodeLane(data: Buffer, path: string): LaneRecord {
  return decodeRecord(laneRecord, data, path);
}

const workerReport = z.object({
  worker: z.string(),
  incarnation: z.string(),
  epoch: count,
  generation: count,
  held: refGroups,
  doubtful: refGroups,
  started: startedGroups,
  finished: refGroups.optional(),
  breaks: z
    .array(
      z.object({
        route: z.string(),
        topic: z.string(),
        partition: count,
        timeline: count,
        cause: breakCause,
        from: decimal,
      }),
    )
    .optional(),
});

export function encodeReport(report: WorkerReport): Buffer {
  const { held, doubtful, started, finished } = report;
  const grouped = {
    held: groupRefs(held),
    doubtful: groupRefs(doubtful),
    started: groupStarted(started),
    ...(finished === undefined ? {} : { finished: groupRefs(finished) }),
  };
  return encodeRecord({ ...report, ...grouped }, { gzip: true });
}

export function decodeReport(data: Buffer, path: string): WorkerReport {
  const { breaks, finished, ...report } = decodeRecord(workerReport, data, path);
  return { ...report, ...(finished === undefined ? {} : { finished }), ...(breaks === undefined ? {} : { breaks }) };
}
