import { contentHash } from './content-hash.js';
import type { AuditRecord } from './record.js';
import type { RecordSequence } from './record-reader.js';

/**
 * What became of a batch: `ok` the source acknowledged it · `unknown` no answer: it may be there or not ·
 * `aborted` acknowledged, and its transaction was aborted.
 */
export type Outcome = 'ok' | 'unknown' | 'aborted';

interface LedgerBatch {
  readonly baseOffset: number;
  readonly firstSequence: number;
  readonly count: number;
  readonly outcome: Outcome;
}

/** How the source's log agrees with what its producer was told. All but `records` must be 0 for the log to be trusted. */
export interface LedgerVerdict {
  /** Acknowledged and found as they were written. */
  readonly records: number;
  /** Acknowledged and not there: the source cluster (or our reader) lost them. */
  readonly lost: number;
  /** There, with other content: our writer or reader alters records. */
  readonly altered: number;
  /** Aborted, and yet read as committed. */
  readonly abortedButVisible: number;
  /** There without an acknowledgement; expected only where `unknown` outcomes are. */
  readonly unacknowledged: number;
}

const FIRST_HASHES = 4_096;

/** One partition's account: the hash of every record by sequence, and which offsets the batches got. */
export class PartitionLedger {
  readonly #isKept: boolean;
  #hashes = new Float64Array(FIRST_HASHES);
  #written = 0;
  readonly #batches: LedgerBatch[] = [];

  /** @param isKept false: counts only, for loads without an end that nobody will audit */
  constructor(isKept = true) {
    this.#isKept = isKept;
  }

  /** Sequences handed out so far; the next record gets this one. */
  get written(): number {
    return this.#written;
  }

  get acknowledged(): number {
    return this.#sum('ok');
  }

  get unknown(): number {
    return this.#sum('unknown');
  }

  get aborted(): number {
    return this.#sum('aborted');
  }

  wrote(record: AuditRecord): void {
    if (!this.#isKept) {
      this.#written += 1;
      return;
    }
    if (this.#written === this.#hashes.length) {
      const larger = new Float64Array(this.#hashes.length * 2);
      larger.set(this.#hashes);
      this.#hashes = larger;
    }
    this.#hashes[this.#written] = contentHash(record);
    this.#written += 1;
  }

  /** @param baseOffset as acknowledged; -1 where the outcome is unknown */
  settled(batch: LedgerBatch): void {
    if (this.#isKept) this.#batches.push(batch);
  }

  /** Passes the source's committed records through and compares them with the account; `onVerdict` is called at the end. */
  async *watch(
    sequence: RecordSequence,
    onVerdict: (verdict: LedgerVerdict) => void,
  ): AsyncGenerator<readonly AuditRecord[]> {
    const check = new LedgerCheck(this.#hashes, this.#batches);
    for await (const records of sequence) {
      for (const record of records) check.see(record);
      yield records;
    }
    onVerdict(check.finish());
  }

  #sum(outcome: Outcome): number {
    return this.#batches.reduce((sum, batch) => (batch.outcome === outcome ? sum + batch.count : sum), 0);
  }
}

class LedgerCheck {
  readonly #hashes: Float64Array;
  readonly #expected: readonly LedgerBatch[];
  #at = 0;
  #foundInBatch = 0;
  #records = 0;
  #lost = 0;
  #altered = 0;
  #abortedButVisible = 0;
  #unacknowledged = 0;

  constructor(hashes: Float64Array, batches: readonly LedgerBatch[]) {
    this.#hashes = hashes;
    this.#expected = batches.filter((batch) => batch.outcome !== 'unknown').sort((a, b) => a.baseOffset - b.baseOffset);
  }

  see(record: AuditRecord): void {
    let batch = this.#expected[this.#at];
    while (batch !== undefined && batch.baseOffset + batch.count <= record.offset) batch = this.#close(batch);
    if (batch === undefined || record.offset < batch.baseOffset) {
      this.#unacknowledged += 1;
      return;
    }
    this.#foundInBatch += 1;
    const sequence = batch.firstSequence + record.offset - batch.baseOffset;
    if (batch.outcome === 'aborted') this.#abortedButVisible += 1;
    else if (this.#hashes[sequence] === contentHash(record)) this.#records += 1;
    else this.#altered += 1;
  }

  finish(): LedgerVerdict {
    let batch = this.#expected[this.#at];
    while (batch !== undefined) batch = this.#close(batch);
    return {
      records: this.#records,
      lost: this.#lost,
      altered: this.#altered,
      abortedButVisible: this.#abortedButVisible,
      unacknowledged: this.#unacknowledged,
    };
  }

  #close(batch: LedgerBatch): LedgerBatch | undefined {
    if (batch.outcome === 'ok') this.#lost += batch.count - this.#foundInBatch;
    this.#foundInBatch = 0;
    this.#at += 1;
    return this.#expected[this.#at];
  }
}
