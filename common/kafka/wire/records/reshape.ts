import { CausewayError } from '../../../errors/error.js';
import {
  attributes as attributesOf,
  BATCH_HEADER_BYTES,
  type BatchSlice,
  baseOffset,
  baseTimestamp,
  CODEC_MASK,
  CONTROL_BIT,
  LOG_APPEND_TIME_BIT,
  lastOffsetDelta,
  MAGIC_AT,
  MAGIC_V2,
  MIN_BATCH_BYTES,
  maxTimestamp,
  partitionLeaderEpoch,
  recordCount,
} from './batch-header.js';
import { CODEC_NAMES, type CodecName, canCompress, codecOf, loadCodec } from './compression.js';
import { KeptOffsets } from './kept-offsets.js';
import { LatestTimestamp } from './latest-timestamp.js';
import { MESSAGE_ATTRIBUTES_AT } from './message-cursor.js';
import { denseMessages } from './message-set.js';
import type { DenseRecords, RecodedBatch } from './recoded-batch.js';
import { recordsOf, verifyCrc } from './record-codec.js';
import { copyRecord } from './record-copy.js';
import { RecordCursor } from './record-cursor.js';
import { splitRecords } from './split.js';

export interface ReshapeOptions {
  /** Records below this source offset are left out. */
  readonly fromOffset?: number;
  /** Records at and behind this source offset are left out. */
  readonly untilOffset?: number;
  /** Source offsets that are left out: records the target refuses. */
  readonly omit?: ReadonlySet<number>;
  /**
   * For LogAppendTime batches of magic 2: every record keeps its producer's timestamp (default), or takes the append time that the
   * source's readers see. Magic 1 always gives what readers see: its brokers did not keep the producers' times.
   */
  readonly appendTime?: 'producer-time' | 'append-time';
  /** Default: the source batch's. Uncompressed where the codec cannot be written here. */
  readonly codec?: CodecName;
  /** Of a batch, its 61 header bytes included; a batch of one record may be larger. Default: no limit. */
  readonly maxBytes?: number;
  /** No more batches than this are made: what they do not hold is left out. Default: no limit. */
  readonly maxParts?: number;
  /** Has the last word on the records that are left, dense by then; undefined when it leaves none. */
  readonly rewrite?: (records: DenseRecords) => DenseRecords | undefined;
}

/**
 * A source batch as dense batches of magic 2 that a target accepts: holes of compaction closed, the records before a position or refused
 * ones left out, split, compressed anew, or converted from the message formats 0 and 1. A change of the header alone would be refused or
 * would corrupt the target's offsets (broker-probes 5). Keys, values, headers and timestamps stay as they are; the CRC is verified
 * first, since a new one is computed. The slice is read before the first await and may be a cursor.
 * @returns ascending; none when no record is left
 * @throws BATCH_CORRUPT, BATCH_UNSUPPORTED
 */
export async function reshapeBatch(source: BatchSlice, options: ReshapeOptions = {}): Promise<readonly RecodedBatch[]> {
  const { buffer, start, length } = source;
  const slice = { buffer, start, length };
  const codec = CODEC_NAMES[codecNumber(slice)];
  // One that does not exist is told below, where the CRC has been seen to be right.
  if (codec !== undefined) await loadCodec(codec);
  if (options.codec !== undefined) await loadCodec(options.codec);
  return reshapeLoaded(slice, options);
}

/** `reshapeBatch` where the codecs have been loaded. */
export function reshapeLoaded(source: BatchSlice, options: ReshapeOptions = {}): readonly RecodedBatch[] {
  const isV2 = magicOf(source) === MAGIC_V2;
  const dense = isV2 ? denseRecords(source, options) : denseMessages(source, options);
  const records = dense === undefined || options.rewrite === undefined ? dense : options.rewrite(dense);
  if (records === undefined) return [];
  const present = codecOf(codecNumber(source));
  const wanted = options.codec ?? present;
  const codec = canCompress(wanted) ? wanted : 'none';
  // Where nothing is left out the source says how well it compresses.
  const whole = isV2 && records === dense && records.count === recordCount(source.buffer, source.start);
  const expectedBytes = whole && codec === present ? source.length : undefined;
  const { maxBytes = Number.POSITIVE_INFINITY, maxParts } = options;
  return splitRecords(records, codec, { maxBytes, expectedBytes, maxParts });
}

