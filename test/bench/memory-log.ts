import { StampedBatches } from './stamped-batch.js';

const headerBytes = 61;
const leaderEpochAt = 12;

/** One partition's share of an answer: batches in pieces. */
interface FetchedRecords {
  readonly partition: number;
  readonly records: readonly Buffer[];
}

interface Asked {
  readonly offset: number;
  readonly maxBytes: number;
}

/**
 * Logs without end whose every batch is the same but for its base offset, which lies outside its checksum: an answer costs a header
 * per batch, the payload is always the same memory.
 */
export class EndlessLog {
  readonly #header: Buffer;
  readonly #payload: Buffer;
  readonly #batchRecords: number;

  constructor({ recordBytes, batchBytes }: { readonly recordBytes: number; readonly batchBytes: number }) {
    this.#batchRecords = Math.max(1, Math.floor(batchBytes / recordBytes));
    const batch = new StampedBatches(recordBytes, 0).build(new Array(this.#batchRecords).fill(0));
    batch.writeInt32BE(0, leaderEpochAt);
    this.#header = batch.subarray(0, headerBytes);
    this.#payload = batch.subarray(headerBytes);
  }

  /** As many whole batches from `offset` on as fit; at least one where `atLeastOne`. */
  read(offset: number, maxBytes: number, atLeastOne: boolean): { readonly records: readonly Buffer[]; bytes: number } {
    if (offset % this.#batchRecords !== 0) throw new Error(`no batch begins at offset ${offset}`);
    const batchBytes = headerBytes + this.#payload.length;
    const count = Math.max(atLeastOne ? 1 : 0, Math.floor(maxBytes / batchBytes));
    return { records: this.#batches(offset, count), bytes: count * batchBytes };
  }

  #batches(offset: number, count: number): Buffer[] {
    const headers = Buffer.allocUnsafe(count * headerBytes);
    const pieces: Buffer[] = [];
    for (let index = 0; index < count; index += 1) {
      const at = index * headerBytes;
      this.#header.copy(headers, at);
      headers.writeBigInt64BE(BigInt(offset + index * this.#batchRecords), at);
      pieces.push(headers.subarray(at, at + headerBytes), this.#payload);
    }
    return pieces;
  }
}

/** The partitions of one fetch session (KIP-227); whoever was served goes to the end, as with a real broker. */
export class FetchSession {
  readonly #log: EndlessLog;
  readonly #asked = new Map<number, Asked>();

  constructor(log: EndlessLog) {
    this.#log = log;
  }

  ask(partition: number, offset: number, maxBytes: number): void {
    this.#asked.set(partition, { offset, maxBytes });
  }

  forget(partition: number): void {
    this.#asked.delete(partition);
  }

  /** Batches of every partition until `maxBytes` are used up; the first partition gets one whatever its size. */
  read(maxBytes: number): FetchedRecords[] {
    const answer: FetchedRecords[] = [];
    let left = maxBytes;
    for (const [partition, asked] of [...this.#asked]) {
      const isFirst = answer.length === 0;
      const { records, bytes } = this.#log.read(asked.offset, Math.min(left, asked.maxBytes), isFirst);
      if (bytes === 0) break;
      answer.push({ partition, records });
      left -= bytes;
      this.#asked.delete(partition);
      this.#asked.set(partition, asked);
    }
    return answer;
  }
}
