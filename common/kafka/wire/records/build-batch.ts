import {
  CONTROL_BIT,
  DELETE_HORIZON_BIT,
  LOG_APPEND_TIME_BIT,
  NO_LEADER_EPOCH,
  NO_PRODUCER_EPOCH,
  NO_PRODUCER_ID,
  NO_SEQUENCE,
  TRANSACTIONAL_BIT,
} from './batch-header.js';
import { batchAround, sealBatch } from './batch-writer.js';
import { CODEC_NAMES, type CodecName, compress } from './compression.js';
import type { KafkaRecord } from './record-codec.js';
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from './varint.js';

/** Everything defaults to what a plain producer sends: base offset 0, no identity, no codec, dense offsets. */
export interface BuildBatchOptions {
  /** Needs `loadCodec` before, but for none and gzip. */
  readonly codec?: CodecName;
  readonly baseOffset?: bigint;
  readonly partitionLeaderEpoch?: number;
  readonly producerId?: bigint;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly transactional?: boolean;
  readonly control?: boolean;
  /** Sets bit 3 and maxTimestamp, as a LogAppendTime topic's broker does. */
  readonly logAppendTime?: bigint;
  /** Sets bit 6 and baseTimestamp, as the cleaner does. */
  readonly deleteHorizon?: bigint;
  /** Offset deltas of the records, as compaction leaves them; default 0, 1, 2... */
  readonly offsetDeltas?: readonly number[];
  /** Default: the last record's delta (0 for none). */
  readonly lastOffsetDelta?: number;
}

/** Encodes a v2 batch (KIP-98). For tools, load generators, markers and tests; the data path forwards or recodes. */
export function buildBatch(records: readonly KafkaRecord[], options: BuildBatchOptions = {}): Buffer {
  const codec = options.codec ?? 'none';
  const base = options.deleteHorizon ?? records[0]?.timestamp ?? -1n;
  const deltas = options.offsetDeltas ?? records.map((_, index) => index);
  let max = -1n;
  for (const { timestamp } of records) if (timestamp > max) max = timestamp;
  const attributes =
    CODEC_NAMES.indexOf(codec) |
    (options.logAppendTime === undefined ? 0 : LOG_APPEND_TIME_BIT) |
    (options.transactional === true ? TRANSACTIONAL_BIT : 0) |
    (options.control === true ? CONTROL_BIT : 0) |
    (options.deleteHorizon === undefined ? 0 : DELETE_HORIZON_BIT);
  return sealBatch(batchAround(compress(codec, encodeRecords(records, base, deltas))), {
    baseOffset: options.baseOffset ?? 0n,
    partitionLeaderEpoch: options.partitionLeaderEpoch ?? NO_LEADER_EPOCH,
    attributes,
    lastOffsetDelta: options.lastOffsetDelta ?? deltas.at(-1) ?? 0,
    baseTimestamp: base,
    maxTimestamp: options.logAppendTime ?? max,
    producerId: options.producerId ?? NO_PRODUCER_ID,
    producerEpoch: options.producerEpoch ?? NO_PRODUCER_EPOCH,
    baseSequence: options.baseSequence ?? NO_SEQUENCE,
    recordCount: records.length,
  });
}

function encodeRecords(records: readonly KafkaRecord[], base: bigint, deltas: readonly number[]): Buffer {
  let total = 0;
  const lengths = records.map((record, index) => {
    const length = bodyBytes(record, BigInt.asIntN(64, record.timestamp - base), deltas[index] as number);
    total += varintBytes(length) + length;
    return length;
  });
  const out = Buffer.allocUnsafe(total);
  let at = 0;
  records.forEach((record, index) => {
    at = writeVarint(out, at, lengths[index] as number);
    out[at++] = 0;
    at = writeVarlong(out, at, BigInt.asIntN(64, record.timestamp - base));
    at = writeVarint(out, at, deltas[index] as number);
    at = writeBytes(out, at, record.key);
    at = writeBytes(out, at, record.value);
    at = writeVarint(out, at, record.headers.length);
    for (const [key, value] of record.headers) at = writeBytes(out, writeBytes(out, at, key), value);
  });
  return out;
}

function bodyBytes(record: KafkaRecord, timestampDelta: bigint, offsetDelta: number): number {
  let total = 1 + varlongBytes(timestampDelta) + varintBytes(offsetDelta);
  total += fieldBytes(record.key) + fieldBytes(record.value) + varintBytes(record.headers.length);
  for (const [key, value] of record.headers) total += fieldBytes(key) + fieldBytes(value);
  return total;
}

function fieldBytes(field: Buffer | null): number {
  return field === null ? varintBytes(-1) : varintBytes(field.length) + field.length;
}

function writeBytes(out: Buffer, at: number, field: Buffer | null): number {
  if (field === null) return writeVarint(out, at, -1);
  const start = writeVarint(out, at, field.length);
  field.copy(out, start);
  return start + field.length;
}
