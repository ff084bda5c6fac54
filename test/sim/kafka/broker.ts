import { ApiKey } from '../../../common/kafka/wire/api-keys.js';
import type { AddPartitionsToTxnRequest } from '../../../common/kafka/wire/apis/add-partitions-to-txn.js';
import type { DescribeConfigsRequest } from '../../../common/kafka/wire/apis/describe-configs.js';
import type { DescribeProducersRequest } from '../../../common/kafka/wire/apis/describe-producers.js';
import type { DescribeTransactionsRequest } from '../../../common/kafka/wire/apis/describe-transactions.js';
import type { EndTxnRequest } from '../../../common/kafka/wire/apis/end-txn.js';
import type { FetchRequest } from '../../../common/kafka/wire/apis/fetch.js';
import type { FindCoordinatorRequest } from '../../../common/kafka/wire/apis/find-coordinator.js';
import type { InitProducerIdRequest } from '../../../common/kafka/wire/apis/init-producer-id.js';
import type { EARLIEST, ListOffsetsRequest } from '../../../common/kafka/wire/apis/list-offsets.js';
import type { ListTransactionsRequest } from '../../../common/kafka/wire/apis/list-transactions.js';
import type { MetadataRequest } from '../../../common/kafka/wire/apis/metadata.js';
import type { OffsetCommitRequest } from '../../../common/kafka/wire/apis/offset-commit.js';
import type { OffsetFetchRequest } from '../../../common/kafka/wire/apis/offset-fetch.js';
import type { OffsetForLeaderEpochRequest } from '../../../common/kafka/wire/apis/offset-for-leader-epoch.js';
import type { ProduceRequest } from '../../../common/kafka/wire/apis/produce.js';
import type { WriteTxnMarkersRequest } from '../../../common/kafka/wire/apis/write-txn-markers.js';
import { partitionKey, type TopicPartition } from '../../../common/model/topic-partition.js';
import { leaderFault, type Respond } from './answering.js';
import type { Broker, KafkaCluster } from './cluster.js';
import { answerFetch } from './fetch-answer.js';
import { answerProduce } from './produce-answer.js';

/** Kafka's defaults. */
const CONFIGS: ReadonlyMap<string, string> = new Map([
  ['producer.id.expiration.ms', '86400000'],
  ['transactional.id.expiration.ms', '604800000'],
]);

const EARLIEST_TIMESTAMP: typeof EARLIEST = -2n;
const COORDINATOR_LOAD_IN_PROGRESS = 14;
const NOT_COORDINATOR = 16;
const CLUSTER_AUTHORIZATION_FAILED = 31;
const OFFSET_NOT_AVAILABLE = 78;
const TRANSACTIONAL_ID_NOT_FOUND = 105;
/** What coordinators write down before they answer. */
const DECISION_MS = [0.3, 4] as const;

/** What one broker answers to one request; `respond` is called once, now or later. */
export function answer(cluster: KafkaCluster, broker: Broker, api: ApiKey, request: unknown, respond: Respond): void {
  const ok = { throttleTimeMs: 0 };
  switch (api) {
    case ApiKey.Metadata:
      respond(metadata(cluster, request as MetadataRequest));
      return;
    case ApiKey.FindCoordinator:
      respond(coordinator(cluster, request as FindCoordinatorRequest));
      return;
    case ApiKey.Produce:
      answerProduce(cluster, broker, request as ProduceRequest, respond);
      return;
    case ApiKey.Fetch:
      answerFetch(cluster, broker, request as FetchRequest, respond);
      return;
    case ApiKey.ListOffsets:
      respond({ ...ok, partitions: listOffsets(cluster, broker, request as ListOffsetsRequest) });
      return;
    case ApiKey.OffsetForLeaderEpoch:
      respond({ ...ok, partitions: epochEnds(cluster, broker, request as OffsetForLeaderEpochRequest) });
      return;
    case ApiKey.OffsetCommit:
      decided(cluster, () => respond({ ...ok, partitions: commit(cluster, broker, request as OffsetCommitRequest) }));
      return;
    case ApiKey.OffsetFetch:
      respond({ ...ok, ...committed(cluster, broker, request as OffsetFetchRequest) });
      return;
    case ApiKey.DescribeProducers:
      respond({ ...ok, partitions: producers(cluster, request as DescribeProducersRequest) });
      return;
    case ApiKey.DescribeConfigs:
      respond({ ...ok, results: configs(request as DescribeConfigsRequest) });
      return;
    case ApiKey.WriteTxnMarkers:
      respond(refusedMarkers(request as WriteTxnMarkersRequest));
      return;
    default:
      answerTransaction(cluster, broker, api, request, respond);
      return;
  }
}

