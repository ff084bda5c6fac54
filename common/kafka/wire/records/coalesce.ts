import { CausewayError } from '../../../errors/error.js';
import {
  attributes as attributesOf,
  BASE_TIMESTAMP_AT,
  BATCH_HEADER_BYTES,
  type BatchSlice,
  baseOffset,
  baseTimestamp,
  CODEC_MASK,
  CONTROL_BIT,
  lastOffsetDelta,
  MAGIC_AT,
  MAGIC_V2,
  partitionLeaderEpoch,
  recordCount,
} from './batch-header.js';
import { batchAround } from './batch-writer.js';
import { type CodecName, canCompress, codecOf, compress, MAX_DECOMPRESSED_BYTES } from './compression.js';
import { KeptOffsets } from './kept-offsets.js';
import { LatestTimestamp } from './latest-timestamp.js';
import { type RecodedBatch, sealAround } from './recoded-batch.js';
import { type RecordsRange, recordsOf, verifyCrc } from './record-codec.js';
import { MIN_RECORD_BYTES, RecordCursor } from './record-cursor.js';
import {
  varintBytes,
  varlongBytes,
  varlongNumberBytes,
  writeVarint,
  writeVarlong,
  writeVarlongNumber,
} from './varint.js';

export interface CoalesceOptions {
  /** Default: the first batch's. Uncompressed where it cannot be written here. */
  readonly codec?: CodecName;
  /** Of records, not compressed. Default (and limit): MAX_DECOMPRESSED_BYTES. */
  readonly maxContentBytes?: number;
}

const TWO_32 = 0x1_0000_0000;
/** High words this close give differences below 2^50; with a delta of 49 bits the sum stays exact. */
const MAX_EXACT_HIGH = 0x4_0000;
const LARGEST_VARLONG_BYTES = 10;

/**
 * Several batches of one source partition as one: each of magic 2, with records, without holes, no marker; offsets ascend and may leave
 * gaps between the batches. Keys, values, headers and timestamps stay as they are (the producers' in LogAppendTime batches, as where
 * a batch passes raw). Every CRC is verified. The codecs must have been loaded. Leader epoch: the last batch's.
 * @throws BATCH_CORRUPT; BATCH_UNSUPPORTED for other batches than these, and beyond `maxContentBytes`
 */
export function coalesceBatches(sources: readonly BatchSlice[], options: CoalesceOptions = {}): RecodedBatch {
  const first = sources[0];
  const last = sources.at(-1);
  if (first === undefined || last === undefined)
    throw new CausewayError('INTERNAL_INVARIANT', 'no batches to coalesce');
  const plan = survey(sources, Math.min(options.maxContentBytes ?? MAX_DECOMPRESSED_BYTES, MAX_DECOMPRESSED_BYTES));
  const wanted = options.codec ?? codecOf(attributesOf(first.buffer, first.start));
  const codec = canCompress(wanted) ? wanted : 'none';
  const merger = new Merger(plan, baseTimestamp(first.buffer, first.start));
  for (let i = 0; i < sources.length; i++) merger.add(sources[i] as BatchSlice, i);
  const { out, end, offsets, latest } = merger;
  const whole = out.subarray(0, end);
  const batch = codec === 'none' ? whole : batchAround(compress(codec, whole.subarray(BATCH_HEADER_BYTES)));
  const records = {
    buffer: batch,
    start: BATCH_HEADER_BYTES,
    end,
    ...offsets.result(),
    baseTimestamp: baseTimestamp(first.buffer, first.start),
    maxTimestamp: latest.value,
    leaderEpoch: partitionLeaderEpoch(last.buffer, last.start),
  };
  return sealAround(batch, records, codec);
}

interface Plan {
  /** By the batch's index; only where it had to be decompressed. */
  readonly contents: ReadonlyMap<number, RecordsRange>;
  /** What each batch's timestamp deltas lack to be relative to the first one's base; NaN where a Number would not be exact. */
  readonly timestampShifts: Float64Array;
  readonly recordCount: number;
  /** What the records can take at most in one batch. */
  readonly maxBytes: number;
}

/** Checks the headers and CRCs, decompresses, and adds up. */
function survey(sources: readonly BatchSlice[], maxContentBytes: number): Plan {
  const contents = new Map<number, RecordsRange>();
  const timestampShifts = new Float64Array(sources.length);
  let records = 0;
  let bytes = 0;
  let growth = 0;
  let previous = -1;
  const first = sources[0] as BatchSlice;
  for (let i = 0; i < sources.length; i++) {
    const source = sources[i] as BatchSlice;
    const { buffer, start, length } = source;
    const count = checkedCount(source);
    const base = baseOffset(buffer, start);
    if (base <= previous)
      throw new CausewayError('BATCH_CORRUPT', `a batch of offset ${base} follows offset ${previous}`);
    previous = base + count - 1;
    verifyCrc(source);
    let recordBytes = length - BATCH_HEADER_BYTES;
    if ((attributesOf(buffer, start) & CODEC_MASK) !== 0) {
      const content = recordsOf(source, Math.max(0, maxContentBytes - bytes));
      contents.set(i, content);
      recordBytes = content.end - content.start;
    }
    bytes += recordBytes;
    records += count;
    const shift = timestampShift(source, first);
    timestampShifts[i] = shift;
    growth += count * (Number.isNaN(shift) ? LARGEST_VARLONG_BYTES : varlongNumberBytes(shift));
    // Before anything is allocated by it: what hostile batches make us hold stays bounded.
    if (count * MIN_RECORD_BYTES > recordBytes)
      throw new CausewayError('BATCH_CORRUPT', `${recordBytes} bytes cannot hold the ${count} records claimed`);
    if (bytes > maxContentBytes)
      throw new CausewayError('BATCH_UNSUPPORTED', `${bytes} bytes of records are too many for one batch`);
  }
  // An offset delta grows by what the last one takes but one byte, and a record's length in front of it by that one.
  return { contents, timestampShifts, recordCount: records, maxBytes: bytes + growth + records * varintBytes(records) };
}

