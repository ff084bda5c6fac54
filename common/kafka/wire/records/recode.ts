import { CausewayError } from '../../../errors/error.js';
import {
  attributes as attributesOf,
  type BatchSlice,
  baseOffset,
  baseTimestamp,
  LOG_APPEND_TIME_BIT,
  lastOffsetDelta,
  maxTimestamp,
  NO_PRODUCER_EPOCH,
  NO_PRODUCER_ID,
  NO_SEQUENCE,
  partitionLeaderEpoch,
  recordCount,
} from './batch-header.js';
import { batchAround, sealBatch } from './batch-writer.js';
import { CODEC_NAMES, type CodecName, canCompress, codecOf, compress, loadCodec } from './compression.js';
import { type RecordsRange, recordsOf, verifyCrc } from './record-codec.js';
import { RecordCursor } from './record-cursor.js';
import { varintBytes, writeVarint } from './varint.js';

export interface RecodeOptions {
  /** Records below this source offset are left out. */
  readonly fromOffset?: number;
  /**
   * For LogAppendTime batches: every record keeps its producer's timestamp (default), or takes the append time that the source's readers
   * see. Other batches are not concerned.
   */
  readonly appendTime?: 'producer-time' | 'append-time';
}

/** A source batch made dense: it may be forwarded like any other (its image sets offset, producer and sequence). */
export interface RecodedBatch {
  /** Base offset = firstOffset, leader epoch as at the source, no producer, bits 3-6 clear, CRC right. */
  readonly batch: BatchSlice;
  readonly recordCount: number;
  /** Source offsets of the first and the last record in it. */
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** Source offset of each record; null where they are firstOffset, firstOffset + 1, ... */
  readonly sourceOffsets: Float64Array | null;
  /** What it is compressed with: the source's codec, or none where that codec cannot be written here. */
  readonly codec: CodecName;
}

/**
 * Renumbers what is left of a compacted batch, or of one that begins before the position, to offset deltas 0..n-1. A change of the header
 * alone would be refused or would corrupt the target's offsets (broker-probes 5). Keys, values, headers and timestamp deltas are copied
 * as bytes; the CRC is verified first, since a new one is computed.
 * The slice is read before the first await and may be a cursor.
 * @returns undefined when no record is left
 * @throws BATCH_CORRUPT, BATCH_UNSUPPORTED
 */
export async function recodeBatch(source: BatchSlice, options: RecodeOptions = {}): Promise<RecodedBatch | undefined> {
  const { buffer, start, length } = source;
  await loadCodec(codecOf(attributesOf(buffer, start)));
  return recodeLoaded({ buffer, start, length }, options);
}

/** `recodeBatch` where the codec has been loaded. */
export function recodeLoaded(source: BatchSlice, options: RecodeOptions = {}): RecodedBatch | undefined {
  const { buffer, start } = source;
  verifyCrc(source);
  const attributes = attributesOf(buffer, start);
  const flatten = options.appendTime === 'append-time' && (attributes & LOG_APPEND_TIME_BIT) !== 0;
  const dense = renumber(source, recordsOf(source), options.fromOffset ?? 0, flatten);
  if (dense.count === 0) return undefined;
  const wanted = codecOf(attributes);
  const codec = canCompress(wanted) ? wanted : 'none';
  const batch = sealBatch(batchAround(compress(codec, dense.payload)), {
    baseOffset: BigInt(dense.first),
    partitionLeaderEpoch: partitionLeaderEpoch(buffer, start),
    attributes: CODEC_NAMES.indexOf(codec),
    lastOffsetDelta: dense.count - 1,
    baseTimestamp: (flatten ? maxTimestamp : baseTimestamp)(buffer, start),
    maxTimestamp: dense.maxTimestamp,
    producerId: NO_PRODUCER_ID,
    producerEpoch: NO_PRODUCER_EPOCH,
    baseSequence: NO_SEQUENCE,
    recordCount: dense.count,
  });
  const isDense = dense.last - dense.first + 1 === dense.count;
  return {
    batch: { buffer: batch, start: 0, length: batch.length },
    recordCount: dense.count,
    firstOffset: dense.first,
    lastOffset: dense.last,
    sourceOffsets: isDense ? null : dense.offsets.slice(0, dense.count),
    codec,
  };
}

