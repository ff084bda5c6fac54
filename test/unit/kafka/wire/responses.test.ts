import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isCausewayError } from '../../../../common/errors/error.js';
import { ApiKey } from '../../../../common/kafka/wire/api-keys.js';
import { decodeAddOffsetsToTxnResponse } from '../../../../common/kafka/wire/apis/add-offsets-to-txn.js';
import { decodeAddPartitionsToTxnResponse } from '../../../../common/kafka/wire/apis/add-partitions-to-txn.js';
import { decodeDescribeConfigsResponse } from '../../../../common/kafka/wire/apis/describe-configs.js';
import { decodeDescribeProducersResponse } from '../../../../common/kafka/wire/apis/describe-producers.js';
import { decodeDescribeTransactionsResponse } from '../../../../common/kafka/wire/apis/describe-transactions.js';
import { decodeEndTxnResponse } from '../../../../common/kafka/wire/apis/end-txn.js';
import { decodeFetchResponse } from '../../../../common/kafka/wire/apis/fetch.js';
import { decodeFindCoordinatorResponse } from '../../../../common/kafka/wire/apis/find-coordinator.js';
import { decodeInitProducerIdResponse } from '../../../../common/kafka/wire/apis/init-producer-id.js';
import { decodeListOffsetsResponse } from '../../../../common/kafka/wire/apis/list-offsets.js';
import { decodeListTransactionsResponse } from '../../../../common/kafka/wire/apis/list-transactions.js';
import { decodeMetadataResponse } from '../../../../common/kafka/wire/apis/metadata.js';
import { decodeOffsetCommitResponse } from '../../../../common/kafka/wire/apis/offset-commit.js';
import { decodeOffsetFetchResponse } from '../../../../common/kafka/wire/apis/offset-fetch.js';
import { decodeOffsetForLeaderEpochResponse } from '../../../../common/kafka/wire/apis/offset-for-leader-epoch.js';
import { decodeProduceResponse } from '../../../../common/kafka/wire/apis/produce.js';
import { decodeTxnOffsetCommitResponse } from '../../../../common/kafka/wire/apis/txn-offset-commit.js';
import { decodeWriteTxnMarkersResponse } from '../../../../common/kafka/wire/apis/write-txn-markers.js';
import { commonVersion, decodeApiVersions } from '../../../../common/kafka/wire/handshake.js';
import { GOLDEN_RESPONSES } from './golden-responses.js';

const TOPIC_ID = '01234567-89ab-cdef-8edc-ba9876543210';

const DECODERS: Readonly<Record<string, (version: number, body: Buffer) => unknown>> = {
  MetadataResponse: decodeMetadataResponse,
  FindCoordinatorResponse: decodeFindCoordinatorResponse,
  InitProducerIdResponse: decodeInitProducerIdResponse,
  ListOffsetsResponse: decodeListOffsetsResponse,
  OffsetCommitResponse: decodeOffsetCommitResponse,
  OffsetFetchResponse: decodeOffsetFetchResponse,
  OffsetForLeaderEpochResponse: decodeOffsetForLeaderEpochResponse,
  FetchResponse: decodeFetchResponse,
  ProduceResponse: decodeProduceResponse,
  AddPartitionsToTxnResponse: decodeAddPartitionsToTxnResponse,
  AddOffsetsToTxnResponse: decodeAddOffsetsToTxnResponse,
  EndTxnResponse: decodeEndTxnResponse,
  WriteTxnMarkersResponse: decodeWriteTxnMarkersResponse,
  TxnOffsetCommitResponse: decodeTxnOffsetCommitResponse,
  DescribeProducersResponse: decodeDescribeProducersResponse,
  DescribeTransactionsResponse: decodeDescribeTransactionsResponse,
  ListTransactionsResponse: decodeListTransactionsResponse,
  DescribeConfigsResponse: decodeDescribeConfigsResponse,
};

function golden(name: string): [version: number, body: Buffer][] {
  const versions = GOLDEN_RESPONSES[name];
  assert.ok(versions, name);
  return Object.entries(versions).map(([version, hex]) => [Number(version), Buffer.from(hex, 'hex')]);
}

