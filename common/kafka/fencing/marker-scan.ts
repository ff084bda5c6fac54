import { CausewayError } from '../../errors/error.js';
import {
  BATCH_HEADER_BYTES,
  CONTROL_BIT,
  PRODUCER_EPOCH_AT,
  producerId as producerIdOf,
} from '../wire/records/batch-header.js';
import type { BatchView } from '../wire/records/batch-scan.js';
import { RecordCursor } from '../wire/records/record-cursor.js';

const ABORT_MARKER = 0;
/** Of a marker's key: version INT16, type INT16 (KIP-98). */
const MARKER_KEY_BYTES = 4;

export interface FoundMarker {
  readonly offset: bigint;
  readonly epoch: number;
}

/** Recognises, batch by batch, one producer's abort markers from an epoch on. */
export class MarkerScan {
  readonly #producerId: bigint;
  readonly #minEpoch: number;
  readonly #records = new RecordCursor();
  #found: FoundMarker | undefined;

  constructor(producerId: bigint, minEpoch: number) {
    this.#producerId = producerId;
    this.#minEpoch = minEpoch;
  }

  get found(): FoundMarker | undefined {
    return this.#found;
  }

  /** True when the batch is such a marker. @throws BATCH_CORRUPT for a control batch that cannot be read */
  look(batch: BatchView): boolean {
    const { buffer, start, length, recordCount, attributes } = batch;
    // A control batch that compaction has emptied says nothing any more; the walk knows it for one of ours by its producer.
    if ((attributes & CONTROL_BIT) === 0 || recordCount === 0) return false;
    if (producerIdOf(buffer, start) !== this.#producerId) return false;
    const epoch = buffer.readInt16BE(start + PRODUCER_EPOCH_AT);
    if (epoch < this.#minEpoch) return false;
    const marker = this.#records.reset(buffer, start + BATCH_HEADER_BYTES, start + length, recordCount);
    marker.next();
    if (marker.keyLength < MARKER_KEY_BYTES) {
      const place = { offset: BigInt(batch.baseOffset) };
      throw new CausewayError('BATCH_CORRUPT', 'a transaction marker has no type in its key', { place });
    }
    if (buffer.readInt16BE(marker.keyStart + 2) !== ABORT_MARKER) return false;
    this.#found = { offset: BigInt(batch.baseOffset), epoch };
    return true;
  }
}