/** 0, 1 or 2. */
function magicOf({ buffer, start, length }: BatchSlice): number {
  if (length < MIN_BATCH_BYTES) throw tooShort(length);
  const magic = buffer.readInt8(start + MAGIC_AT);
  if (magic < 0 || magic > MAGIC_V2)
    throw new CausewayError('BATCH_UNSUPPORTED', `record format ${magic} is not known`);
  if (magic === MAGIC_V2 && length < BATCH_HEADER_BYTES) throw tooShort(length);
  return magic;
}

function codecNumber(source: BatchSlice): number {
  const { buffer, start } = source;
  const attributes =
    magicOf(source) === MAGIC_V2 ? attributesOf(buffer, start) : buffer.readUInt8(start + MESSAGE_ATTRIBUTES_AT);
  return attributes & CODEC_MASK;
}

function tooShort(length: number): CausewayError {
  return new CausewayError('BATCH_CORRUPT', `a batch of ${length} bytes is too short`);
}

/**
 * What is left of a batch of magic 2, renumbered; undefined when nothing is. As long as records keep their number they are not copied.
 * New deltas are never longer than the old ones, so the records' present size bounds their new one.
 */
function denseRecords(source: BatchSlice, options: ReshapeOptions): DenseRecords | undefined {
  const { buffer, start } = source;
  verifyCrc(source);
  const attributes = attributesOf(buffer, start);
  if ((attributes & CONTROL_BIT) !== 0)
    throw new CausewayError('BATCH_UNSUPPORTED', 'a control batch holds no records');
  const claimed = recordCount(buffer, start);
  if (claimed === 0 && source.length === BATCH_HEADER_BYTES) return undefined;
  const flatten = options.appendTime === 'append-time' && (attributes & LOG_APPEND_TIME_BIT) !== 0;
  const range = recordsOf(source);
  const record = new RecordCursor().reset(range.buffer, range.start, range.end, claimed);
  const base = baseOffset(buffer, start);
  const { fromOffset: from = 0, untilOffset: until = Number.POSITIVE_INFINITY } = options;
  const omit = options.omit !== undefined && options.omit.size > 0 ? options.omit : undefined;
  const order = new DeltaOrder(base, lastOffsetDelta(buffer, start));
  const kept = new KeptOffsets(claimed);
  const latest = new LatestTimestamp(baseTimestamp(buffer, start));
  let out: Buffer | undefined;
  let at = 0;
  while (record.next()) {
    const offset = base + order.next(record.offsetDelta);
    const leftOut = offset < from || offset >= until || (omit?.has(offset) ?? false);
    if (out === undefined && (leftOut || flatten || record.offsetDelta !== kept.count)) {
      out = Buffer.allocUnsafe(range.end - range.start);
      at = range.buffer.copy(out, 0, range.start, record.recordStart);
    }
    if (leftOut) continue;
    if (out !== undefined) at = copyRecord(record, out, at, kept.count, flatten);
    kept.add(offset);
    if (!flatten) latest.add(record);
  }
  if (kept.count === 0) return undefined;
  return {
    ...(out === undefined ? range : { buffer: out, start: 0, end: at }),
    ...kept.result(),
    baseTimestamp: (flatten ? maxTimestamp : baseTimestamp)(buffer, start),
    maxTimestamp: flatten ? maxTimestamp(buffer, start) : latest.value,
    leaderEpoch: partitionLeaderEpoch(buffer, start),
  };
}

/** Offset deltas must grow and stay inside the batch. */
class DeltaOrder {
  readonly #base: number;
  readonly #last: number;
  #previous = -1;

  constructor(base: number, last: number) {
    this.#base = base;
    this.#last = last;
  }

  next(delta: number): number {
    if (delta <= this.#previous || delta > this.#last) {
      const message = `a record’s offset delta ${delta} follows ${this.#previous}, the batch ends at ${this.#last}`;
      throw new CausewayError('BATCH_CORRUPT', message, { place: { offset: BigInt(this.#base) } });
    }
    this.#previous = delta;
    return delta;
  }
}
