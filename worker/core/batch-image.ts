import { CausewayError } from '../../common/errors/error.js';
import {
  ATTRIBUTES_AT,
  BASE_SEQUENCE_AT,
  BATCH_HEADER_BYTES,
  type BatchSlice,
  CONTROL_BIT,
  CRC_AT,
  DELETE_HORIZON_BIT,
  LEADER_EPOCH_AT,
  LOG_APPEND_TIME_BIT,
  MAGIC_AT,
  MAGIC_V2,
  PRODUCER_EPOCH_AT,
  PRODUCER_ID_AT,
  RECORD_COUNT_AT,
  TRANSACTIONAL_BIT,
} from '../../common/kafka/wire/records/batch-header.js';
import { patchCrc32c } from '../../common/kafka/wire/records/crc-delta.js';

/** A producer id in halves, so that writing a header needs no bigint. Made once per lane. */
export interface ProducerIdentity {
  readonly idHigh: number;
  readonly idLow: number;
  readonly epoch: number;
  /** Attribute bits of its batches: the transactional one, or none. */
  readonly bits: number;
}

/** What is sent: 61 header bytes of our own and a view of the source's payload (not copied). */
export interface BatchImage {
  readonly header: Buffer;
  readonly payload: Buffer;
}

/**
 * Append time would be refused by LogAppendTime topics; a transactional bit without a transaction is stored unguarded; a delete
 * horizon would make the target's cleaner drop tombstones on the source's deadline (all measured, broker-probes 1 and 6).
 */
const CLEARED_BITS = LOG_APPEND_TIME_BIT | TRANSACTIONAL_BIT | DELETE_HORIZON_BIT;
const SEQUENCE_MODULUS = 0x8000_0000;

/** @throws INTERNAL_INVARIANT on the "no producer" values: batches are never forwarded without an identity. */
export function producerIdentity(producerId: bigint, epoch: number, transactional = false): ProducerIdentity {
  if (producerId < 0n || epoch < 0 || epoch > 0x7fff) {
    throw new CausewayError(
      'INTERNAL_INVARIANT',
      `producer ${producerId} with epoch ${epoch} is no identity to write under`,
    );
  }
  const bits = transactional ? TRANSACTIONAL_BIT : 0;
  return { idHigh: Number(producerId >> 32n), idLow: Number(producerId & 0xffff_ffffn), epoch, bits };
}

/** The sequence after a batch of `count` records: wraps from 2^31-1 to 0 as the broker does. */
export function nextSequence(sequence: number, count: number): number {
  return (sequence + count) % SEQUENCE_MODULUS;
}

/**
 * Writes the 61 header bytes under which a source batch goes to the target, at `out[outAt..]`: base offset 0, leader epoch -1, our
 * producer, the bits above cleared but for the producer's own, the CRC corrected for exactly that. The source is only read. Same arguments, same bytes:
 * a resend may be made anew.
 * @throws INTERNAL_INVARIANT for what may never be produced: another magic, a control batch, a sequence outside 0..2^31-1.
 */
export function writeImageHeader(
  out: Buffer,
  outAt: number,
  source: BatchSlice,
  producer: ProducerIdentity,
  baseSequence: number,
): void {
  const { buffer, start, length } = source;
  const attributes = buffer.readUInt16BE(start + ATTRIBUTES_AT);
  if (
    buffer[start + MAGIC_AT] !== MAGIC_V2 ||
    (attributes & CONTROL_BIT) !== 0 ||
    baseSequence < 0 ||
    length < BATCH_HEADER_BYTES
  ) {
    throw refused(source, attributes, baseSequence);
  }
  buffer.copy(out, outAt, start, start + BATCH_HEADER_BYTES);
  out.writeInt32BE(0, outAt);
  out.writeInt32BE(0, outAt + 4);
  out.writeInt32BE(-1, outAt + LEADER_EPOCH_AT);
  out.writeUInt16BE((attributes & ~CLEARED_BITS) | producer.bits, outAt + ATTRIBUTES_AT);
  out.writeInt32BE(producer.idHigh, outAt + PRODUCER_ID_AT);
  out.writeUInt32BE(producer.idLow, outAt + PRODUCER_ID_AT + 4);
  out.writeInt16BE(producer.epoch, outAt + PRODUCER_EPOCH_AT);
  out.writeInt32BE(baseSequence, outAt + BASE_SEQUENCE_AT);
  const oldCrc = buffer.readUInt32BE(start + CRC_AT);
  const changed = RECORD_COUNT_AT - ATTRIBUTES_AT;
  const crc = patchCrc32c(
    oldCrc,
    buffer,
    start + ATTRIBUTES_AT,
    out,
    outAt + ATTRIBUTES_AT,
    changed,
    length - RECORD_COUNT_AT,
  );
  out.writeUInt32BE(crc, outAt + CRC_AT);
}

/** `writeImageHeader` into a header of its own, beside a view of the payload. */
export function batchImage(source: BatchSlice, producer: ProducerIdentity, baseSequence: number): BatchImage {
  const header = Buffer.allocUnsafe(BATCH_HEADER_BYTES);
  writeImageHeader(header, 0, source, producer, baseSequence);
  return { header, payload: source.buffer.subarray(source.start + BATCH_HEADER_BYTES, source.start + source.length) };
}

function refused(source: BatchSlice, attributes: number, baseSequence: number): CausewayError {
  return new CausewayError(
    'INTERNAL_INVARIANT',
    `a batch of magic ${source.buffer[source.start + MAGIC_AT]}, ${source.length} bytes, attributes ${attributes}, sequence ${baseSequence} may not be produced`,
  );
}
