import { CausewayError } from '../../../errors/error.js';
import { type BatchSlice, CODEC_MASK, LOG_APPEND_TIME_BIT, NO_LEADER_EPOCH } from './batch-header.js';
import { codecOf, decompress } from './compression.js';
import { KeptOffsets } from './kept-offsets.js';
import { MessageCursor, messageFault } from './message-cursor.js';
import type { DenseRecords } from './recoded-batch.js';
import {
  varintBytes,
  varlongBytes,
  varlongNumberBytes,
  writeVarint,
  writeVarlong,
  writeVarlongNumber,
} from './varint.js';

const NO_TIMESTAMP = -1n;
const NO_TIMESTAMP_WORD = -1;
/** A record of magic 2 takes at most this much more than its message: only where timestamps are far apart. */
const MAX_GROWTH_BYTES = 6;
const TWO_32 = 0x1_0000_0000;
/** High words this close give differences below 2^50. */
const MAX_EXACT_HIGH = 0x4_0000;

/** Which messages of an entry are wanted. */
export interface MessageSelection {
  readonly fromOffset?: number;
  readonly untilOffset?: number;
  readonly omit?: ReadonlySet<number>;
}

/**
 * The records of one entry of an old message set (magic 0 or 1: a message, or a wrapper around compressed ones) as those of magic 2.
 * Inside a wrapper of magic 1 offsets are relative and the wrapper's own is that of the last message; in magic 0 they are absolute
 * (KIP-31). Where a wrapper of magic 1 has the LogAppendTime bit its timestamp is that of every message (KIP-32); magic 0 has none.
 * The codec must be loaded. The broker of the source tells no leader epoch here.
 * @returns undefined when none is left
 * @throws BATCH_CORRUPT (wrong CRC-32 too), BATCH_UNSUPPORTED
 */
export function denseMessages(source: BatchSlice, selection: MessageSelection): DenseRecords | undefined {
  const { buffer, start, length } = source;
  const entry = new MessageCursor().reset(buffer, start, start + length);
  if (!entry.next() || entry.end !== start + length) throw messageFault('a message is cut off');
  const codec = codecOf(entry.attributes & CODEC_MASK);
  if (codec === 'zstd') throw new CausewayError('BATCH_UNSUPPORTED', 'messages before format 2 know no zstd');
  if (codec === 'none') {
    const plain = new MessageCursor().reset(buffer, start, start + length);
    return converted(plain, { count: 1, firstOffset: 0, appendTime: undefined, bytes: length }, selection);
  }
  if (entry.valueLength < 0) throw messageFault('a compressed message set has no content');
  const content = decompress(codec, buffer.subarray(entry.valueStart, entry.valueStart + entry.valueLength));
  const inner = new MessageCursor();
  const { count, lastOffset } = survey(inner.reset(content, 0, content.length));
  const firstOffset = entry.magic === 1 ? entry.offset - lastOffset : 0;
  if (firstOffset < 0 || firstOffset + lastOffset > entry.offset) {
    throw messageFault(`a compressed message set at offset ${entry.offset} holds messages up to ${lastOffset}`);
  }
  const appended = entry.magic === 1 && (entry.attributes & LOG_APPEND_TIME_BIT) !== 0;
  const appendTime = appended ? buffer.readBigInt64BE(entry.timestampStart) : undefined;
  const facts = { count, firstOffset, appendTime, bytes: content.length };
  return converted(inner.reset(content, 0, content.length), facts, selection);
}

interface MessageFacts {
  readonly count: number;
  /** What the messages' offsets are relative to. */
  readonly firstOffset: number;
  /** Overrules the timestamps of messages that have one. */
  readonly appendTime: bigint | undefined;
  readonly bytes: number;
}

/** Counts a wrapper's messages, which must be plain and in order. */
function survey(inner: MessageCursor): { count: number; lastOffset: number } {
  let count = 0;
  let lastOffset = -1;
  while (inner.next()) {
    if ((inner.attributes & CODEC_MASK) !== 0) throw messageFault('a compressed message set holds another one');
    if (inner.offset <= lastOffset) throw messageFault(`a message of offset ${inner.offset} follows ${lastOffset}`);
    lastOffset = inner.offset;
    count++;
  }
  if (count === 0) throw messageFault('a compressed message set holds no message');
  return { count, lastOffset };
}