function answerTransaction(
  cluster: KafkaCluster,
  broker: Broker,
  api: ApiKey,
  request: unknown,
  respond: Respond,
): void {
  const { transactions } = cluster;
  const later = (answer: object): void => decided(cluster, () => respond({ throttleTimeMs: 0, ...answer }));
  const refusal = (id: string): number => coordinatorFault(cluster, broker, id);
  switch (api) {
    case ApiKey.InitProducerId: {
      const { transactionalId } = request as InitProducerIdRequest;
      const errorCode = refusal(transactionalId ?? '');
      later(
        errorCode === 0 ? transactions.init(transactionalId ?? '') : { errorCode, producerId: -1n, producerEpoch: -1 },
      );
      return;
    }
    case ApiKey.AddPartitionsToTxn: {
      const { partitions, ...identity } = request as AddPartitionsToTxnRequest;
      const fault = refusal(identity.transactionalId);
      const codes = fault === 0 ? transactions.add(identity, partitions) : partitions.map(() => fault);
      later({ partitions: partitions.map((place, index) => ({ ...place, errorCode: codes[index] })) });
      return;
    }
    case ApiKey.EndTxn: {
      const identity = request as EndTxnRequest;
      later({ errorCode: refusal(identity.transactionalId) || transactions.end(identity) });
      return;
    }
    case ApiKey.DescribeTransactions: {
      const { transactionalIds } = request as DescribeTransactionsRequest;
      later({ transactions: transactionalIds.map((id) => describe(cluster, id, refusal(id))) });
      return;
    }
    case ApiKey.ListTransactions:
      later(listed(cluster, broker, request as ListTransactionsRequest));
      return;
    default:
      throw new RangeError(`the model has no api ${api}`);
  }
}

function describe({ transactions }: KafkaCluster, transactionalId: string, fault: number): object {
  const known = transactions.describe(transactionalId);
  const errorCode = fault || (known === undefined ? TRANSACTIONAL_ID_NOT_FOUND : 0);
  const nothing = { state: '', producerId: -1n, producerEpoch: -1, partitions: [] };
  return { ...(errorCode === 0 ? known : nothing), errorCode, transactionalId, timeoutMs: 60_000, startTimeMs: -1n };
}

/** What this broker coordinates, in whatever state. */
function listed(cluster: KafkaCluster, broker: Broker, { producerIdFilters }: ListTransactionsRequest): object {
  if (cluster.isLoading) {
    return { errorCode: COORDINATOR_LOAD_IN_PROGRESS, unknownStateFilters: [], transactions: [] };
  }
  const transactions = cluster.transactions
    .list(producerIdFilters)
    .filter(({ transactionalId }) => cluster.coordinatorOf(transactionalId) === broker.id);
  return { errorCode: 0, unknownStateFilters: [], transactions };
}

function decided(cluster: KafkaCluster, respond: () => void): void {
  cluster.timeline.after(cluster.dice.between(...DECISION_MS), respond);
}

function coordinatorFault(cluster: KafkaCluster, broker: Broker, key: string): number {
  if (cluster.coordinatorOf(key) !== broker.id) return NOT_COORDINATOR;
  return cluster.isLoading ? COORDINATOR_LOAD_IN_PROGRESS : 0;
}

function metadata(cluster: KafkaCluster, { topics }: MetadataRequest): object {
  const names = topics ?? [...cluster.topics.keys()];
  const up = cluster.brokers.filter(({ isUp }) => isUp);
  return {
    throttleTimeMs: 0,
    brokers: up.map(({ id }) => ({ id, host: `${cluster.name}-${id}`, port: 9092, rack: null })),
    clusterId: `cluster-${cluster.name}`,
    controllerId: up[0]?.id ?? -1,
    topics: names.map((name) => {
      const topic = cluster.topics.get(name);
      const partitions = (topic?.partitions ?? []).map(({ number, shown }) => ({
        partition: number,
        errorCode: shown.leader < 0 ? 5 : 0,
        leader: shown.leader,
        leaderEpoch: shown.epoch,
        replicas: [1, 2],
        isr: [1, 2],
      }));
      return { name, topicId: topic?.id ?? null, errorCode: topic === undefined ? 3 : 0, internal: false, partitions };
    }),
  };
}

