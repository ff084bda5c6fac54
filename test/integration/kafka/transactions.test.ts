import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ApiKey } from '../../../common/kafka/wire/api-keys.js';
import { ADD_OFFSETS_TO_TXN } from '../../../common/kafka/wire/apis/add-offsets-to-txn.js';
import { ADD_PARTITIONS_TO_TXN } from '../../../common/kafka/wire/apis/add-partitions-to-txn.js';
import { DESCRIBE_PRODUCERS } from '../../../common/kafka/wire/apis/describe-producers.js';
import { DESCRIBE_TRANSACTIONS } from '../../../common/kafka/wire/apis/describe-transactions.js';
import { END_TXN } from '../../../common/kafka/wire/apis/end-txn.js';
import { LIST_TRANSACTIONS } from '../../../common/kafka/wire/apis/list-transactions.js';
import { TXN_OFFSET_COMMIT } from '../../../common/kafka/wire/apis/txn-offset-commit.js';
import { WRITE_TXN_MARKERS } from '../../../common/kafka/wire/apis/write-txn-markers.js';
import type { Api } from '../../../common/kafka/wire/call.js';
import type { ClusterClient } from '../../../common/kafka/wire/cluster-client.js';
import type { BrokerConnection } from '../../../common/kafka/wire/connection.js';
import { fetchOffsets } from '../../../common/kafka/wire/operations/fetch-offsets.js';
import { createTopics } from '../../audit/topics.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import type { KafkaVersion } from '../../bed/kafka-set.js';
import { waitUntil } from '../../bed/wait.js';
import { TestLane } from './fencing-kit.js';
import { callVersion, clientOf, connectionTo, sharedVersions } from './wire-kit.js';

const VERSIONS: readonly KafkaVersion[] = ['3.9.1', '4.1.0'];
const DATA = { topic: 'txn.data', partition: 0 };
const GROUP = 'txn-group';
const CONCURRENT_TRANSACTIONS = 51;

