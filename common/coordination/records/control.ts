import { z } from 'zod';
import { decodeRecord, encodeRecord } from './codec.js';
import { count } from './fields.js';

/** Who the fleet is; made once by the first controller, kept for ever (exactly-once.md 7.6). */
export interface FleetRecord {
  readonly fleetId: string;
  readonly createdAt: string;
  /** As the configuration called it; absent in nodes that an earlier version wrote. */
  readonly name?: string;
  /** ISO 8601; when the desired state was last imported. */
  readonly importedAt?: string;
}

/** The reign's number; every leader write checks this node's version. */
export interface EpochRecord {
  readonly epoch: number;
}

/** A controller that lives; `/leader` holds the one that leads. */
export interface ControllerRecord {
  readonly controller: string;
  /** `http://host:port` */
  readonly http: string;
  /** The epoch of its reign; 0 for one that does not lead. */
  readonly epoch: number;
  readonly startedAt: string;
}

const fleet = z.object({
  fleetId: z.string().min(1),
  createdAt: z.string(),
  name: z.string().optional(),
  importedAt: z.string().optional(),
});
const epoch = z.object({ epoch: count });
const controller = z.object({ controller: z.string(), http: z.string(), epoch: count, startedAt: z.string() });

export const encodeFleet = (record: FleetRecord): Buffer => encodeRecord(record, { gzip: false });
export function decodeFleet(data: Buffer, path: string): FleetRecord {
  const { name, importedAt, ...record } = decodeRecord(fleet, data, path);
  return { ...record, ...(name === undefined ? {} : { name }), ...(importedAt === undefined ? {} : { importedAt }) };
}
export const encodeEpoch = (record: EpochRecord): Buffer => encodeRecord(record, { gzip: false });
export const decodeEpoch = (data: Buffer, path: string): EpochRecord => decodeRecord(epoch, data, path);
export const encodeController = (record: ControllerRecord): Buffer => encodeRecord(record, { gzip: false });
export const decodeController = (data: Buffer, path: string): ControllerRecord => decodeRecord(controller, data, path);
