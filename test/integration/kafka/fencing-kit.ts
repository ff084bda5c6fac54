import assert from 'node:assert/strict';
import { fenceLane, type LaneFence } from '../../../common/kafka/fencing/fence-lane.js';
import type { FencingClient, LaneIdentity } from '../../../common/kafka/fencing/fencing-client.js';
import { findAbortMarker, type MarkerSearch } from '../../../common/kafka/fencing/find-abort-marker.js';
import type { ApiKey } from '../../../common/kafka/wire/api-keys.js';
import {
  DESCRIBE_TRANSACTIONS,
  type TransactionDescription,
} from '../../../common/kafka/wire/apis/describe-transactions.js';
import { FETCH } from '../../../common/kafka/wire/apis/fetch.js';
import { PRODUCE, type ProducedPartition } from '../../../common/kafka/wire/apis/produce.js';
import { call } from '../../../common/kafka/wire/call.js';
import type { ClusterClient } from '../../../common/kafka/wire/cluster-client.js';
import type { BrokerConnection } from '../../../common/kafka/wire/connection.js';
import { initProducerId } from '../../../common/kafka/wire/operations/init-producer-id.js';
import { CONTROL_BIT, PRODUCER_EPOCH_AT, producerId } from '../../../common/kafka/wire/records/batch-header.js';
import { scanBatches } from '../../../common/kafka/wire/records/batch-scan.js';
import { partitionKey, type TopicPartition } from '../../../common/model/topic-partition.js';
import { waitUntil } from '../../bed/wait.js';
import { batchByHand } from './wire-kit.js';

/** UNKNOWN_TOPIC_OR_PARTITION, LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER. */
const NOT_YET = new Set([3, 5, 6]);
const NEVER = new AbortController().signal;

/** One batch of a log. */
export interface Logged {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly producerId: bigint;
  readonly epoch: number;
  readonly isControl: boolean;
}

/** A lane as a worker has it: plain idempotent batches under a transactional id, one at a time and partition. */
export class TestLane {
  readonly identity: LaneIdentity;
  readonly #client: ClusterClient;
  readonly #sequences = new Map<string, number>();

  private constructor(client: ClusterClient, identity: LaneIdentity) {
    this.#client = client;
    this.identity = identity;
  }

  static async open(client: ClusterClient, transactionalId: string): Promise<TestLane> {
    const { producerId: id, epoch } = await initProducerId(client, transactionalId, 60_000);
    return new TestLane(client, { transactionalId, producerId: id, producerEpoch: epoch });
  }

  nextSequence({ topic, partition }: TopicPartition): number {
    return this.#sequences.get(partitionKey(topic, partition)) ?? 0;
  }

  /** One batch; the sequence goes on when it was stored. */
  async write(to: TopicPartition, values: readonly string[]): Promise<ProducedPartition> {
    const sequence = this.nextSequence(to);
    const { producerId: id, producerEpoch: epoch } = this.identity;
    const answer = await this.send(to, batchByHand(values, { id, epoch, sequence }));
    if (answer.errorCode === 0) this.#sequences.set(partitionKey(to.topic, to.partition), sequence + values.length);
    return answer;
  }