for (const version of VERSIONS) {
  describe(`every RPC of transactions in every version that Kafka ${version} and we share`, () => {
    let handle: KafkaClusterHandle;
    let client: ClusterClient;
    let connection: BrokerConnection;
    let lane: TestLane;

    before(async () => {
      handle = await startKafkaCluster({ name: `transactions-${version}`, version });
      await createTopics(handle.bootstrapServers, [{ topic: DATA.topic, partitions: 1 }]);
      client = clientOf(connectionTo(handle));
      lane = await TestLane.open(client, 'txn-lane');
      await client.coordinator('group', GROUP);
      connection = await client.connection(1, 'test');
    });

    after(async () => {
      await client.close();
      await handle.stop();
    });

    const versionsOf = (api: { readonly key: ApiKey }): number[] => sharedVersions(connection, api.key);

    /** In this version, once the transaction before is over (51 until then) and the coordinators are in office (14, 15, 16). */
    const settled = async <Q, A>(api: Api<Q, A>, apiVersion: number, request: Q, codeOf: (answer: A) => number) => {
      let answer: A | undefined;
      await waitUntil(`an answer in version ${apiVersion}`, async () => {
        answer = await callVersion(connection, api, apiVersion, request);
        return ![CONCURRENT_TRANSACTIONS, 14, 15, 16].includes(codeOf(answer));
      });
      return answer as A;
    };
    const begin = async (apiVersion: number): Promise<void> => {
      const request = { ...lane.identity, partitions: [DATA] };
      const codeOf = (answer: { partitions: readonly { errorCode: number }[] }) =>
        answer.partitions[0]?.errorCode ?? -1;
      const answer = await settled(ADD_PARTITIONS_TO_TXN, apiVersion, request, codeOf);
      assert.deepEqual(answer.partitions, [{ ...DATA, errorCode: 0 }], `v${apiVersion}`);
    };
    const end = async (apiVersion: number, committed: boolean): Promise<void> => {
      const answer = await settled(END_TXN, apiVersion, { ...lane.identity, committed }, ({ errorCode }) => errorCode);
      assert.equal(answer.errorCode, 0, `v${apiVersion}`);
    };

    test('AddPartitionsToTxn and EndTxn', async () => {
      for (const apiVersion of versionsOf(ADD_PARTITIONS_TO_TXN)) {
        await begin(apiVersion);
        await end(4, false);
      }
      for (const apiVersion of versionsOf(END_TXN)) {
        await begin(3);
        await end(apiVersion, apiVersion % 2 === 0);
      }
    });

    test('a partition that is not there fails the others with 55', async () => {
      const missing = { topic: 'txn.missing', partition: 0 };
      const request = { ...lane.identity, partitions: [DATA, missing] };
      const [last = 0] = versionsOf(ADD_PARTITIONS_TO_TXN).slice(-1);
      const answer = await settled(
        ADD_PARTITIONS_TO_TXN,
        last,
        request,
        ({ partitions }) => partitions[0]?.errorCode ?? -1,
      );
      const codes = new Map(answer.partitions.map(({ topic, errorCode }) => [topic, errorCode]));
      assert.deepEqual([codes.get(DATA.topic), codes.get(missing.topic)], [55, 3]);
    });

    test('AddOffsetsToTxn and TxnOffsetCommit: the offset counts from the commit on', async () => {
      let offset = 0n;
      for (const apiVersion of versionsOf(TXN_OFFSET_COMMIT)) {
        offset += 10n;
        const added = { ...lane.identity, groupId: GROUP };
        const answer = await settled(ADD_OFFSETS_TO_TXN, apiVersion, added, ({ errorCode }) => errorCode);
        assert.equal(answer.errorCode, 0, `v${apiVersion}`);
        const partitions = [{ ...DATA, offset, leaderEpoch: -1, metadata: 'm' }];
        const committed = await settled(
          TXN_OFFSET_COMMIT,
          apiVersion,
          { ...added, partitions },
          ({ partitions: [first] }) => first?.errorCode ?? -1,
        );
        assert.deepEqual(committed.partitions, [{ ...DATA, errorCode: 0 }], `v${apiVersion}`);
        await end(4, true);
        // Its marker follows the answer.
        await waitUntil(`offset ${offset} counts`, async () => {
          const [fetched] = await fetchOffsets(client, GROUP, [DATA], true);
          return fetched?.offset === offset && fetched.metadata === 'm';
        });
      }
    });

    test('DescribeTransactions and ListTransactions', async () => {
      await begin(3);
      for (const apiVersion of versionsOf(DESCRIBE_TRANSACTIONS)) {
        const request = { transactionalIds: ['txn-lane', 'txn-unknown'] };
        const { transactions } = await callVersion(connection, DESCRIBE_TRANSACTIONS, apiVersion, request);
        const [open, unknown] = transactions;
        assert.deepEqual(
          [open?.errorCode, open?.state, open?.timeoutMs, open?.partitions],
          [0, 'Ongoing', 60_000, [DATA]],
        );
        assert.deepEqual(
          [open?.producerId, open?.producerEpoch],
          [lane.identity.producerId, lane.identity.producerEpoch],
        );
        assert.equal(unknown?.errorCode, 105);
      }
      for (const apiVersion of versionsOf(LIST_TRANSACTIONS)) {
        const list = (stateFilters: readonly string[]) =>
          callVersion(connection, LIST_TRANSACTIONS, apiVersion, {
            stateFilters,
            producerIdFilters: [],
            durationMs: -1n,
          });
        const { errorCode, transactions } = await list(['Ongoing']);
        const { producerId } = lane.identity;
        assert.deepEqual(
          [errorCode, transactions],
          [0, [{ transactionalId: 'txn-lane', producerId, state: 'Ongoing' }]],
        );
        assert.deepEqual((await list(['Odd'])).unknownStateFilters, ['Odd']);
      }
      await end(4, false);
    });

    test('WriteTxnMarkers and DescribeProducers', async () => {
      const written = await TestLane.open(client, 'txn-written');
      await written.mustWrite([DATA]);
      const { producerId, producerEpoch } = written.identity;
      const seen = async () => {
        const { partitions } = await callVersion(connection, DESCRIBE_PRODUCERS, 0, { partitions: [DATA] });
        assert.equal(partitions[0]?.errorCode, 0);
        return partitions[0]?.producers.find((producer) => producer.producerId === producerId);
      };
      const before = await seen();
      assert.deepEqual([before?.producerEpoch, before?.lastSequence, before?.coordinatorEpoch], [producerEpoch, 1, -1]);
      let epoch = producerEpoch;
      for (const apiVersion of versionsOf(WRITE_TXN_MARKERS).filter((v) => v >= (version === '3.9.1' ? 0 : 1))) {
        epoch += 1;
        const marker = { producerId, producerEpoch: epoch, committed: false, coordinatorEpoch: 0, partitions: [DATA] };
        const { markers } = await callVersion(connection, WRITE_TXN_MARKERS, apiVersion, { markers: [marker] });
        assert.deepEqual(markers, [{ producerId, partitions: [{ ...DATA, errorCode: 0 }] }], `v${apiVersion}`);
        assert.deepEqual([(await seen())?.producerEpoch, (await seen())?.coordinatorEpoch], [epoch, 0]);
      }
    });
  });
}
