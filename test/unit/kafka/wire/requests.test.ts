import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApiKey } from '../../../../common/kafka/wire/api-keys.js';
import { encodeAddOffsetsToTxnRequest } from '../../../../common/kafka/wire/apis/add-offsets-to-txn.js';
import { encodeAddPartitionsToTxnRequest } from '../../../../common/kafka/wire/apis/add-partitions-to-txn.js';
import { BROKER_RESOURCE, encodeDescribeConfigsRequest } from '../../../../common/kafka/wire/apis/describe-configs.js';
import { encodeDescribeProducersRequest } from '../../../../common/kafka/wire/apis/describe-producers.js';
import { encodeDescribeTransactionsRequest } from '../../../../common/kafka/wire/apis/describe-transactions.js';
import { encodeEndTxnRequest } from '../../../../common/kafka/wire/apis/end-txn.js';
import { encodeFetchRequest } from '../../../../common/kafka/wire/apis/fetch.js';
import { encodeFindCoordinatorRequest } from '../../../../common/kafka/wire/apis/find-coordinator.js';
import { encodeInitProducerIdRequest } from '../../../../common/kafka/wire/apis/init-producer-id.js';
import { EARLIEST, encodeListOffsetsRequest, LATEST } from '../../../../common/kafka/wire/apis/list-offsets.js';
import { encodeListTransactionsRequest } from '../../../../common/kafka/wire/apis/list-transactions.js';
import { encodeMetadataRequest } from '../../../../common/kafka/wire/apis/metadata.js';
import { encodeOffsetCommitRequest } from '../../../../common/kafka/wire/apis/offset-commit.js';
import { encodeOffsetFetchRequest } from '../../../../common/kafka/wire/apis/offset-fetch.js';
import { encodeOffsetForLeaderEpochRequest } from '../../../../common/kafka/wire/apis/offset-for-leader-epoch.js';
import { encodeProduceRequest } from '../../../../common/kafka/wire/apis/produce.js';
import { encodeTxnOffsetCommitRequest } from '../../../../common/kafka/wire/apis/txn-offset-commit.js';
import { encodeWriteTxnMarkersRequest } from '../../../../common/kafka/wire/apis/write-txn-markers.js';
import { requestHeader } from '../../../../common/kafka/wire/headers.js';
import { GOLDEN_REQUESTS } from './golden-requests.js';

const TOPIC_ID = '01234567-89ab-cdef-8edc-ba9876543210';

/** Every version of the golden request must come out byte for byte. */
function same(name: string, encode: (version: number) => Buffer[]): void {
  const golden = GOLDEN_REQUESTS[name];
  assert.ok(golden, name);
  for (const [version, hex] of Object.entries(golden)) {
    assert.equal(Buffer.concat(encode(Number(version))).toString('hex'), hex, `${name} v${version}`);
  }
}

