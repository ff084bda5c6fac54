import { gunzipSync, gzipSync } from 'node:zlib';
import { MAX_RECORD_BYTES } from '../../common/api/transfer-shapes.js';
import { decodeRoute, decodeTopicEntry, decodeTopicProgress } from '../../common/coordination/records/desired.js';
import { decodeJob } from '../../common/coordination/records/job.js';
import { decodeExclusion, decodeFreeze, decodeWorkerOrder } from '../../common/coordination/records/orders.js';
import { decodeRecovery, encodeRecovery } from '../../common/coordination/records/recovery.js';
import { decodeRightsMemory, encodeRightsMemory } from '../../common/coordination/records/rights.js';
import { decodeSchemaPromotion } from '../../common/coordination/records/schemas.js';
import { decodeDenial, decodeSelectionProgress } from '../../common/coordination/records/selection.js';
import {
  DENIALS,
  EXCLUSIONS,
  JOBS,
  ORDERS,
  PROGRESS,
  RECOVERIES,
  RIGHTS,
  ROUTES,
  SCHEMAS,
  SELECTIONS,
  TOPICS,
  WORKERS,
} from '../../common/coordination/znodes.js';
import { isCausewayError } from '../../common/errors/error.js';
import { heldRecovery } from '../core/recovery-import.js';
import { joinedRights } from '../core/rights-import.js';

interface Place {
  readonly path: string;
  /** ISO 8601, of the import. */
  readonly at: string;
}

export interface Area {
  readonly root: string;
  readonly depth: 1 | 2;
  readonly decode: (data: Buffer, path: string) => unknown;
  readonly isGzipped?: true;
  /** What is written where the export has `saved`; absent: just that. Gives `present` itself where it is to stay. */
  readonly merge?: (saved: Buffer, present: Buffer | undefined, place: Place) => Buffer;
}

/**
 * What an operator has ordered, and what must be remembered with it; everything else follows from these and from who lives. What must not
 * be missing when a route is there comes before the routes: a promotion, or the next round would switch the target's registry to IMPORT.
 */
export const AREAS: readonly Area[] = [
  { root: SCHEMAS, depth: 1, decode: decodeSchemaPromotion },
  { root: RIGHTS, depth: 1, decode: decodeRightsMemory, isGzipped: true, merge: mergedRights },
  { root: RECOVERIES, depth: 1, decode: decodeRecovery, isGzipped: true, merge: mergedRecovery },
  { root: ROUTES, depth: 1, decode: decodeRoute },
  { root: WORKERS, depth: 1, decode: decodeWorkerOrder },
  { root: ORDERS, depth: 1, decode: decodeFreeze },
  { root: EXCLUSIONS, depth: 2, decode: decodeExclusion },
  { root: DENIALS, depth: 2, decode: decodeDenial },
  { root: PROGRESS, depth: 2, decode: decodeTopicProgress },
  { root: SELECTIONS, depth: 1, decode: decodeSelectionProgress },
  { root: TOPICS, depth: 2, decode: decodeTopicEntry },
  { root: JOBS, depth: 1, decode: decodeJob, isGzipped: true },
];

const GZIP_MAGIC = 0x1f8b;

/** A node that could be decoded, as text; undefined: it is larger than a record of an export may be. */
export function recordOf(data: Buffer): string | undefined {
  const isGzipped = data.length >= 2 && data.readUInt16BE(0) === GZIP_MAGIC;
  // What it inflates to was bounded when it was decoded.
  const text = isGzipped ? gunzipSync(data) : data;
  return text.length > MAX_RECORD_BYTES ? undefined : text.toString('utf8');
}

/** The node that a record was: the same bytes. */
export function nodeOf(record: string, { isGzipped }: Area): Buffer {
  return isGzipped === true ? gzipSync(record) : Buffer.from(record);
}

/** Undefined: nobody can read it. */
export function readable<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (isCausewayError(error, 'NODE_CORRUPT')) return undefined;
    throw error;
  }
}

/** A program of this id that has come further is what happened: an export of it from before does not undo that. */
function mergedRecovery(saved: Buffer, present: Buffer | undefined, { path, at }: Place): Buffer {
  const recovery = decodeRecovery(saved, path);
  const known = present === undefined ? undefined : readable(() => decodeRecovery(present, path));
  if (present !== undefined && known !== undefined && known.updatedAt > recovery.updatedAt) return present;
  const held = heldRecovery(recovery, at);
  return held === recovery ? saved : encodeRecovery(held);
}

/** What was set since the export is remembered, too: what is forgotten is never taken back. */
function mergedRights(saved: Buffer, present: Buffer | undefined, { path }: Place): Buffer {
  const known = present === undefined ? undefined : readable(() => decodeRightsMemory(present, path));
  if (present === undefined || known === undefined) return saved;
  const memory = decodeRightsMemory(saved, path);
  const joined = joinedRights(memory, known);
  if (joined === known) return present;
  return joined === memory ? saved : encodeRightsMemory(joined);
}
