import { CausewayError } from '../../common/errors/error.js';
import { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { kafkaError } from '../../common/kafka/wire/error-codes.js';
import {
  listOffsets,
  type OffsetQuery,
  TIMESTAMP_EARLIEST,
  TIMESTAMP_LATEST,
} from '../../common/kafka/wire/operations/list-offsets.js';
import type { ClusterConnection } from '../../common/model/cluster.js';
import type { Isolation } from '../../common/model/route.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { RangeFacts, RangePlace, WantedRange } from '../core/job-ranges.js';

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

export interface KafkaLogEndsDeps {
  readonly clusters: ReadonlyMap<string, ClusterConnection>;
  readonly clientId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Over a connection for each question: they are rare. */
export class KafkaLogEnds implements LogEnds {
  readonly #deps: KafkaLogEndsDeps;

  constructor(deps: KafkaLogEndsDeps) {
    this.#deps = deps;
  }

  async ask(
    cluster: string,
    isolation: Isolation,
    topics: readonly AskedTopic[],
  ): Promise<ReadonlyMap<string, RangeFacts>> {
    const { clusters, clock, ...rest } = this.#deps;
    const connection = clusters.get(cluster);
    if (connection === undefined) throw new CausewayError('CLUSTER_UNKNOWN', `no cluster is called "${cluster}"`);
    const client = new ClusterClient({ ...rest, clock, cluster: connection });
    let timer: { cancel(): void } | undefined;
    try {
      const late = new Promise<never>((_resolve, reject) => {
        timer = clock.after(TIMEOUT_MS, () => {
          const message = `the leaders of ${cluster} did not tell their offsets within ${TIMEOUT_MS} ms`;
          reject(new CausewayError('CLUSTER_UNREACHABLE', message, { place: { cluster } }));
        });
      });
      return await Promise.race([factsOf(client, isolation, topics), late]);
    } finally {
      timer?.cancel();
      await client.close();
    }
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
