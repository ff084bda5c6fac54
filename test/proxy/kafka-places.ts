import { ApiKey, isFlexible } from '../../common/kafka/wire/api-keys.js';
import { Reader } from '../../common/kafka/wire/reader.js';
import { Writer } from '../../common/kafka/wire/writer.js';

/* Where things stand in Kafka's frames: all positions count from the frame's first byte, its length included. Plaintext only. */

const LENGTH_BYTES = 4;
const FIXED_HEADER_BYTES = 14;
const RECORD_BATCH_HEADER_BYTES = 61;
const BATCH_LENGTH_AT = 8;
const BATCH_LENGTH_END = 12;

export interface KafkaRequestHead {
  readonly api: number;
  readonly version: number;
  readonly correlationId: number;
  readonly clientId: string;
}

/** undefined where the frame is too short to be a request. */
export function requestHead(frame: Buffer): KafkaRequestHead | undefined {
  if (frame.length < FIXED_HEADER_BYTES) return undefined;
  const clientIdBytes = Math.max(0, frame.readInt16BE(12));
  return {
    api: frame.readInt16BE(4),
    version: frame.readInt16BE(6),
    correlationId: frame.readInt32BE(8),
    clientId: frame.toString('utf8', FIXED_HEADER_BYTES, FIXED_HEADER_BYTES + clientIdBytes),
  };
}

export function correlationIdOf(answer: Buffer): number | undefined {
  return answer.length < LENGTH_BYTES + 4 ? undefined : answer.readInt32BE(LENGTH_BYTES);
}

/** At the body of an answer (not of ApiVersions, whose header is never flexible). */
function answerReader(api: ApiKey, version: number, frame: Buffer): Reader {
  const reader = new Reader(frame, isFlexible(api, version), LENGTH_BYTES + 4);
  reader.tags();
  return reader;
}

/** A broker's address in an answer. */
export interface AddressPlace {
  readonly host: string;
  readonly port: number;
  readonly portAt: number;
}

function addressPlace(reader: Reader): AddressPlace {
  const host = reader.nullableString() ?? '';
  const portAt = reader.position;
  return { host, port: reader.int32(), portAt };
}

/** Every address in a Metadata or FindCoordinator answer; none in others. Fields: see common/kafka/wire/apis. */
export function addressPlaces(api: number, version: number, frame: Buffer): AddressPlace[] {
  if (api === ApiKey.Metadata) return metadataAddresses(version, frame);
  if (api === ApiKey.FindCoordinator) return coordinatorAddresses(version, frame);
  return [];
}

function metadataAddresses(version: number, frame: Buffer): AddressPlace[] {
  const reader = answerReader(ApiKey.Metadata, version, frame);
  if (version >= 3) reader.int32();
  return reader.array(1, () => {
    reader.int32();
    const place = addressPlace(reader);
    if (version >= 1) reader.nullableString();
    reader.tags();
    return place;
  });
}

function coordinatorAddresses(version: number, frame: Buffer): AddressPlace[] {
  const reader = answerReader(ApiKey.FindCoordinator, version, frame);
  if (version >= 1) reader.int32();
  if (version <= 3) {
    reader.int16();
    if (version >= 1) reader.nullableString();
    reader.int32();
    return [addressPlace(reader)];
  }
  return reader.array(1, () => {
    reader.string();
    reader.int32();
    const place = addressPlace(reader);
    reader.int16();
    reader.nullableString();
    reader.tags();
    return place;
  });
}

/** One partition of a Produce answer. */
export interface ProducedPlace {
  readonly topic: string;
  readonly partition: number;
  readonly errorAt: number;
  readonly baseOffsetAt: number;
}

/** Produce response v3 to v11. */
export function producedPlaces(version: number, frame: Buffer): ProducedPlace[] {
  const reader = answerReader(ApiKey.Produce, version, frame);
  const places = reader.array(1, () => {
    const topic = reader.string();
    const partitions = reader.array(1, () => {
      const partition = reader.int32();
      const errorAt = reader.position;
      reader.int16();
      const baseOffsetAt = reader.position;
      reader.skip(version >= 5 ? 24 : 16);
      if (version >= 8) {
        reader.array(1, () => {
          reader.int32();
          reader.nullableString();
          reader.tags();
        });
        reader.nullableString();
      }
      reader.tags();
      return { topic, partition, errorAt, baseOffsetAt };
    });
    reader.tags();
    return partitions;
  });
  return places.flat();
}

/** The records of one partition, in a Produce request or a Fetch answer. */
export interface RecordsPlace {
  /** '' where the answer names topics by id. */
  readonly topic: string;
  readonly partition: number;
  /** Where the length of the records stands. */
  readonly lengthAt: number;
  readonly recordsAt: number;
  readonly recordsBytes: number;
}

/** One partition of a Fetch answer. */
export interface FetchedPlace extends RecordsPlace {
  readonly errorAt: number;
}

/** Fetch response v4 to v15. */
export function fetchedPlaces(version: number, frame: Buffer): FetchedPlace[] {
  const reader = answerReader(ApiKey.Fetch, version, frame);
  reader.skip(version >= 7 ? 10 : 4);
  const places = reader.array(1, () => {
    const topic = version >= 13 ? '' : reader.string();
    if (version >= 13) reader.skip(16);
    const partitions = reader.array(1, () => {
      const partition = reader.int32();
      const errorAt = reader.position;
      reader.skip(version >= 5 ? 26 : 18);
      const aborted = reader.nullableArrayLength(1);
      for (let i = 0; i < aborted; i += 1) {
        reader.skip(16);
        reader.tags();
      }
      if (version >= 11) reader.int32();
      const records = recordsPlace(reader);
      reader.tags();
      return { topic, partition, errorAt, ...records };
    });
    reader.tags();
    return partitions;
  });
  return places.flat();
}

/** Produce request v3 to v11. */
export function sentPlaces(version: number, frame: Buffer): RecordsPlace[] {
  const clientIdBytes = Math.max(0, frame.readInt16BE(12));
  const reader = new Reader(frame, isFlexible(ApiKey.Produce, version), FIXED_HEADER_BYTES + clientIdBytes);
  reader.tags();
  reader.nullableString();
  reader.skip(6);
  const places = reader.array(1, () => {
    const topic = reader.string();
    const partitions = reader.array(1, () => {
      const place = { topic, partition: reader.int32(), ...recordsPlace(reader) };
      reader.tags();
      return place;
    });
    reader.tags();
    return partitions;
  });
  return places.flat();
}

function recordsPlace(reader: Reader): Pick<RecordsPlace, 'lengthAt' | 'recordsAt' | 'recordsBytes'> {
  const lengthAt = reader.position;
  const recordsBytes = reader.nullableBytes()?.length ?? 0;
  return { lengthAt, recordsAt: reader.position - recordsBytes, recordsBytes };
}

/** The length of empty records as an answer carries it. */
export function emptyRecords(api: ApiKey, version: number): Buffer {
  return Buffer.concat(new Writer(isFlexible(api, version)).bytes(Buffer.alloc(0)).toBuffers());
}

/** The last byte of the first whole batch: covered by its CRC, part of a record. undefined where there is none. */
export function lastByteOfFirstBatch(frame: Buffer, { recordsAt, recordsBytes }: RecordsPlace): number | undefined {
  if (recordsBytes <= RECORD_BATCH_HEADER_BYTES) return undefined;
  const batchBytes = BATCH_LENGTH_END + frame.readInt32BE(recordsAt + BATCH_LENGTH_AT);
  return batchBytes > recordsBytes ? undefined : recordsAt + batchBytes - 1;
}