/** The records' number of a batch that may be merged. */
function checkedCount({ buffer, start, length }: BatchSlice): number {
  if (length < BATCH_HEADER_BYTES || buffer.readInt8(start + MAGIC_AT) !== MAGIC_V2)
    throw new CausewayError('BATCH_UNSUPPORTED', 'only batches of format 2 can be coalesced');
  const count = recordCount(buffer, start);
  if ((attributesOf(buffer, start) & CONTROL_BIT) !== 0 || count < 1 || count !== lastOffsetDelta(buffer, start) + 1)
    throw new CausewayError('BATCH_UNSUPPORTED', 'markers and batches with holes cannot be coalesced');
  return count;
}

function timestampShift(source: BatchSlice, first: BatchSlice): number {
  const at = source.start + BASE_TIMESTAMP_AT;
  const origin = first.start + BASE_TIMESTAMP_AT;
  const high = source.buffer.readInt32BE(at) - first.buffer.readInt32BE(origin);
  if (high > MAX_EXACT_HIGH || high < -MAX_EXACT_HIGH) return Number.NaN;
  return high * TWO_32 + (source.buffer.readUInt32BE(at + 4) - first.buffer.readUInt32BE(origin + 4));
}

/** Writes the records of one batch after the other behind room for a header. */
class Merger {
  readonly out: Buffer;
  readonly offsets: KeptOffsets;
  readonly latest: LatestTimestamp;
  end = BATCH_HEADER_BYTES;
  readonly #plan: Plan;
  readonly #base: bigint;
  readonly #record = new RecordCursor();

  constructor(plan: Plan, base: bigint) {
    this.out = Buffer.allocUnsafeSlow(BATCH_HEADER_BYTES + plan.maxBytes);
    this.offsets = new KeptOffsets(plan.recordCount);
    this.#plan = plan;
    this.#base = base;
    this.latest = new LatestTimestamp(base);
  }

  add(source: BatchSlice, index: number): void {
    const { buffer, start, length } = source;
    const count = recordCount(buffer, start);
    const record = this.#record;
    const content = this.#plan.contents.get(index);
    if (content === undefined) record.reset(buffer, start + BATCH_HEADER_BYTES, start + length, count);
    else record.reset(content.buffer, content.start, content.end, count);
    const shift = this.#plan.timestampShifts[index] as number;
    const before = this.offsets.count;
    for (let i = 0; record.next(); i++) {
      if (record.offsetDelta !== i)
        throw new CausewayError(
          'BATCH_CORRUPT',
          `record ${i} of a batch without holes has the delta ${record.offsetDelta}`,
        );
      const delta = shift + record.timestampDeltaNumber();
      if (Number.isNaN(delta)) this.#writeExact(source, before + i);
      else this.#write(delta, before + i);
    }
    this.offsets.addRun(baseOffset(buffer, start), count);
  }

  #write(timestampDelta: number, offsetDelta: number): void {
    this.latest.addDelta(timestampDelta);
    const at = this.#writeLength(varlongNumberBytes(timestampDelta), offsetDelta);
    this.#writeContent(writeVarlongNumber(this.out, at, timestampDelta), offsetDelta);
  }

  /** Timestamps so far apart that only a bigint holds the difference. */
  #writeExact(source: BatchSlice, offsetDelta: number): void {
    const timestamp = BigInt.asIntN(64, baseTimestamp(source.buffer, source.start) + this.#record.timestampDelta());
    const delta = BigInt.asIntN(64, timestamp - this.#base);
    this.latest.addExact(timestamp);
    const at = this.#writeLength(varlongBytes(delta), offsetDelta);
    this.#writeContent(writeVarlong(this.out, at, delta), offsetDelta);
  }

  #writeLength(timestampBytes: number, offsetDelta: number): number {
    const { buffer, bodyStart, contentStart, recordEnd } = this.#record;
    const bytes = 1 + timestampBytes + varintBytes(offsetDelta) + recordEnd - contentStart;
    const at = writeVarint(this.out, this.end, bytes);
    this.out[at] = buffer[bodyStart] as number;
    return at + 1;
  }

  #writeContent(start: number, offsetDelta: number): void {
    const { buffer, contentStart, recordEnd } = this.#record;
    const at = writeVarint(this.out, start, offsetDelta);
    buffer.copy(this.out, at, contentStart, recordEnd);
    this.end = at + recordEnd - contentStart;
  }
}
