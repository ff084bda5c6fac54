import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { API_SPECS, ApiKey, isFlexible } from '../../../common/kafka/wire/api-keys.js';
import { decodeFetchResponse } from '../../../common/kafka/wire/apis/fetch.js';
import { decodeFindCoordinatorResponse } from '../../../common/kafka/wire/apis/find-coordinator.js';
import { decodeMetadataResponse } from '../../../common/kafka/wire/apis/metadata.js';
import { decodeProduceResponse, encodeProduceRequest } from '../../../common/kafka/wire/apis/produce.js';
import { requestHeader, responseBodyStart } from '../../../common/kafka/wire/headers.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { Writer } from '../../../common/kafka/wire/writer.js';
import type { FrameKind } from '../../proxy/dialect.js';
import { spliced } from '../../proxy/dialect.js';
import { KafkaDialect } from '../../proxy/kafka-dialect.js';
import { fetchedPlaces, sentPlaces } from '../../proxy/kafka-places.js';
import type { ProxyPiece } from '../../proxy/tcp-proxy.js';
import { GOLDEN_RESPONSES } from '../kafka/wire/golden-responses.js';

const NOT_LEADER = 6;
const batch = buildBatch([{ key: null, value: Buffer.from('value'), headers: [], timestamp: 1n }]);

function golden(name: string): [version: number, body: Buffer][] {
  return Object.entries(GOLDEN_RESPONSES[name] ?? {}).map(([version, hex]) => [
    Number(version),
    Buffer.from(hex, 'hex'),
  ]);
}

/** An answer as it stands on the wire. */
function answerFrame(api: ApiKey, version: number, body: Buffer, correlationId = 7): Buffer {
  const tags = isFlexible(api, version) ? Buffer.alloc(1) : Buffer.alloc(0);
  const head = Buffer.alloc(8);
  head.writeInt32BE(4 + tags.length + body.length, 0);
  head.writeInt32BE(correlationId, 4);
  return Buffer.concat([head, tags, body]);
}

/** The body of an answer frame; checks its length. */
function bodyOf(api: ApiKey, version: number, frame: Buffer): Buffer {
  assert.equal(frame.readInt32BE(0), frame.length - 4);
  const rest = frame.subarray(4);
  return rest.subarray(responseBodyStart(rest, isFlexible(api, version)));
}

function requestFrame(api: ApiKey, version: number, body: readonly Buffer[], correlationId = 7): Buffer {
  const flexible = isFlexible(api, version);
  const header = requestHeader({ api, version, flexible, correlationId, clientId: Buffer.from('me') }, body);
  return Buffer.concat([header, ...body]);
}

const toServer = (bytes: Buffer, connection = 1): ProxyPiece => ({ direction: 'toServer', bytes, connection });
const toClient = (bytes: Buffer, connection = 1): ProxyPiece => ({ direction: 'toClient', bytes, connection });

function produceRequest(version: number, batches: readonly Buffer[] = [batch, batch]): Buffer {
  const partitions = batches.map((records, partition) => ({ topic: 't', partition, records: [records] }));
  const request = { transactionalId: null, acks: -1, timeoutMs: 1_000, partitions } as const;
  return requestFrame(ApiKey.Produce, version, encodeProduceRequest(version, request));
}

/** Offsets at which two buffers of the same length differ. */
function changes(a: Buffer, b: Buffer): number[] {
  assert.equal(a.length, b.length);
  return [...a.keys()].filter((at) => a[at] !== b[at]);
}

const versions = (api: ApiKey): number[] => {
  const { minVersion, maxVersion } = API_SPECS[api];
  return Array.from({ length: maxVersion - minVersion + 1 }, (_, i) => minVersion + i);
};