function converted(message: MessageCursor, facts: MessageFacts, selection: MessageSelection): DenseRecords | undefined {
  const { fromOffset: from = 0, untilOffset: until = Number.POSITIVE_INFINITY } = selection;
  const omit = selection.omit !== undefined && selection.omit.size > 0 ? selection.omit : undefined;
  const out = Buffer.allocUnsafe(facts.bytes + facts.count * MAX_GROWTH_BYTES);
  const kept = new KeptOffsets(facts.count);
  const times = new MessageTimes(facts.appendTime);
  let at = 0;
  while (message.next()) {
    const offset = facts.firstOffset + message.offset;
    if (offset < from || offset >= until || (omit?.has(offset) ?? false)) continue;
    times.load(message);
    at = writeRecord(message, times, out, at, kept.count);
    kept.add(offset);
  }
  if (kept.count === 0) return undefined;
  return {
    buffer: out,
    start: 0,
    end: at,
    ...kept.result(),
    baseTimestamp: times.base,
    maxTimestamp: times.latest,
    leaderEpoch: NO_LEADER_EPOCH,
  };
}

/** Magic 2: attributes 0, the deltas, key, value, no headers. */
function writeRecord(
  message: MessageCursor,
  times: MessageTimes,
  out: Buffer,
  start: number,
  offsetDelta: number,
): number {
  const { buffer, keyLength, keyStart, valueLength, valueStart } = message;
  const keyBytes = Math.max(0, keyLength);
  const valueBytes = Math.max(0, valueLength);
  const lengthBytes = varintBytes(keyLength) + varintBytes(valueLength);
  const body = 1 + times.deltaBytes() + varintBytes(offsetDelta) + lengthBytes + keyBytes + valueBytes + 1;
  let at = writeVarint(out, start, body);
  out[at++] = 0;
  at = times.writeDelta(out, at);
  at = writeVarint(out, at, offsetDelta);
  at = writeVarint(out, at, keyLength);
  at += buffer.copy(out, at, keyStart, keyStart + keyBytes);
  at = writeVarint(out, at, valueLength);
  at += buffer.copy(out, at, valueStart, valueStart + valueBytes);
  out[at++] = 0;
  return at;
}

/** The timestamps of the messages, relative to the first one's; bigints only where Numbers are not exact. */
class MessageTimes {
  readonly #appendTime: bigint | undefined;
  #high = 0;
  #low = 0;
  #baseHigh: number | undefined;
  #baseLow = 0;
  #latestHigh = 0;
  #latestLow = 0;
  #delta = 0;

  constructor(appendTime: bigint | undefined) {
    this.#appendTime = appendTime;
  }

  load(message: MessageCursor): void {
    const { buffer, timestampStart } = message;
    if (timestampStart < 0) this.#set(NO_TIMESTAMP_WORD, TWO_32 - 1);
    else if (this.#appendTime === undefined)
      this.#set(buffer.readInt32BE(timestampStart), buffer.readUInt32BE(timestampStart + 4));
    else this.#set(Number(this.#appendTime >> 32n), Number(this.#appendTime & 0xffff_ffffn));
  }

  #set(high: number, low: number): void {
    this.#high = high;
    this.#low = low;
    if (this.#baseHigh === undefined) {
      this.#baseHigh = this.#latestHigh = high;
      this.#baseLow = this.#latestLow = low;
    } else if (high > this.#latestHigh || (high === this.#latestHigh && low > this.#latestLow)) {
      this.#latestHigh = high;
      this.#latestLow = low;
    }
    const distance = high - this.#baseHigh;
    this.#delta = Math.abs(distance) < MAX_EXACT_HIGH ? distance * TWO_32 + (low - this.#baseLow) : Number.NaN;
  }

  deltaBytes(): number {
    return Number.isNaN(this.#delta) ? varlongBytes(this.#exactDelta()) : varlongNumberBytes(this.#delta);
  }

  writeDelta(out: Buffer, at: number): number {
    if (Number.isNaN(this.#delta)) return writeVarlong(out, at, this.#exactDelta());
    return writeVarlongNumber(out, at, this.#delta);
  }

  get base(): bigint {
    return this.#baseHigh === undefined ? NO_TIMESTAMP : joined(this.#baseHigh, this.#baseLow);
  }

  get latest(): bigint {
    return joined(this.#latestHigh, this.#latestLow);
  }

  #exactDelta(): bigint {
    return BigInt.asIntN(64, joined(this.#high, this.#low) - this.base);
  }
}

function joined(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}