  async send({ topic, partition }: TopicPartition, batch: Buffer): Promise<ProducedPartition> {
    const leader = await leaderOf(this.#client, { topic, partition });
    const connection = await this.#client.connection(leader, 'lane');
    const answer = await call(connection, PRODUCE, {
      transactionalId: null,
      acks: -1,
      timeoutMs: 5_000,
      partitions: [{ topic, partition, records: [batch] }],
    });
    const produced = answer.topics[0]?.partitions[0];
    assert.ok(produced !== undefined);
    return produced;
  }

  /** All of these are stored; a broker may hear of a new topic, or of its office, a moment later. */
  async mustWrite(partitions: readonly TopicPartition[], values: readonly string[] = ['a', 'b']): Promise<void> {
    for (const to of partitions) {
      await waitUntil(`${to.topic}-${to.partition} is written`, async () => {
        const { errorCode } = await this.write(to, values);
        assert.ok(errorCode === 0 || NOT_YET.has(errorCode), `${to.topic}-${to.partition}: ${errorCode}`);
        return errorCode === 0;
      });
    }
  }
}

export async function leaderOf(client: ClusterClient, { topic, partition }: TopicPartition): Promise<number> {
  const found = (await client.metadata([topic])).topics.get(topic);
  return found?.partitions.find((candidate) => candidate.partition === partition)?.leader ?? -1;
}

export function fence(
  client: FencingClient,
  lane: TestLane,
  partitions: readonly TopicPartition[],
  limitMs = 40_000,
): Promise<LaneFence> {
  return fenceLane({ client, lane: lane.identity, partitions, limitMs, signal: NEVER });
}

export function markerOf(
  client: FencingClient,
  lane: TestLane,
  { topic, partition }: TopicPartition,
  minEpoch: number,
  waitMs = 60_000,
): Promise<MarkerSearch> {
  const query = { producerId: lane.identity.producerId, minEpoch, fromOffset: 0n, waitMs };
  return findAbortMarker({ client, topic, partition, ...query, signal: NEVER });
}

/** The marker is there; its offset. */
export async function mustHaveMarker(
  client: FencingClient,
  lane: TestLane,
  of: TopicPartition,
  minEpoch: number,
): Promise<number> {
  const found = await markerOf(client, lane, of, minEpoch);
  assert.ok(found.kind === 'found', `${of.topic}-${of.partition}: ${found.kind}`);
  return Number(found.offset);
}

/** The whole log of a small partition. */
export async function logOf(client: ClusterClient, { topic, partition }: TopicPartition): Promise<Logged[]> {
  const leader = await leaderOf(client, { topic, partition });
  const topicId = (await client.metadata([topic])).topics.get(topic)?.topicId ?? null;
  const bytes = 8 << 20;
  const answer = await call(await client.connection(leader, 'log'), FETCH, {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: bytes,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    partitions: [{ topic, topicId, partition, fetchOffset: 0, currentLeaderEpoch: -1, maxBytes: bytes }],
    forgotten: [],
    rackId: '',
  });
  const cursor = scanBatches(answer.topics[0]?.partitions[0]?.records ?? Buffer.alloc(0));
  const batches: Logged[] = [];
  while (cursor.next()) {
    batches.push({
      baseOffset: cursor.baseOffset,
      lastOffset: cursor.lastOffset,
      producerId: producerId(cursor.buffer, cursor.start),
      epoch: cursor.buffer.readInt16BE(cursor.start + PRODUCER_EPOCH_AT),
      isControl: (cursor.attributes & CONTROL_BIT) !== 0,
    });
  }
  assert.equal(cursor.partial, false);
  return batches;
}

export async function describeId(client: ClusterClient, transactionalId: string): Promise<TransactionDescription> {
  const coordinator = await client.coordinator('transaction', transactionalId);
  const connection = await client.connection(coordinator, 'describe');
  const { transactions } = await call(connection, DESCRIBE_TRANSACTIONS, { transactionalIds: [transactionalId] });
  assert.ok(transactions[0] !== undefined);
  return transactions[0];
}

/** Does something right before the first request of an API leaves. */
export function before(client: ClusterClient, api: ApiKey, act: () => Promise<void>): FencingClient {
  let acted = false;
  const watched = (connection: BrokerConnection): BrokerConnection => {
    const request: BrokerConnection['request'] = async (key, version, body, options) => {
      if (key === api && !acted) {
        acted = true;
        await act();
      }
      return connection.request(key, version, body, options);
    };
    const members: Partial<BrokerConnection> = {
      request,
      requireVersion: (key) => connection.requireVersion(key),
      versionOf: (key) => connection.versionOf(key),
      throttle: (ms) => connection.throttle(ms),
      close: (error) => connection.close(error),
      place: connection.place,
      throttledMs: 0,
    };
    return members as BrokerConnection;
  };
  return {
    cluster: client.cluster,
    clock: client.clock,
    random: client.random,
    coordinator: (kind, key) => client.coordinator(kind, key),
    forgetCoordinator: (kind, key) => client.forgetCoordinator(kind, key),
    metadata: (topics) => client.metadata(topics),
    connection: async (broker, purpose) => watched(await client.connection(broker, purpose)),
  };
}