function coordinator(cluster: KafkaCluster, { key }: FindCoordinatorRequest): object {
  const nodeId = cluster.coordinatorOf(key);
  return { throttleTimeMs: 0, errorCode: 0, errorMessage: null, nodeId, host: `${cluster.name}-${nodeId}`, port: 9092 };
}

function listOffsets(cluster: KafkaCluster, broker: Broker, { partitions }: ListOffsetsRequest): object[] {
  return partitions.map(({ topic, partition: number, currentLeaderEpoch, timestamp }) => {
    const partition = cluster.partition({ topic, partition: number });
    const isEarliest = timestamp === EARLIEST_TIMESTAMP;
    let errorCode = leaderFault(partition, broker, currentLeaderEpoch);
    if (errorCode === 0 && !isEarliest && partition?.isSettling === true) errorCode = OFFSET_NOT_AVAILABLE;
    const offset = errorCode !== 0 ? -1n : isEarliest ? 0n : BigInt(partition?.highWatermark ?? -1);
    return { topic, partition: number, errorCode, timestamp: -1n, offset, leaderEpoch: partition?.epoch ?? -1 };
  });
}

function epochEnds(cluster: KafkaCluster, broker: Broker, { partitions }: OffsetForLeaderEpochRequest): object[] {
  return partitions.map(({ topic, partition: number, currentLeaderEpoch, leaderEpoch }) => {
    const partition = cluster.partition({ topic, partition: number });
    const errorCode = leaderFault(partition, broker, currentLeaderEpoch);
    const end = errorCode === 0 ? partition?.endOfEpoch(leaderEpoch) : undefined;
    const endOffset = BigInt(end?.end ?? -1);
    return { topic, partition: number, errorCode, leaderEpoch: end?.epoch ?? -1, endOffset };
  });
}

function commit(cluster: KafkaCluster, broker: Broker, { groupId, partitions }: OffsetCommitRequest): object[] {
  const errorCode = coordinatorFault(cluster, broker, groupId);
  const group = cluster.offsets.get(groupId) ?? new Map();
  if (errorCode === 0) cluster.offsets.set(groupId, group);
  return partitions.map(({ topic, partition, offset, metadata: text }) => {
    if (errorCode === 0) group.set(partitionKey(topic, partition), { offset, metadata: text });
    return { topic, partition, errorCode };
  });
}

function committed(cluster: KafkaCluster, broker: Broker, { groupId, partitions }: OffsetFetchRequest): object {
  const errorCode = coordinatorFault(cluster, broker, groupId);
  const group = cluster.offsets.get(groupId);
  const answers = (errorCode === 0 ? (partitions ?? []) : []).map(({ topic, partition }) => {
    const known = group?.get(partitionKey(topic, partition));
    const { offset = -1n, metadata: text = '' } = known ?? {};
    return { topic, partition, errorCode: 0, offset, leaderEpoch: -1, metadata: text };
  });
  return { errorCode, partitions: answers };
}

function producers(cluster: KafkaCluster, { partitions }: DescribeProducersRequest): object[] {
  return partitions.map((place: TopicPartition) => {
    const known = cluster.partition(place)?.log.producers() ?? [];
    return {
      ...place,
      errorCode: 0,
      errorMessage: null,
      producers: known.map(({ producerId, epoch, lastSequence }) => ({
        producerId,
        producerEpoch: epoch,
        lastSequence,
        lastTimestampMs: 0n,
        coordinatorEpoch: 0,
        currentTxnStartOffset: -1n,
      })),
    };
  });
}

function configs({ resources }: DescribeConfigsRequest): object[] {
  return resources.map(({ type, name, keys }) => {
    const values = (keys ?? [...CONFIGS.keys()]).map((key) => ({ name: key, value: CONFIGS.get(key) ?? null }));
    return { errorCode: 0, errorMessage: null, type, name, configs: values };
  });
}

/** Nobody here has rights on the cluster. */
function refusedMarkers({ markers }: WriteTxnMarkersRequest): object {
  const errorCode = CLUSTER_AUTHORIZATION_FAILED;
  return {
    markers: markers.map(({ producerId, partitions }) => ({
      producerId,
      partitions: partitions.map((place) => ({ ...place, errorCode })),
    })),
  };
}