describe('responses of Kafka’s Java classes are read in every version', () => {
  test('Metadata', () => {
    for (const [version, body] of golden('MetadataResponse')) {
      const response = decodeMetadataResponse(version, body);
      assert.equal(response.clusterId, version >= 2 ? 'cl-1' : null);
      assert.equal(response.controllerId, 2);
      assert.deepEqual(response.brokers, [
        { id: 1, host: 'a.example', port: 9092, rack: 'r1' },
        { id: 2, host: '::1', port: 9093, rack: null },
      ]);
      const epoch = (value: number): number => (version >= 7 ? value : -1);
      assert.deepEqual(response.topics, [
        {
          name: 'orders',
          topicId: version >= 10 ? TOPIC_ID : null,
          errorCode: 0,
          internal: false,
          partitions: [
            { partition: 0, errorCode: 0, leader: 1, leaderEpoch: epoch(7), replicas: [1, 2], isr: [1] },
            { partition: 1, errorCode: 5, leader: -1, leaderEpoch: epoch(8), replicas: [2], isr: [] },
          ],
        },
        { name: 'gone', topicId: null, errorCode: 3, internal: true, partitions: [] },
      ]);
    }
  });

  test('FindCoordinator and InitProducerId', () => {
    for (const [version, body] of golden('FindCoordinatorResponse')) {
      const expected = { throttleTimeMs: 3, errorCode: 15, errorMessage: 'no', nodeId: 4, host: 'h', port: 19092 };
      assert.deepEqual(decodeFindCoordinatorResponse(version, body), expected);
    }
    for (const [version, body] of golden('InitProducerIdResponse')) {
      const expected = { throttleTimeMs: 1, errorCode: 0, producerId: 2n ** 63n - 2n, producerEpoch: 12 };
      assert.deepEqual(decodeInitProducerIdResponse(version, body), expected);
    }
  });

  test('ListOffsets and OffsetForLeaderEpoch', () => {
    for (const [version, body] of golden('ListOffsetsResponse')) {
      assert.deepEqual(decodeListOffsetsResponse(version, body).partitions, [
        {
          topic: 'a',
          partition: 0,
          errorCode: 0,
          timestamp: 1_700_000_000_123n,
          offset: 0x1234567890n,
          leaderEpoch: version >= 4 ? 3 : -1,
        },
        { topic: 'a', partition: 2, errorCode: 78, timestamp: -1n, offset: -1n, leaderEpoch: -1 },
      ]);
    }
    for (const [version, body] of golden('OffsetForLeaderEpochResponse')) {
      const expected = [{ topic: 't', partition: 1, errorCode: 0, leaderEpoch: 8, endOffset: 1234n }];
      assert.deepEqual(decodeOffsetForLeaderEpochResponse(version, body).partitions, expected);
    }
  });

  test('OffsetCommit and OffsetFetch', () => {
    for (const [version, body] of golden('OffsetCommitResponse')) {
      assert.deepEqual(decodeOffsetCommitResponse(version, body).partitions, [
        { topic: 't', partition: 3, errorCode: 0 },
        { topic: 't', partition: 4, errorCode: 25 },
      ]);
    }
    for (const [version, body] of golden('OffsetFetchResponse')) {
      assert.deepEqual(decodeOffsetFetchResponse(version, body), {
        throttleTimeMs: 6,
        errorCode: 14,
        partitions: [
          { topic: 't', partition: 3, errorCode: 0, offset: 77n, leaderEpoch: 5, metadata: '1:[]' },
          { topic: 't', partition: 4, errorCode: 88, offset: -1n, leaderEpoch: -1, metadata: null },
        ],
      });
    }
  });

  test('Fetch, with tagged fields passed over and records as a view into the response', () => {
    for (const [version, body] of golden('FetchResponse')) {
      const response = decodeFetchResponse(version, body);
      assert.equal(response.throttleTimeMs, 11);
      assert.equal(response.sessionId, version >= 7 ? 77 : 0);
      const [topic] = response.topics;
      assert.equal(topic?.topic, version >= 13 ? '' : 'orders');
      assert.equal(topic?.topicId, version >= 13 ? TOPIC_ID : null);
      const [first, second] = topic?.partitions ?? [];
      const { records, ...rest } = first ?? { records: null };
      assert.deepEqual(rest, {
        partition: 0,
        errorCode: 0,
        highWatermark: 2 ** 40 + 9,
        lastStableOffset: 2 ** 40 + 8,
        logStartOffset: version >= 5 ? 12 : -1,
        abortedTransactions: [{ producerId: 2n ** 63n - 1n, firstOffset: 2 ** 40 + 1 }],
        preferredReadReplica: version >= 11 ? 3 : -1,
      });
      assert.deepEqual([...(records ?? [])], [1, 2, 3, 4, 5, 6, 7]);
      assert.equal(records?.buffer, body.buffer);
      assert.equal(second?.errorCode, 6);
      assert.equal(second?.highWatermark, -1);
      assert.deepEqual(second?.abortedTransactions, []);
      assert.equal(second?.records?.length ?? 0, 0);
    }
  });

  test('Produce, with the records that were to blame', () => {
    for (const [version, body] of golden('ProduceResponse')) {
      const response = decodeProduceResponse(version, body);
      assert.equal(response.throttleTimeMs, 8);
      const errors = [
        { batchIndex: 2, message: 'no key' },
        { batchIndex: 4, message: null },
      ];
      assert.deepEqual(response.topics, [
        {
          topic: 'orders',
          partitions: [
            {
              partition: 0,
              errorCode: 0,
              baseOffset: 2 ** 33,
              logAppendTimeMs: -1,
              logStartOffset: version >= 5 ? 4 : -1,
              recordErrors: [],
              errorMessage: null,
            },
            {
              partition: 3,
              errorCode: 87,
              baseOffset: -1,
              logAppendTimeMs: 1_700_000_000_123,
              logStartOffset: -1,
              recordErrors: version >= 8 ? errors : [],
              errorMessage: version >= 8 ? 'bad' : null,
            },
          ],
        },
      ]);
    }
  });

  const producerId = 2n ** 63n - 1n;

  test('AddPartitionsToTxn, AddOffsetsToTxn, EndTxn and TxnOffsetCommit', () => {
    for (const [version, body] of golden('AddPartitionsToTxnResponse')) {
      const partitions = [
        { topic: 'a', partition: 0, errorCode: 55 },
        { topic: 'a', partition: 2, errorCode: 3 },
        { topic: 'b', partition: 1, errorCode: 29 },
      ];
      assert.deepEqual(decodeAddPartitionsToTxnResponse(version, body), { throttleTimeMs: 4, partitions });
    }
    for (const [version, body] of golden('AddOffsetsToTxnResponse'))
      assert.deepEqual(decodeAddOffsetsToTxnResponse(version, body), { throttleTimeMs: 5, errorCode: 47 });
    for (const [version, body] of golden('EndTxnResponse'))
      assert.deepEqual(decodeEndTxnResponse(version, body), { throttleTimeMs: 6, errorCode: 51 });
    for (const [version, body] of golden('TxnOffsetCommitResponse')) {
      const partitions = [
        { topic: 't', partition: 3, errorCode: 0 },
        { topic: 't', partition: 4, errorCode: 12 },
      ];
      assert.deepEqual(decodeTxnOffsetCommitResponse(version, body), { throttleTimeMs: 9, partitions });
    }
  });

  test('WriteTxnMarkers and DescribeProducers', () => {
    for (const [version, body] of golden('WriteTxnMarkersResponse')) {
      const partitions = [
        { topic: 'a', partition: 0, errorCode: 0 },
        { topic: 'a', partition: 2, errorCode: 31 },
      ];
      assert.deepEqual(decodeWriteTxnMarkersResponse(version, body), { markers: [{ producerId, partitions }] });
    }
    const ended = { lastSequence: 41, lastTimestampMs: 1_700_000_000_123n, coordinatorEpoch: 7 };
    const open = { lastSequence: -1, lastTimestampMs: -1n, coordinatorEpoch: -1 };
    const producers = [
      { producerId, producerEpoch: 9, ...ended, currentTxnStartOffset: -1n },
      { producerId: 12n, producerEpoch: 0, ...open, currentTxnStartOffset: 88n },
    ];
    for (const [version, body] of golden('DescribeProducersResponse')) {
      assert.deepEqual(decodeDescribeProducersResponse(version, body), {
        throttleTimeMs: 2,
        partitions: [
          { topic: 'a', partition: 0, errorCode: 0, errorMessage: null, producers },
          { topic: 'a', partition: 2, errorCode: 6, errorMessage: 'no', producers: [] },
        ],
      });
    }
  });

  test('DescribeTransactions and ListTransactions', () => {
    for (const [version, body] of golden('DescribeTransactionsResponse')) {
      const { throttleTimeMs, transactions } = decodeDescribeTransactionsResponse(version, body);
      assert.equal(throttleTimeMs, 1);
      assert.deepEqual(transactions[0], {
        errorCode: 0,
        transactionalId: 'tx-1',
        state: 'PrepareAbort',
        timeoutMs: 60_000,
        startTimeMs: 1_700_000_000_123n,
        producerId,
        producerEpoch: 9,
        partitions: [
          { topic: 'a', partition: 0 },
          { topic: 'a', partition: 2 },
        ],
      });
      assert.deepEqual([transactions[1]?.errorCode, transactions[1]?.partitions], [105, []]);
    }
    for (const [version, body] of golden('ListTransactionsResponse')) {
      assert.deepEqual(decodeListTransactionsResponse(version, body), {
        throttleTimeMs: 3,
        errorCode: 14,
        unknownStateFilters: ['Odd'],
        transactions: [{ transactionalId: 'tx-1', producerId, state: 'Empty' }],
      });
    }
  });

  test('DescribeConfigs', () => {
    for (const [version, body] of golden('DescribeConfigsResponse')) {
      assert.deepEqual(decodeDescribeConfigsResponse(version, body), {
        throttleTimeMs: 7,
        results: [
          {
            ...{ errorCode: 0, errorMessage: null, type: 4, name: '1' },
            configs: [
              {
                ...{ name: 'producer.id.expiration.ms', value: '86400000' },
                ...{ isReadOnly: false, source: 5, isSensitive: false },
              },
              { name: 'secret', value: null, isReadOnly: true, source: 1, isSensitive: true },
            ],
          },
          { errorCode: 31, errorMessage: 'no', type: 4, name: '2', configs: [] },
        ],
      });
    }
  });

  test('ApiVersions v0 and v3, and the common version', () => {
    for (const [version, body] of golden('ApiVersionsResponse')) {
      const offered = decodeApiVersions(version as 0 | 3, body);
      assert.deepEqual(offered.get(1), { min: 4, max: 17 });
      assert.equal(commonVersion(ApiKey.Fetch, offered), 15);
      assert.equal(commonVersion(ApiKey.Metadata, offered), 12);
      assert.equal(commonVersion(ApiKey.Produce, offered), undefined);
    }
    assert.equal(commonVersion(ApiKey.Produce, new Map([[ApiKey.Produce, { min: 12, max: 13 }]])), undefined);
  });
});

