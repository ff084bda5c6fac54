import { type BatchSlice, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE } from './batch-header.js';
import { batchAround, sealBatch } from './batch-writer.js';
import { CODEC_NAMES, type CodecName, compress } from './compression.js';

/** A source batch, or several, made dense: it may be forwarded like any other (its image sets offset, producer and sequence). */
export interface RecodedBatch {
  /** Base offset = firstOffset, leader epoch as at the source, no producer, bits 3-6 clear, CRC right. */
  readonly batch: BatchSlice;
  readonly recordCount: number;
  /** Source offsets of the first and the last record in it. */
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** Source offset of each record; null where they are firstOffset, firstOffset + 1, ... */
  readonly sourceOffsets: Float64Array | null;
  /** What it is compressed with. */
  readonly codec: CodecName;
}

/** Records of magic 2 under offset deltas 0..count-1, not compressed: what every rewriting comes to first. At least one record. */
export interface DenseRecords {
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
  readonly count: number;
  /** Source offset of each record; null where they follow each other from firstOffset on. */
  readonly offsets: Float64Array | null;
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** What the records' timestamp deltas are relative to. */
  readonly baseTimestamp: bigint;
  readonly maxTimestamp: bigint;
  readonly leaderEpoch: number;
}

/** @throws BATCH_UNSUPPORTED unless `canCompress(codec)` */
export function sealRecords(records: DenseRecords, codec: CodecName): RecodedBatch {
  const payload = compress(codec, records.buffer.subarray(records.start, records.end));
  return sealAround(batchAround(payload), records, codec);
}

/** `sealRecords` where the payload lies in its batch already, behind 61 bytes that are filled now. */
export function sealAround(batch: Buffer, records: DenseRecords, codec: CodecName): RecodedBatch {
  const { count, firstOffset, lastOffset, offsets } = records;
  sealBatch(batch, {
    baseOffset: BigInt(firstOffset),
    partitionLeaderEpoch: records.leaderEpoch,
    attributes: CODEC_NAMES.indexOf(codec),
    lastOffsetDelta: count - 1,
    baseTimestamp: records.baseTimestamp,
    maxTimestamp: records.maxTimestamp,
    producerId: NO_PRODUCER_ID,
    producerEpoch: NO_PRODUCER_EPOCH,
    baseSequence: NO_SEQUENCE,
    recordCount: count,
  });
  const slice = { buffer: batch, start: 0, length: batch.length };
  return { batch: slice, recordCount: count, firstOffset, lastOffset, sourceOffsets: offsets, codec };
}