interface DenseRecords {
  readonly payload: Buffer;
  readonly count: number;
  readonly first: number;
  readonly last: number;
  readonly offsets: Float64Array;
  readonly maxTimestamp: bigint;
}

/** New deltas are never longer than the old ones, so the records' present size bounds their new one. */
function renumber(source: BatchSlice, range: RecordsRange, from: number, flatten: boolean): DenseRecords {
  const { buffer, start } = source;
  const base = baseOffset(buffer, start);
  const lastDelta = lastOffsetDelta(buffer, start);
  const claimed = recordCount(buffer, start);
  const record = new RecordCursor().reset(range.buffer, range.start, range.end, claimed);
  const out = Buffer.allocUnsafe(range.end - range.start);
  const offsets = new Float64Array(claimed);
  const latest = new LatestTimestamp(baseTimestamp(buffer, start));
  let at = 0;
  let count = 0;
  let previous = -1;
  while (record.next()) {
    const delta = record.offsetDelta;
    if (delta <= previous || delta > lastDelta) {
      throw new CausewayError(
        'BATCH_CORRUPT',
        `a record’s offset delta ${delta} follows ${previous}, the batch ends at ${lastDelta}`,
        {
          place: { offset: BigInt(base) },
        },
      );
    }
    previous = delta;
    if (base + delta < from) continue;
    at = copyRecord(record, out, at, count, flatten);
    offsets[count++] = base + delta;
    latest.add(record);
  }
  return {
    payload: out.subarray(0, at),
    count,
    first: offsets[0] ?? 0,
    last: offsets[count - 1] ?? 0,
    offsets,
    maxTimestamp: flatten ? maxTimestamp(buffer, start) : latest.value,
  };
}

/** Copies one record with a new offset delta (and, if `flatten`, timestamp delta 0); returns the index behind it. */
function copyRecord(record: RecordCursor, out: Buffer, start: number, offsetDelta: number, flatten: boolean): number {
  const { buffer, bodyStart, timestampStart, offsetStart, contentStart, recordEnd } = record;
  const timestampBytes = flatten ? 1 : offsetStart - timestampStart;
  const contentBytes = recordEnd - contentStart;
  let at = writeVarint(out, start, 1 + timestampBytes + varintBytes(offsetDelta) + contentBytes);
  out[at++] = buffer[bodyStart] as number;
  if (flatten) out[at++] = 0;
  else for (let i = timestampStart; i < offsetStart; i++) out[at++] = buffer[i] as number;
  at = writeVarint(out, at, offsetDelta);
  buffer.copy(out, at, contentStart, recordEnd);
  return at + contentBytes;
}

/** The greatest timestamp of the records seen; bigints only where a Number would not be exact. */
class LatestTimestamp {
  readonly #base: bigint;
  #delta = Number.NEGATIVE_INFINITY;
  #exact: bigint | undefined;

  constructor(base: bigint) {
    this.#base = base;
  }

  add(record: RecordCursor): void {
    const delta = record.timestampDeltaNumber();
    if (delta > this.#delta) this.#delta = delta;
    if (!Number.isNaN(delta)) return;
    const timestamp = BigInt.asIntN(64, this.#base + record.timestampDelta());
    if (this.#exact === undefined || timestamp > this.#exact) this.#exact = timestamp;
  }

  get value(): bigint {
    const near = Number.isFinite(this.#delta) ? BigInt.asIntN(64, this.#base + BigInt(this.#delta)) : undefined;
    if (near === undefined) return this.#exact ?? -1n;
    return this.#exact === undefined || near > this.#exact ? near : this.#exact;
  }
}