describe('damaged responses', () => {
  /** Either decoded or refused with KAFKA_PROTOCOL: no other error, and no unbounded work. */
  const harmless = (decode: () => unknown): void => {
    try {
      decode();
    } catch (error) {
      if (!isCausewayError(error, 'KAFKA_PROTOCOL')) throw error;
    }
  };

  test('cut anywhere, they are refused with KAFKA_PROTOCOL', () => {
    for (const [name, decode] of Object.entries(DECODERS)) {
      for (const [version, body] of golden(name)) {
        for (let length = 0; length < body.length; length += 1) {
          const refused = (error: unknown): boolean => isCausewayError(error, 'KAFKA_PROTOCOL');
          assert.throws(
            () => decode(version, body.subarray(0, length)),
            refused,
            `${name} v${version} cut to ${length}`,
          );
        }
      }
    }
  });

  test('with bytes behind their end, they are refused with KAFKA_PROTOCOL', () => {
    for (const [name, decode] of Object.entries(DECODERS)) {
      for (const [version, body] of golden(name)) {
        const refused = (error: unknown): boolean => isCausewayError(error, 'KAFKA_PROTOCOL');
        assert.throws(() => decode(version, Buffer.concat([body, Buffer.alloc(1)])), refused, `${name} v${version}`);
      }
    }
  });

  test('with any byte set to its extremes, they are decoded or refused, never worse', () => {
    for (const [name, decode] of Object.entries(DECODERS)) {
      for (const [version, body] of golden(name)) {
        for (let at = 0; at < body.length; at += 1) {
          for (const value of [0x00, 0x7f, 0x80, 0xff]) {
            const damaged = Buffer.from(body);
            damaged[at] = value;
            harmless(() => decode(version, damaged));
          }
        }
      }
    }
  });

  test('offsets beyond 2^53 are refused, ids are not', () => {
    const [version, body] = golden('ProduceResponse').at(-1) as [number, Buffer];
    const damaged = Buffer.from(body);
    const at = damaged.indexOf(Buffer.from('0000000200000000', 'hex'));
    assert.ok(at > 0);
    damaged[at + 1] = 0x20;
    assert.throws(
      () => decodeProduceResponse(version, damaged),
      (error) => isCausewayError(error, 'KAFKA_PROTOCOL'),
    );
  });
});
