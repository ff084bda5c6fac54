import {
  ATTRIBUTES_AT,
  BASE_SEQUENCE_AT,
  CONTROL_BIT,
  LAST_OFFSET_DELTA_AT,
  LEADER_EPOCH_AT,
  PRODUCER_EPOCH_AT,
  PRODUCER_ID_AT,
  RECORD_COUNT_AT,
} from '../../../common/kafka/wire/records/batch-header.js';

/** A broker remembers so many batches of a producer (ProducerStateEntry.NUM_BATCHES_TO_RETAIN). */
const REMEMBERED_BATCHES = 5;
const SEQUENCES = 2 ** 31;

/** One batch of a log. */
export interface Entry {
  readonly base: number;
  /** Of the last record. */
  readonly last: number;
  readonly bytes: Buffer;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly records: number;
  readonly isControl: boolean;
  readonly leaderEpoch: number;
}

interface ProducerState {
  epoch: number;
  /** The latest last. */
  batches: { readonly first: number; readonly last: number; readonly base: number }[];
}

/** What became of a batch: stored at an offset, stored there before, or refused with a code. */
export type Appended =
  | { readonly kind: 'appended' | 'known'; readonly base: number }
  | { readonly kind: 'refused'; readonly code: number };

/** The log of one partition as its leader has it, with what it knows of producers: Kafka's rules of ProducerAppendInfo. */
export class PartitionLog {
  #entries: Entry[] = [];
  #producers = new Map<bigint, ProducerState>();
  #end = 0;

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** Offset behind the last record. */
  get end(): number {
    return this.#end;
  }

  producers(): { readonly producerId: bigint; readonly epoch: number; readonly lastSequence: number }[] {
    return [...this.#producers].map(([producerId, { epoch, batches }]) => {
      return { producerId, epoch, lastSequence: batches.at(-1)?.last ?? -1 };
    });
  }

  /** @param bytes one batch, which becomes the log's own */
  append(bytes: Buffer, leaderEpoch: number): Appended {
    const producerId = bytes.readBigInt64BE(PRODUCER_ID_AT);
    const producerEpoch = bytes.readInt16BE(PRODUCER_EPOCH_AT);
    const baseSequence = bytes.readInt32BE(BASE_SEQUENCE_AT);
    const records = bytes.readInt32BE(RECORD_COUNT_AT);
    if (producerId >= 0n) {
      const judged = this.#judge(producerId, producerEpoch, baseSequence, records);
      if (judged !== undefined) return judged;
    }
    return { kind: 'appended', base: this.#write(bytes, leaderEpoch) };
  }

  /** @returns the marker's offset, or undefined: a later epoch is known */
  appendMarker(bytes: Buffer, leaderEpoch: number): number | undefined {
    const known = this.#producers.get(bytes.readBigInt64BE(PRODUCER_ID_AT));
    if (known !== undefined && bytes.readInt16BE(PRODUCER_EPOCH_AT) < known.epoch) return undefined;
    return this.#write(bytes, leaderEpoch);
  }

  /** What lies at or behind the offset is gone, and with it what was known by it. */
  truncate(end: number): void {
    const kept = this.#entries.filter(({ last }) => last < end);
    this.#entries = [];
    this.#producers = new Map();
    this.#end = 0;
    for (const entry of kept) this.#take(entry);
  }

  #judge(producerId: bigint, epoch: number, first: number, records: number): Appended | undefined {
    const known = this.#producers.get(producerId);
    if (known === undefined) return undefined;
    const last = (first + records - 1) % SEQUENCES;
    const again = known.batches.find((batch) => batch.first === first && batch.last === last);
    if (known.epoch === epoch && again !== undefined) return { kind: 'known', base: again.base };
    if (epoch < known.epoch) return { kind: 'refused', code: 47 };
    if (epoch > known.epoch) return first === 0 ? undefined : { kind: 'refused', code: 45 };
    const newest = known.batches.at(-1)?.last ?? -1;
    return first === (newest + 1) % SEQUENCES ? undefined : { kind: 'refused', code: 45 };
  }

  #write(bytes: Buffer, leaderEpoch: number): number {
    const base = this.#end;
    bytes.writeBigInt64BE(BigInt(base), 0);
    bytes.writeInt32BE(leaderEpoch, LEADER_EPOCH_AT);
    this.#take({
      base,
      last: base + bytes.readInt32BE(LAST_OFFSET_DELTA_AT),
      bytes,
      producerId: bytes.readBigInt64BE(PRODUCER_ID_AT),
      producerEpoch: bytes.readInt16BE(PRODUCER_EPOCH_AT),
      baseSequence: bytes.readInt32BE(BASE_SEQUENCE_AT),
      records: bytes.readInt32BE(RECORD_COUNT_AT),
      isControl: (bytes.readUInt16BE(ATTRIBUTES_AT) & CONTROL_BIT) !== 0,
      leaderEpoch,
    });
    return base;
  }

  #take(entry: Entry): void {
    this.#entries.push(entry);
    this.#end = entry.last + 1;
    const { producerId, producerEpoch, baseSequence, records, isControl, base } = entry;
    if (producerId < 0n) return;
    let state = this.#producers.get(producerId);
    if (state === undefined || state.epoch !== producerEpoch) {
      state = { epoch: producerEpoch, batches: [] };
      this.#producers.set(producerId, state);
    }
    if (isControl) return;
    const last = (baseSequence + records - 1) % SEQUENCES;
    state.batches = [...state.batches, { first: baseSequence, last, base }].slice(-REMEMBERED_BATCHES);
  }
}
