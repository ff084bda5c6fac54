import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { kafkaError } from '../../common/kafka/wire/error-codes.js';
import {
  listOffsets,
  type OffsetQuery,
  TIMESTAMP_EARLIEST,
  TIMESTAMP_LATEST,
} from '../../common/kafka/wire/operations/list-offsets.js';
import type { Isolation } from '../../common/model/route.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import type { RangeFacts, RangePlace, WantedRange } from '../core/job-ranges.js';
import type { ClusterQuestions } from '../metadata/cluster-clients.js';

/** All partitions of a job; who asks waits. */
const TIMEOUT_MS = 20_000;

export interface AskedTopic {
  readonly topic: string;
  readonly ranges: readonly WantedRange[];
}

/** Asks the leaders of a cluster where logs begin and end, and which offsets times stand for. */
export interface LogEnds {
  /**
   * By `topic-partition`.
   * @throws CLUSTER_UNREACHABLE and the like, KAFKA_ERROR naming the partition
   */
  ask(cluster: string, isolation: Isolation, topics: readonly AskedTopic[]): Promise<ReadonlyMap<string, RangeFacts>>;
}

export class KafkaLogEnds implements LogEnds {
  readonly #questions: ClusterQuestions;

  constructor(questions: ClusterQuestions) {
    this.#questions = questions;
  }

  ask(cluster: string, isolation: Isolation, topics: readonly AskedTopic[]): Promise<ReadonlyMap<string, RangeFacts>> {
    const question = { cluster, timeoutMs: TIMEOUT_MS, wanted: 'where its logs begin and end' };
    return this.#questions.ask(question, (client) => factsOf(client, isolation, topics));
  }
}

async function factsOf(
  client: ClusterClient,
  isolation: Isolation,
  topics: readonly AskedTopic[],
): Promise<ReadonlyMap<string, RangeFacts>> {
  const partitions = topics.flatMap(({ topic, ranges }) => ranges.map((range) => ({ topic, ...range })));
  // Four for each, in this order; a time that is not asked for is asked as the beginning.
  const queries = partitions.flatMap(({ topic, partition, from, to }): OffsetQuery[] => [
    { topic, partition, timestamp: TIMESTAMP_EARLIEST },
    { topic, partition, timestamp: TIMESTAMP_LATEST },
    { topic, partition, timestamp: timeOf(from) },
    { topic, partition, timestamp: timeOf(to) },
  ]);
  const answers = await listOffsets(client, isolation, queries);
  const facts = new Map<string, RangeFacts>();
  for (const [i, { topic, partition }] of partitions.entries()) {
    const own = answers.slice(i * 4, i * 4 + 4);
    const fault = own.find(({ errorCode }) => errorCode !== 0);
    const place = { cluster: client.cluster.name, topic, partition };
    if (fault !== undefined) throw kafkaError(fault.errorCode, place, 'list the log’s offsets');
    const [earliest, latest, atFrom, atTo] = own.map(({ offset }) => offset);
    if (earliest === undefined || latest === undefined) throw kafkaError(-1, place, 'list the log’s offsets');
    facts.set(partitionKey(topic, partition), { earliest, latest, atFrom: known(atFrom), atTo: known(atTo) });
  }
  return facts;
}

function timeOf(place: RangePlace): bigint {
  return place.kind === 'time' ? place.timestampMs : TIMESTAMP_EARLIEST;
}

/** -1: no record is that late. */
function known(offset: bigint | undefined): bigint | undefined {
  return offset === undefined || offset < 0n ? undefined : offset;
}
