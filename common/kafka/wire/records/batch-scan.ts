import { CausewayError } from '../../../errors/error.js';
import {
  attributes as attributesOf,
  BATCH_HEADER_BYTES,
  BATCH_PREFIX_BYTES,
  type BatchSlice,
  batchBytes,
  lastOffsetDelta,
  MAGIC_AT,
  MAGIC_V2,
  MAX_BATCH_BYTES,
  MIN_BATCH_BYTES,
  readOffset,
  recordCount,
} from './batch-header.js';

const NOTHING = Buffer.alloc(0);

/** The header fields a decision about a batch needs; BatchCursor is one. */
export interface BatchView extends BatchSlice {
  readonly magic: number;
  readonly attributes: number;
  readonly baseOffset: number;
  /** Offset of the batch's last place, whether or not a record is still there. */
  readonly lastOffset: number;
  /** -1 for magic 0 and 1. */
  readonly recordCount: number;
}

/**
 * Walks the concatenated batches of a fetch response without allocating: `while (cursor.next()) {...}`; the fields speak of
 * the current batch until the next call. A batch that the response cuts off ends the walk (`partial`): it must be fetched again.
 *
 * `recordCount`, `lastOffset` and the length are plausible afterwards (lastOffsetDelta + 1 >= recordCount >= 0); the payload has
 * not been looked at. For magic 0 and 1 `baseOffset` = `lastOffset` = the entry's own offset (a compressed wrapper's is that of its last
 * message, so those before it lie below), `attributes` 0, `recordCount` -1.
 */
export class BatchCursor implements BatchView {
  buffer: Buffer = NOTHING;
  start = 0;
  length = 0;
  magic = 0;
  attributes = 0;
  baseOffset = 0;
  lastOffset = 0;
  recordCount = 0;
  /** True once the walk has ended at a batch that is not all there. */
  partial = false;
  /** Bytes of that batch as its header claims them, 0 when not even those are there. */
  partialBytes = 0;
  #next = 0;
  #end = 0;

  constructor(records: Buffer = NOTHING) {
    this.reset(records);
  }

  /** Starts over on other bytes. */
  reset(records: Buffer): this {
    this.buffer = records;
    this.start = 0;
    this.length = 0;
    this.#next = 0;
    this.#end = records.length;
    this.partial = false;
    this.partialBytes = 0;
    return this;
  }

  /**
   * Moves to the next whole batch; false at the end.
   * @throws BATCH_CORRUPT on lengths, counts or offsets that no log holds; the cursor then stays where it is.
   */
  next(): boolean {
    const start = this.#next;
    const buffer = this.buffer;
    const left = this.#end - start;
    if (left < BATCH_PREFIX_BYTES) {
      this.partial = left > 0;
      return false;
    }
    const length = batchBytes(buffer, start);
    if (length < MIN_BATCH_BYTES || length > MAX_BATCH_BYTES) throw corrupt(buffer, start, `claims ${length} bytes`);
    if (length > left) {
      this.partial = true;
      this.partialBytes = length;
      return false;
    }
    this.#load(buffer, start, length);
    this.start = start;
    this.length = length;
    this.#next = start + length;
    return true;
  }

  #load(buffer: Buffer, start: number, length: number): void {
    const magic = buffer.readInt8(start + MAGIC_AT);
    const base = readOffset(buffer, start);
    if (magic !== MAGIC_V2) {
      this.magic = magic;
      this.attributes = 0;
      this.baseOffset = base;
      this.lastOffset = base;
      this.recordCount = -1;
      return;
    }
    if (length < BATCH_HEADER_BYTES) throw corrupt(buffer, start, `of magic 2 has only ${length} bytes`);
    const delta = lastOffsetDelta(buffer, start);
    const count = recordCount(buffer, start);
    if (delta < 0 || count < 0 || count > delta + 1) {
      throw corrupt(buffer, start, `claims ${count} records and a last offset delta of ${delta}`);
    }
    if (base + delta > Number.MAX_SAFE_INTEGER) throw corrupt(buffer, start, 'reaches beyond offset 2^53');
    this.magic = magic;
    this.attributes = attributesOf(buffer, start);
    this.baseOffset = base;
    this.lastOffset = base + delta;
    this.recordCount = count;
  }
}

function corrupt(buffer: Buffer, start: number, what: string): CausewayError {
  return new CausewayError('BATCH_CORRUPT', `a record batch ${what}`, {
    place: { offset: buffer.readBigInt64BE(start) },
    fix: 'Check the source broker’s disk and log; the partition cannot be read past this batch.',
  });
}

/** A cursor over the batches of a fetch response; keep one and `reset` it where allocation matters. */
export function scanBatches(records: Buffer): BatchCursor {
  return new BatchCursor(records);
}
