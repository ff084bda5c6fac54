import type { AuditRecord } from './record.js';

/** A partition's records in log order, in pieces of any size. */
export type RecordSequence = AsyncIterable<readonly AuditRecord[]>;

/** One-record view of a sequence; waits only at the border of two pieces. */
export class RecordReader {
  readonly #pieces: AsyncIterator<readonly AuditRecord[]>;
  #piece: readonly AuditRecord[] = [];
  #at = 0;

  constructor(sequence: RecordSequence) {
    this.#pieces = sequence[Symbol.asyncIterator]();
  }

  /** The next record without waiting; undefined when the piece is used up. */
  takeNow(): AuditRecord | undefined {
    const record = this.#piece[this.#at];
    if (record !== undefined) this.#at += 1;
    return record;
  }

  /** The next record; undefined at the end. */
  async take(): Promise<AuditRecord | undefined> {
    while (this.#at >= this.#piece.length) {
      const next = await this.#pieces.next();
      if (next.done === true) return undefined;
      this.#piece = next.value;
      this.#at = 0;
    }
    return this.takeNow();
  }
}

/** A sequence of one piece. */
export async function* sequenceOf(
  records: readonly AuditRecord[],
  pieceRecords = 500,
): AsyncGenerator<readonly AuditRecord[]> {
  for (let at = 0; at < records.length; at += pieceRecords) yield records.slice(at, at + pieceRecords);
}
