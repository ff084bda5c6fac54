import { z } from 'zod';
import type { Vanished } from '../../model/vanished.js';
import { decodeRecord, encodeRecord } from './codec.js';

const vanished = z.object({
  route: z.string(),
  clusterId: z.string().nullable(),
  topics: z.array(z.object({ topic: z.string(), since: z.string() })),
});

export function encodeVanished(record: Vanished): Buffer {
  return encodeRecord(record, { gzip: true });
}

export function decodeVanished(data: Buffer, path: string): Vanished {
  return decodeRecord(vanished, data, path);
}
