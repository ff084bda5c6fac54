import { z } from './zod.js';

/* The fleet's desired state as one document, and back: GET /export, POST /import. */

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** A job of 2,000 partitions is the longest there is. */
export const MAX_RECORD_BYTES = 1_500_000;

/** A node of the store; `record` is JSON text. */
const storedNode = z.strictObject({ path: z.string().max(600), record: z.string().max(MAX_RECORD_BYTES) });
export type StoredNode = z.output<typeof storedNode>;

export const fleetExport = z.strictObject({
  format: z.literal(1),
  /** As the configuration calls it. */
  fleet: z.string(),
  fleetId: z.string(),
  /** Of the store when it was exported; an import goes above it. */
  epoch: count,
  exportedAt: z.string(),
  /**
   * Routes, topics, jobs, orders, promotions of schema registries, recovery programs; and what the leader remembers: of each topic its timeline
   * and started partitions, of each route the rights it set. A record above `MAX_RECORD_BYTES` is not among them.
   */
  nodes: z.array(storedNode),
});
export type FleetExport = z.output<typeof fleetExport>;

/** A part of an export; the last one ends the import. A body is at most 2 MiB. */
export const importBody = z.strictObject({
  fleet: z.string(),
  fleetId: z.string(),
  epoch: count,
  nodes: z.array(storedNode).max(1_000),
  /** Everything is there: the epoch goes above the highest that was ever seen, and a new reign begins. */
  last: z.boolean(),
});
export type ImportBody = z.output<typeof importBody>;

export const importView = z.object({
  /** Nodes written; those that were the same already do not count. */
  written: count,
  /** The store's epoch after the import; null before the last part. */
  epoch: count.nullable(),
});
export type ImportView = z.output<typeof importView>;
