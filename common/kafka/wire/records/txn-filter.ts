import { CausewayError } from '../../../errors/error.js';
import { BATCH_HEADER_BYTES, CODEC_MASK, CONTROL_BIT, PRODUCER_ID_AT, TRANSACTIONAL_BIT } from './batch-header.js';
import type { BatchView } from './batch-scan.js';
import { RecordCursor } from './record-cursor.js';

/** One entry of a fetch response's AbortedTransactions. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  /** Fetch responses give guarded numbers. */
  readonly firstOffset: number | bigint;
}

const ABORT_MARKER = 0;
const TWO_32 = 0x1_0000_0000;
const NONE: readonly AbortedTransaction[] = [];

/** Producer ids that fit are kept as Numbers so that the walk over batches makes no bigint. */
type ProducerKey = number | bigint;

/**
 * Which batches of one partition's part of a read_committed fetch response belong to aborted transactions. The list of a response is
 * complete for any start offset, so the state lives no longer than the response. Whole batches are committed or aborted: only headers
 * and the keys of markers are read.
 *
 * Every batch of the response must be shown, in order, whatever else is decided about it: markers end a transaction.
 */
export class TxnFilter {
  #aborted: readonly AbortedTransaction[] = NONE;
  #upcoming = 0;
  readonly #open = new Set<ProducerKey>();
  readonly #marker = new RecordCursor();

  /** Begins a response. Null or empty: nothing is aborted (null is what read_uncommitted answers). */
  reset(aborted: readonly AbortedTransaction[] | null): this {
    this.#upcoming = 0;
    this.#open.clear();
    if (aborted === null || aborted.length === 0) this.#aborted = NONE;
    else
      this.#aborted = [...aborted].sort((a, b) =>
        a.firstOffset < b.firstOffset ? -1 : a.firstOffset > b.firstOffset ? 1 : 0,
      );
    return this;
  }

  /**
   * True when the batch is data of an aborted transaction. Control batches answer false: they are dropped for what they are.
   * @throws BATCH_CORRUPT when a marker cannot be read.
   */
  isAborted(batch: BatchView): boolean {
    if (this.#aborted === NONE) return false;
    const attributes = batch.attributes;
    this.#openUpTo(batch.lastOffset);
    if (this.#open.size === 0) return false;
    if ((attributes & CONTROL_BIT) !== 0) {
      if (this.#isAbortMarker(batch)) this.#open.delete(producerKeyAt(batch.buffer, batch.start + PRODUCER_ID_AT));
      return false;
    }
    return (
      (attributes & TRANSACTIONAL_BIT) !== 0 &&
      this.#open.has(producerKeyAt(batch.buffer, batch.start + PRODUCER_ID_AT))
    );
  }

  #openUpTo(lastOffset: number): void {
    for (;;) {
      const next = this.#aborted[this.#upcoming];
      if (next === undefined || next.firstOffset > lastOffset) return;
      this.#open.add(producerKey(next.producerId));
      this.#upcoming++;
    }
  }

  /** Key of a marker: int16 version, int16 type, 0 abort, 1 commit (KIP-98). Compaction may have emptied the batch. */
  #isAbortMarker(batch: BatchView): boolean {
    if (batch.recordCount === 0) return false;
    if ((batch.attributes & CODEC_MASK) !== 0) throw markerFault(batch, 'is compressed');
    const marker = this.#marker.reset(
      batch.buffer,
      batch.start + BATCH_HEADER_BYTES,
      batch.start + batch.length,
      batch.recordCount,
    );
    marker.next();
    if (marker.keyLength < 4) throw markerFault(batch, 'has no type in its key');
    return batch.buffer.readInt16BE(marker.keyStart + 2) === ABORT_MARKER;
  }
}

function producerKey(id: bigint): ProducerKey {
  return id >= 0n && id <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(id) : id;
}

function producerKeyAt(buffer: Buffer, at: number): ProducerKey {
  const high = buffer.readInt32BE(at);
  return high >= 0 && high < 0x20_0000 ? high * TWO_32 + buffer.readUInt32BE(at + 4) : buffer.readBigInt64BE(at);
}

function markerFault(batch: BatchView, what: string): CausewayError {
  return new CausewayError('BATCH_CORRUPT', `a transaction marker ${what}`, {
    place: { offset: BigInt(batch.baseOffset) },
  });
}
