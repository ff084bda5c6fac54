import { z } from 'zod';
import { decodeRecord, encodeRecord } from './codec.js';

/** The target's registry of a route was promoted: it gives ids of its own, and nothing is copied into it. */
export interface SchemaPromotion {
  readonly route: string;
  readonly target: string;
  /** ISO 8601. */
  readonly at: string;
  readonly reason: string;
}

const promotion = z.object({ route: z.string(), target: z.string(), at: z.string(), reason: z.string() });

export function encodeSchemaPromotion(record: SchemaPromotion): Buffer {
  return encodeRecord(record, { gzip: false });
}

export function decodeSchemaPromotion(data: Buffer, path: string): SchemaPromotion {
  return decodeRecord(promotion, data, path);
}
