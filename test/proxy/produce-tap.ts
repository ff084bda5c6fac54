import { ApiKey } from '../../common/kafka/wire/api-keys.js';
import { BASE_SEQUENCE_AT, PRODUCER_ID_AT, RECORD_COUNT_AT } from '../../common/kafka/wire/records/batch-header.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import type { FaultProxy, FrameListener } from './fault-proxy.js';
import { correlationIdOf, producedPlaces, type RecordsPlace, requestHead, sentPlaces } from './kafka-places.js';

const HEADER_BYTES = RECORD_COUNT_AT + 4;
const NONE = 0;

interface Asked {
  readonly version: number;
  /** Producer id by `topic-partition`. */
  readonly producers: ReadonlyMap<string, bigint>;
}

/** What became of the batches of one producer. */
export interface SentBatches {
  sent: number;
  accepted: number;
  /** By Kafka's error code. */
  readonly refused: Map<number, number>;
}

/** Counts the batches that pass lines to brokers from now on, by producer id, and what the brokers say to them. Requests sent before do not count. */
export class ProduceTap {
  readonly #producers = new Map<bigint, SentBatches>();
  readonly #asked = new Map<string, Asked>();
  readonly #endings: (() => void)[];

  constructor(lines: readonly FaultProxy[]) {
    this.#endings = lines.map((line, index) => line.listen(this.#listener(index)));
  }

  of(producer: bigint): SentBatches {
    let batches = this.#producers.get(producer);
    if (batches === undefined) {
      batches = { sent: 0, accepted: 0, refused: new Map() };
      this.#producers.set(producer, batches);
    }
    return batches;
  }

  close(): void {
    for (const end of this.#endings) end();
  }

  #listener(line: number): FrameListener {
    return ({ direction, connection, bytes }, { api, version }) => {
      if (api !== ApiKey.Produce) return;
      if (direction === 'toServer') this.#request(`${line}/${connection}`, bytes, version);
      else this.#answer(`${line}/${connection}`, bytes);
    };
  }

  #request(connection: string, frame: Buffer, version: number): void {
    const producers = new Map<string, bigint>();
    for (const place of sentPlaces(version, frame)) {
      if (place.recordsBytes < HEADER_BYTES) continue;
      const producer = frame.readBigInt64BE(place.recordsAt + PRODUCER_ID_AT);
      producers.set(partitionKey(place.topic, place.partition), producer);
      this.of(producer).sent += 1;
    }
    this.#asked.set(`${connection}/${requestHead(frame)?.correlationId}`, { version, producers });
  }

  #answer(connection: string, frame: Buffer): void {
    const key = `${connection}/${correlationIdOf(frame)}`;
    const asked = this.#asked.get(key);
    if (asked === undefined) return;
    this.#asked.delete(key);
    for (const { topic, partition, errorAt } of producedPlaces(asked.version, frame)) {
      const producer = asked.producers.get(partitionKey(topic, partition));
      if (producer === undefined) continue;
      const batches = this.of(producer);
      const code = frame.readInt16BE(errorAt);
      if (code === NONE) batches.accepted += 1;
      else batches.refused.set(code, (batches.refused.get(code) ?? 0) + 1);
    }
  }
}

/** Is the request's first batch the first of its producer in that partition? */
export function beginsSequence(version: number, frame: Buffer): boolean {
  const [first] = sentPlaces(version, frame).filter(({ recordsBytes }: RecordsPlace) => recordsBytes >= HEADER_BYTES);
  return first !== undefined && frame.readInt32BE(first.recordsAt + BASE_SEQUENCE_AT) === 0;
}
