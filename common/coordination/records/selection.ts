import { z } from 'zod';
import type { Denial, SelectionProgress } from '../../model/selection.js';
import { decodeRecord, encodeRecord } from './codec.js';

const denial = z.object({ route: z.string(), topic: z.string(), reason: z.string(), at: z.string() });

export function encodeDenial(record: Denial): Buffer {
  return encodeRecord(record, { gzip: false });
}

export function decodeDenial(data: Buffer, path: string): Denial {
  return decodeRecord(denial, data, path);
}

const selectionProgress = z.object({ route: z.string(), applied: z.string() });

export function encodeSelectionProgress(record: SelectionProgress): Buffer {
  return encodeRecord(record, { gzip: false });
}

export function decodeSelectionProgress(data: Buffer, path: string): SelectionProgress {
  return decodeRecord(selectionProgress, data, path);
}