describe('requests are byte for byte what Kafka’s Java client writes, in every version', () => {
  test('Metadata', () => {
    same('MetadataRequest.two', (version) => encodeMetadataRequest(version, { topics: ['orders', 'é'] }));
    same('MetadataRequest.all', (version) => encodeMetadataRequest(version, { topics: null }));
  });

  test('FindCoordinator', () => {
    same('FindCoordinatorRequest', (version) =>
      encodeFindCoordinatorRequest(version, { kind: 'transaction', key: 'tx-1' }),
    );
  });

  test('DescribeConfigs', () => {
    const keys = ['producer.id.expiration.ms', 'é'];
    same('DescribeConfigsRequest', (version) =>
      encodeDescribeConfigsRequest(version, { resources: [{ type: BROKER_RESOURCE, name: '1', keys }] }),
    );
  });

  test('InitProducerId', () => {
    const bare = { transactionTimeoutMs: 60_000, producerId: -1n, producerEpoch: -1 };
    same('InitProducerIdRequest.bare', (version) =>
      encodeInitProducerIdRequest(version, { ...bare, transactionalId: 'tx-1' }),
    );
    same('InitProducerIdRequest.null', (version) =>
      encodeInitProducerIdRequest(version, { ...bare, transactionalId: null }),
    );
    const current = {
      transactionalId: 'tx-1',
      transactionTimeoutMs: 60_000,
      producerId: 2n ** 63n - 1n,
      producerEpoch: 9,
    };
    same('InitProducerIdRequest.current', (version) => encodeInitProducerIdRequest(version, current));
  });

  test('ListOffsets', () => {
    const partitions = [
      { topic: 'a', partition: 0, currentLeaderEpoch: 3, timestamp: EARLIEST },
      { topic: 'b', partition: 1, currentLeaderEpoch: 4, timestamp: LATEST },
      { topic: 'a', partition: 2, currentLeaderEpoch: -1, timestamp: 1_700_000_000_123n },
    ];
    same('ListOffsetsRequest', (version) => encodeListOffsetsRequest(version, { isolationLevel: 1, partitions }));
  });

  test('OffsetCommit and OffsetFetch', () => {
    const partitions = [
      { topic: 't', partition: 3, offset: 77n, leaderEpoch: 5, metadata: '1:[]' },
      { topic: 't', partition: 4, offset: 0n, leaderEpoch: -1, metadata: '' },
    ];
    same('OffsetCommitRequest', (version) => encodeOffsetCommitRequest(version, { groupId: 'g', partitions }));
    const fetch = { groupId: 'g', partitions, requireStable: true };
    same('OffsetFetchRequest', (version) => encodeOffsetFetchRequest(version, fetch));
    const all = { groupId: 'g', partitions: null, requireStable: false };
    same('OffsetFetchRequest.all', (version) => encodeOffsetFetchRequest(version, all));
  });

  test('OffsetForLeaderEpoch', () => {
    const partitions = [{ topic: 't', partition: 1, currentLeaderEpoch: 9, leaderEpoch: 8 }];
    same('OffsetForLeaderEpochRequest', (version) => encodeOffsetForLeaderEpochRequest(version, { partitions }));
  });

  test('Fetch', () => {
    const topic = { topic: 'orders', topicId: TOPIC_ID, maxBytes: 1_048_576 };
    const request = {
      maxWaitMs: 500,
      minBytes: 1,
      maxBytes: 8_388_608,
      isolationLevel: 1,
      sessionId: 77,
      sessionEpoch: 3,
      partitions: [
        { ...topic, partition: 0, fetchOffset: 2 ** 40, currentLeaderEpoch: 6 },
        { ...topic, partition: 5, fetchOffset: 0, currentLeaderEpoch: -1 },
      ],
      forgotten: [{ ...topic, partition: 2 }],
      rackId: 'zone-a',
    } as const;
    same('FetchRequest', (version) => encodeFetchRequest(version, request));
  });

  test('Produce, with the records in several pieces', () => {
    const records = [Buffer.from([1, 2, 3]), Buffer.from([4, 5, 6, 7])];
    const partitions = [
      { topic: 'orders', partition: 0, records },
      { topic: 'x', partition: 1, records },
      { topic: 'orders', partition: 3, records },
    ];
    const request = { transactionalId: null, acks: -1, timeoutMs: 20_000, partitions } as const;
    same('ProduceRequest', (version) => encodeProduceRequest(version, request));
  });

  const lane = { transactionalId: 'tx-1', producerId: 2n ** 63n - 1n, producerEpoch: 9 };
  const spread = [
    { topic: 'a', partition: 0 },
    { topic: 'b', partition: 1 },
    { topic: 'a', partition: 2 },
  ];

  test('AddPartitionsToTxn, AddOffsetsToTxn and EndTxn', () => {
    const add = { ...lane, partitions: spread };
    same('AddPartitionsToTxnRequest', (version) => encodeAddPartitionsToTxnRequest(version, add));
    same('AddOffsetsToTxnRequest', (version) => encodeAddOffsetsToTxnRequest(version, { ...lane, groupId: 'g' }));
    same('EndTxnRequest', (version) => encodeEndTxnRequest(version, { ...lane, committed: false }));
    same('EndTxnRequest.commit', (version) => encodeEndTxnRequest(version, { ...lane, committed: true }));
  });

  test('TxnOffsetCommit', () => {
    const partitions = [
      { topic: 't', partition: 3, offset: 77n, leaderEpoch: 5, metadata: '1:[]' },
      { topic: 't', partition: 4, offset: 0n, leaderEpoch: -1, metadata: '' },
    ];
    const request = { ...lane, groupId: 'g', partitions };
    same('TxnOffsetCommitRequest', (version) => encodeTxnOffsetCommitRequest(version, request));
  });

  test('WriteTxnMarkers', () => {
    const { producerId, producerEpoch } = lane;
    const marker = { producerId, producerEpoch, committed: false, coordinatorEpoch: 7, partitions: spread };
    same('WriteTxnMarkersRequest', (version) => encodeWriteTxnMarkersRequest(version, { markers: [marker] }));
  });

  test('DescribeProducers, DescribeTransactions and ListTransactions', () => {
    same('DescribeProducersRequest', (version) => encodeDescribeProducersRequest(version, { partitions: spread }));
    const transactionalIds = ['tx-1', 'tx-2'];
    same('DescribeTransactionsRequest', (version) => encodeDescribeTransactionsRequest(version, { transactionalIds }));
    const list = { stateFilters: ['Ongoing'], producerIdFilters: [lane.producerId], durationMs: 1_234n };
    same('ListTransactionsRequest', (version) => encodeListTransactionsRequest(version, list));
  });

  test('the header, plain and flexible', () => {
    const golden = GOLDEN_REQUESTS['RequestHeader'] ?? {};
    const base = { api: ApiKey.Fetch, correlationId: 42, clientId: Buffer.from('causeway-x') };
    const plain = requestHeader({ ...base, version: 11, flexible: false }, [Buffer.alloc(5)]);
    const flexible = requestHeader({ ...base, version: 13, flexible: true }, [Buffer.alloc(5), Buffer.alloc(2)]);
    assert.equal(plain.subarray(4).toString('hex'), golden[1]);
    assert.equal(flexible.subarray(4).toString('hex'), golden[2]);
    assert.equal(plain.readInt32BE(0), plain.length - 4 + 5);
    assert.equal(flexible.readInt32BE(0), flexible.length - 4 + 7);
  });
});

test('record payloads are embedded in a Produce request, not copied', () => {
  const payload = Buffer.alloc(100_000, 7);
  const partitions = [{ topic: 't', partition: 0, records: [Buffer.alloc(61), payload] }];
  const pieces = encodeProduceRequest(9, { transactionalId: null, acks: -1, timeoutMs: 1, partitions });
  assert.ok(pieces.includes(payload));
});

test('the recreated half of a topic travels under its own id', () => {
  const other = 'fedcba98-0000-0000-0000-000000000001';
  const forgotten = [
    { topic: 't', topicId: TOPIC_ID, partition: 0 },
    { topic: 't', topicId: other, partition: 0 },
  ];
  const request = { maxWaitMs: 0, minBytes: 0, maxBytes: 0, isolationLevel: 0, sessionId: 1, sessionEpoch: 1 } as const;
  const bytes = Buffer.concat(encodeFetchRequest(13, { ...request, partitions: [], forgotten, rackId: '' }));
  for (const id of [TOPIC_ID, other]) assert.ok(bytes.includes(Buffer.from(id.replaceAll('-', ''), 'hex')));
});