describe('Kafka frames', () => {
  test('a request is known by its header, its answer by the correlation id on the same connection, once', () => {
    const dialect = new KafkaDialect();
    const asked = { api: ApiKey.Metadata, version: 12 };
    assert.deepEqual(dialect.classify(toServer(requestFrame(ApiKey.Metadata, 12, [Buffer.alloc(4)], 5))), asked);
    const answer = answerFrame(ApiKey.Metadata, 12, Buffer.alloc(4), 5);
    assert.equal(dialect.classify(toClient(answer, 2)), undefined, 'another connection');
    assert.deepEqual(dialect.classify(toClient(answer)), asked);
    assert.equal(dialect.classify(toClient(answer)), undefined, 'answered already');
  });

  test('what was asked on a connection is forgotten with it; frames too short to be anything are left alone', () => {
    const dialect = new KafkaDialect();
    dialect.classify(toServer(requestFrame(ApiKey.Fetch, 4, [], 5)));
    dialect.ended(1);
    assert.equal(dialect.classify(toClient(answerFrame(ApiKey.Fetch, 4, Buffer.alloc(4), 5))), undefined);
    assert.equal(dialect.classify(toServer(Buffer.from([0, 0, 0, 1, 9]))), undefined);
    assert.equal(dialect.classify(toClient(Buffer.from([0, 0, 0, 1, 9]))), undefined);
  });

  test('brokers’ addresses in Metadata lead to their proxies, in every version; nothing else changes', () => {
    const dialect = new KafkaDialect(new Map([[9092, 19_092]]));
    for (const [version, body] of golden('MetadataResponse')) {
      const frame = answerFrame(ApiKey.Metadata, version, body);
      const out = dialect.rewrite(toClient(frame), { api: ApiKey.Metadata, version });
      const before = decodeMetadataResponse(version, body);
      const after = decodeMetadataResponse(version, bodyOf(ApiKey.Metadata, version, out));
      const brokers = before.brokers.map((broker) => (broker.port === 9092 ? { ...broker, port: 19_092 } : broker));
      assert.deepEqual(after, { ...before, brokers });
    }
  });

  test('so do coordinators’ addresses, in every version', () => {
    for (const [version, body] of golden('FindCoordinatorResponse')) {
      const before = decodeFindCoordinatorResponse(version, body);
      const dialect = new KafkaDialect(new Map([[before.port, 12_345]]));
      const frame = answerFrame(ApiKey.FindCoordinator, version, body);
      const out = dialect.rewrite(toClient(frame), { api: ApiKey.FindCoordinator, version });
      const after = decodeFindCoordinatorResponse(version, bodyOf(ApiKey.FindCoordinator, version, out));
      assert.deepEqual(after, { ...before, port: 12_345 });
    }
  });

  test('requests and answers without addresses are forwarded as they are', () => {
    const dialect = new KafkaDialect(new Map([[9092, 1]]));
    const request = produceRequest(9);
    assert.equal(dialect.rewrite(toServer(request), { api: ApiKey.Produce, version: 9 }), request);
    const answer = answerFrame(ApiKey.ApiVersions, 3, Buffer.alloc(4));
    assert.equal(dialect.rewrite(toClient(answer), { api: ApiKey.ApiVersions, version: 3 }), answer);
  });

  test('a Produce answer fails in every partition, in every version', () => {
    for (const [version, body] of golden('ProduceResponse')) {
      const kind: FrameKind = { api: ApiKey.Produce, version };
      const out = new KafkaDialect().withError(answerFrame(ApiKey.Produce, version, body), kind, NOT_LEADER);
      const { topics } = decodeProduceResponse(version, bodyOf(ApiKey.Produce, version, out as Buffer));
      assert.deepEqual(
        topics.map(({ topic }) => topic),
        decodeProduceResponse(version, body).topics.map(({ topic }) => topic),
      );
      for (const { errorCode, baseOffset } of topics.flatMap(({ partitions }) => partitions)) {
        assert.equal(errorCode, NOT_LEADER);
        assert.equal(baseOffset, -1);
      }
    }
  });

  test('a Fetch answer fails in every partition and has no records, in every version', () => {
    for (const [version, body] of golden('FetchResponse')) {
      const kind: FrameKind = { api: ApiKey.Fetch, version };
      const out = new KafkaDialect().withError(answerFrame(ApiKey.Fetch, version, body), kind, NOT_LEADER);
      const before = decodeFetchResponse(version, body);
      const after = decodeFetchResponse(version, bodyOf(ApiKey.Fetch, version, out as Buffer));
      assert.deepEqual(
        after.topics.map(({ partitions }) => partitions.map(({ partition }) => partition)),
        before.topics.map(({ partitions }) => partitions.map(({ partition }) => partition)),
      );
      for (const { errorCode, records } of after.topics.flatMap(({ partitions }) => partitions)) {
        assert.equal(errorCode, NOT_LEADER);
        assert.equal(records?.length ?? 0, 0);
      }
    }
  });

  test('other answers have no error to say', () => {
    const frame = answerFrame(ApiKey.Metadata, 12, Buffer.alloc(8));
    assert.equal(new KafkaDialect().withError(frame, { api: ApiKey.Metadata, version: 12 }, 3), undefined);
  });

  test('one bit of a sent batch changes, within what its checksum covers, in every version of Produce', () => {
    for (const version of versions(ApiKey.Produce)) {
      const frame = produceRequest(version);
      const out = new KafkaDialect().flipped(frame, toServer(frame), { api: ApiKey.Produce, version });
      const [place] = sentPlaces(version, frame);
      assert.ok(place !== undefined && out !== undefined);
      assert.deepEqual(frame.subarray(place.recordsAt, place.recordsAt + place.recordsBytes), batch);
      assert.deepEqual(changes(frame, out), [place.recordsAt + batch.length - 1]);
    }
  });

  test('one bit of a fetched batch changes, of the first that is whole, in every version of Fetch', () => {
    for (const [version, body] of golden('FetchResponse')) {
      const empty = answerFrame(ApiKey.Fetch, version, body);
      const records = Buffer.concat([batch, batch.subarray(0, 30)]);
      const held = Buffer.concat(new Writer(isFlexible(ApiKey.Fetch, version)).bytes(records).toBuffers());
      const places = fetchedPlaces(version, empty);
      const last = places.at(-1);
      assert.ok(last !== undefined);
      const { lengthAt, recordsAt, recordsBytes } = last;
      const frame = spliced(empty, [
        { at: lengthAt, removedBytes: recordsAt + recordsBytes - lengthAt, inserted: held },
      ]);
      const out = new KafkaDialect().flipped(frame, toClient(frame), { api: ApiKey.Fetch, version });
      const place = fetchedPlaces(version, frame).at(-1);
      assert.ok(place !== undefined && out !== undefined);
      assert.deepEqual(changes(frame, out), [place.recordsAt + batch.length - 1]);
    }
  });

  test('frames without a whole batch, and other frames, have nothing to flip', () => {
    const dialect = new KafkaDialect();
    const cut = produceRequest(9, [batch.subarray(0, 62)]);
    assert.equal(dialect.flipped(cut, toServer(cut), { api: ApiKey.Produce, version: 9 }), undefined);
    const answer = answerFrame(ApiKey.Produce, 9, golden('ProduceResponse').find(([v]) => v === 9)?.[1] as Buffer);
    assert.equal(dialect.flipped(answer, toClient(answer), { api: ApiKey.Produce, version: 9 }), undefined);
  });
});
