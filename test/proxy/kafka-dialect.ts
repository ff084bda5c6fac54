import { ApiKey } from '../../common/kafka/wire/api-keys.js';
import { type Dialect, type FrameKind, spliced, withFlippedBit } from './dialect.js';
import {
  addressPlaces,
  correlationIdOf,
  emptyRecords,
  fetchedPlaces,
  lastByteOfFirstBatch,
  producedPlaces,
  requestHead,
  sentPlaces,
} from './kafka-places.js';
import type { ProxyPiece } from './tcp-proxy.js';

/** Base offset of a batch that was not appended. */
const NO_OFFSET = -1n;

/**
 * Kafka, plaintext. Brokers tell clients where the other brokers are: `portOf` says which port stands for which, so that clients of a
 * proxy stay with it. Hosts are left as they are.
 */
export class KafkaDialect implements Dialect {
  readonly #portOf: ReadonlyMap<number, number>;
  /** What was asked on each connection and is not answered yet, by correlation id. */
  readonly #asked = new Map<number, Map<number, FrameKind>>();

  /** @param portOf by a broker's advertised port: the port to be told instead */
  constructor(portOf: ReadonlyMap<number, number> = new Map()) {
    this.#portOf = portOf;
  }

  classify({ direction, connection, bytes }: ProxyPiece): FrameKind | undefined {
    if (direction === 'toServer') return this.#request(connection, bytes);
    const id = correlationIdOf(bytes);
    const asked = this.#asked.get(connection);
    if (id === undefined || asked === undefined) return undefined;
    const kind = asked.get(id);
    asked.delete(id);
    return kind;
  }

  rewrite({ direction, bytes }: ProxyPiece, { api, version }: FrameKind): Buffer {
    if (direction === 'toServer' || this.#portOf.size === 0) return bytes;
    const changes = addressPlaces(api, version, bytes).flatMap(({ port, portAt }) => {
      const other = this.#portOf.get(port);
      return other === undefined ? [] : [{ other, portAt }];
    });
    if (changes.length === 0) return bytes;
    const copy = Buffer.from(bytes);
    for (const { other, portAt } of changes) copy.writeInt32BE(other, portAt);
    return copy;
  }

  /** Every partition of a Produce or Fetch answer fails; a failed fetch has no records. */
  withError(frame: Buffer, { api, version }: FrameKind, code: number): Buffer | undefined {
    if (api === ApiKey.Produce) {
      const copy = Buffer.from(frame);
      const places = producedPlaces(version, frame);
      for (const { errorAt, baseOffsetAt } of places) {
        copy.writeInt16BE(code, errorAt);
        copy.writeBigInt64BE(NO_OFFSET, baseOffsetAt);
      }
      return places.length === 0 ? undefined : copy;
    }
    if (api !== ApiKey.Fetch) return undefined;
    const places = fetchedPlaces(version, frame);
    if (places.length === 0) return undefined;
    const error = Buffer.alloc(2);
    error.writeInt16BE(code);
    const none = emptyRecords(api, version);
    const splices = places.flatMap(({ errorAt, lengthAt, recordsAt, recordsBytes }) => [
      { at: errorAt, removedBytes: error.length, inserted: error },
      { at: lengthAt, removedBytes: recordsAt + recordsBytes - lengthAt, inserted: none },
    ]);
    return spliced(frame, splices);
  }

  /** In the first whole record batch of a Produce request or a Fetch answer. */
  flipped(frame: Buffer, { direction }: ProxyPiece, { api, version }: FrameKind): Buffer | undefined {
    const isSent = api === ApiKey.Produce && direction === 'toServer';
    const isFetched = api === ApiKey.Fetch && direction === 'toClient';
    if (!isSent && !isFetched) return undefined;
    for (const place of isSent ? sentPlaces(version, frame) : fetchedPlaces(version, frame)) {
      const at = lastByteOfFirstBatch(frame, place);
      if (at !== undefined) return withFlippedBit(frame, at);
    }
    return undefined;
  }

  ended(connection: number): void {
    this.#asked.delete(connection);
  }

  #request(connection: number, bytes: Buffer): FrameKind | undefined {
    const head = requestHead(bytes);
    if (head === undefined) return undefined;
    let asked = this.#asked.get(connection);
    if (asked === undefined) {
      asked = new Map();
      this.#asked.set(connection, asked);
    }
    const kind = { api: head.api, version: head.version };
    asked.set(head.correlationId, kind);
    return kind;
  }
}
