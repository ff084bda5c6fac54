import type { Isolation } from '../../../model/route.js';
import { partitionKey, type TopicPartition } from '../../../model/topic-partition.js';
import { backoffMs } from '../../../runtime/backoff.js';
import { EARLIEST, LATEST, LIST_OFFSETS, type ListedOffset } from '../apis/list-offsets.js';
import { call, isTransient } from '../call.js';
import type { ClusterClient, ClusterMetadata, PartitionMetadata, TopicMetadata } from '../cluster-client.js';
import { KafkaCode } from '../error-codes.js';
import { Gatherer, Gatherers } from '../gatherer.js';

/** Where the log begins. */
export const TIMESTAMP_EARLIEST = EARLIEST;
/** Where it ends: the high watermark, or the last stable offset under read_committed. */
export const TIMESTAMP_LATEST = LATEST;

export interface OffsetQuery extends TopicPartition {
  /** ms since 1970, TIMESTAMP_EARLIEST or TIMESTAMP_LATEST. */
  readonly timestamp: bigint;
}

const PURPOSE = 'control';
const ATTEMPTS = 4;
/** Calls that are answered by one request. */
const MAX_CALLS = 1_000;
const LEADER_BACKOFF = { initialMs: 50, maxMs: 500 } as const;

/** The leader moved, or its high watermark has not caught up yet: worth another look. */
const AGAIN: ReadonlySet<number> = new Set([
  KafkaCode.LEADER_NOT_AVAILABLE,
  KafkaCode.NOT_LEADER_OR_FOLLOWER,
  KafkaCode.FENCED_LEADER_EPOCH,
  KafkaCode.UNKNOWN_LEADER_EPOCH,
  KafkaCode.OFFSET_NOT_AVAILABLE,
  KafkaCode.NETWORK_EXCEPTION,
]);

/**
 * Offsets by time, from each partition's leader; leaders that move are followed a few times. Calls of the same time share their requests.
 * @returns one entry per query, in the order asked, with Kafka's code; NETWORK_EXCEPTION (13) where the leader could not be reached.
 * @throws CLUSTER_UNREACHABLE and the like when not even metadata can be had.
 */
export async function listOffsets(
  client: ClusterClient,
  isolation: Isolation,
  queries: readonly OffsetQuery[],
): Promise<readonly ListedOffset[]> {
  const results = new Map<OffsetQuery, ListedOffset>();
  let open = queries;
  for (let attempt = 0; open.length > 0 && attempt < ATTEMPTS; attempt += 1) {
    if (attempt > 0) await client.clock.sleep(backoffMs(attempt - 1, LEADER_BACKOFF, client.random));
    const metadata = await client.metadata([...new Set(open.map((query) => query.topic))]);
    const { byLeader, leaderless } = assign(open, metadata);
    for (const [query, code] of leaderless) results.set(query, failure(query, code));
    await Promise.all(
      [...byLeader].map(async ([leader, asked]) => {
        const listed = await leaderOf(client, isolation, leader).ask(asked);
        for (const { query } of asked)
          results.set(query, listed.get(query) ?? failure(query, KafkaCode.UNKNOWN_SERVER_ERROR));
      }),
    );
    open = open.filter((query) => AGAIN.has(results.get(query)?.errorCode ?? KafkaCode.NONE));
  }
  return queries.map((query) => results.get(query) ?? failure(query, KafkaCode.UNKNOWN_SERVER_ERROR));
}

interface Asked {
  readonly query: OffsetQuery;
  readonly currentLeaderEpoch: number;
}

function assign(
  queries: readonly OffsetQuery[],
  metadata: ClusterMetadata,
): { byLeader: Map<number, Asked[]>; leaderless: [OffsetQuery, number][] } {
  const byLeader = new Map<number, Asked[]>();
  const leaderless: [OffsetQuery, number][] = [];
  for (const query of queries) {
    const topic = metadata.topics.get(query.topic);
    const topicCode = topic?.errorCode ?? KafkaCode.UNKNOWN_TOPIC_OR_PARTITION;
    const found = partitionOf(topic, query.partition);
    if (topicCode !== KafkaCode.NONE) leaderless.push([query, topicCode]);
    else if (found === undefined) leaderless.push([query, KafkaCode.UNKNOWN_TOPIC_OR_PARTITION]);
    else if (found.leader < 0) leaderless.push([query, KafkaCode.LEADER_NOT_AVAILABLE]);
    else {
      const asked = { query, currentLeaderEpoch: found.leaderEpoch };
      const group = byLeader.get(found.leader);
      if (group === undefined) byLeader.set(found.leader, [asked]);
      else group.push(asked);
    }
  }
  return { byLeader, leaderless };
}

function partitionOf(topic: TopicMetadata | undefined, partition: number): PartitionMetadata | undefined {
  // Brokers list partitions in any order; mostly it is ascending.
  const atIndex = topic?.partitions[partition];
  return atIndex?.partition === partition ? atIndex : topic?.partitions.find((one) => one.partition === partition);
}

type Listed = ReadonlyMap<OffsetQuery, ListedOffset>;

const gatherers = new Gatherers<ClusterClient, readonly Asked[], Listed>();

function leaderOf(client: ClusterClient, isolation: Isolation, leader: number): Gatherer<readonly Asked[], Listed> {
  const ask = async (calls: readonly (readonly Asked[])[]): Promise<Listed[]> => {
    const listed = new Map(await askLeader(client, isolation, leader, calls.flat()));
    return calls.map(() => listed);
  };
  return gatherers.of(client, `${leader}/${isolation}`, () => new Gatherer({ ask, maxQuestions: MAX_CALLS }));
}

async function askLeader(
  client: ClusterClient,
  isolation: Isolation,
  leader: number,
  asked: readonly Asked[],
): Promise<[OffsetQuery, ListedOffset][]> {
  const isolationLevel = isolation === 'read_committed' ? 1 : 0;
  try {
    const connection = await client.connection(leader, PURPOSE);
    const rounds = oncePerPartition(asked).map(async (round) => {
      const partitions = round.map(({ query, currentLeaderEpoch }) => ({ ...query, currentLeaderEpoch }));
      const response = await call(connection, LIST_OFFSETS, { isolationLevel, partitions });
      const listed = new Map(response.partitions.map((item) => [partitionKey(item.topic, item.partition), item]));
      return round.map(({ query }): [OffsetQuery, ListedOffset] => {
        const found = listed.get(partitionKey(query.topic, query.partition));
        return [query, found ?? failure(query, KafkaCode.UNKNOWN_SERVER_ERROR)];
      });
    });
    return (await Promise.all(rounds)).flat();
  } catch (error) {
    if (!isTransient(error)) throw error;
    return asked.map(({ query }) => [query, failure(query, KafkaCode.NETWORK_EXCEPTION)]);
  }
}

/** The broker refuses a request that names a partition twice. */
function oncePerPartition(asked: readonly Asked[]): Asked[][] {
  const rounds: Asked[][] = [];
  const seen = new Map<string, number>();
  for (const item of asked) {
    const key = partitionKey(item.query.topic, item.query.partition);
    const round = seen.get(key) ?? 0;
    seen.set(key, round + 1);
    const items = rounds[round];
    if (items === undefined) rounds.push([item]);
    else items.push(item);
  }
  return rounds;
}

function failure({ topic, partition }: TopicPartition, errorCode: number): ListedOffset {
  return { topic, partition, errorCode, timestamp: -1n, offset: -1n, leaderEpoch: -1 };
}
