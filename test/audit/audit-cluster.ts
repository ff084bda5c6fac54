import { type Api, call } from '../../common/kafka/wire/call.js';
import { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { isRetriable } from '../../common/kafka/wire/error-codes.js';
import { listOffsets, TIMESTAMP_EARLIEST, TIMESTAMP_LATEST } from '../../common/kafka/wire/operations/list-offsets.js';
import type { TopicPartition } from '../../common/model/topic-partition.js';
import { silentLogger } from '../../common/observability/logger.js';
import { systemClock } from '../../common/runtime/clock.js';
import { systemRandom } from '../../common/runtime/random.js';

const REQUEST_TIMEOUT_MS = 30_000;
/** Leaders may move while a cluster that was shaken is looked at: so often, a second apart, before that counts as the answer. */
const ATTEMPTS = 60;
const PAUSE_MS = 1_000;

export interface TopicLayout {
  readonly topic: string;
  readonly topicId: string | null;
  /** Leader by partition. */
  readonly leaders: readonly number[];
}

/** Start and end of what may be read of a partition. */
export interface LogRange {
  readonly start: number;
  readonly end: number;
}

/** The few things the load and the auditor ask of a cluster. */
export class AuditCluster {
  readonly #client: ClusterClient;

  /** @param requestTimeoutMs how long a broker may take to answer; 30 s unless given */
  constructor(bootstrapServers: string, requestTimeoutMs = REQUEST_TIMEOUT_MS) {
    this.#client = new ClusterClient({
      cluster: {
        name: 'audited',
        bootstrap: bootstrapServers.split(','),
        // A broker that has just begun answers its first connection late on a busy machine.
        connectTimeoutMs: requestTimeoutMs,
        requestTimeoutMs,
      },
      clientId: 'audit',
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
    });
  }

  /** Asks this broker, on a connection of its own per purpose. */
  async ask<Q, A>(broker: number, purpose: string, api: Api<Q, A>, request: Q): Promise<A> {
    return call(await this.#client.connection(broker, purpose), api, request);
  }

  async askAny<Q, A>(api: Api<Q, A>, request: Q): Promise<A> {
    return call(await this.#client.anyConnection(), api, request);
  }

  /** How the topic is laid out; undefined where it does not exist. */
  async layout(topic: string): Promise<TopicLayout | undefined> {
    const metadata = (await this.#client.metadata([topic])).topics.get(topic);
    if (metadata === undefined || metadata.errorCode !== 0) return undefined;
    const leaders = new Array<number>(metadata.partitions.length).fill(-1);
    for (const { partition, leader } of metadata.partitions) leaders[partition] = leader;
    return { topic, topicId: metadata.topicId, leaders };
  }

  /** What a read_committed consumer may read now of every partition, in order. */
  async ranges({ topic, leaders }: TopicLayout): Promise<LogRange[]> {
    const starts = await this.#offsets(topic, leaders.length, TIMESTAMP_EARLIEST);
    const ends = await this.#offsets(topic, leaders.length, TIMESTAMP_LATEST);
    return starts.map((start, partition) => ({ start, end: ends[partition] as number }));
  }

  /** Where each of these partitions ends for a read_committed consumer, in the order asked; -1 where that is not known. */
  async ends(partitions: readonly TopicPartition[]): Promise<number[]> {
    const queries = partitions.map(({ topic, partition }) => ({ topic, partition, timestamp: TIMESTAMP_LATEST }));
    const listed = await listOffsets(this.#client, 'read_committed', queries);
    return listed.map(({ errorCode, offset }) => (errorCode === 0 ? Number(offset) : -1));
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #offsets(topic: string, partitions: number, timestamp: bigint): Promise<number[]> {
    const queries = Array.from({ length: partitions }, (_, partition) => ({ topic, partition, timestamp }));
    for (let attempt = 1; ; attempt += 1) {
      const listed = await listOffsets(this.#client, 'read_committed', queries);
      const failed = listed.find(({ errorCode }) => errorCode !== 0);
      if (failed === undefined) return listed.map(({ offset }) => Number(offset));
      const { partition, errorCode } = failed;
      if (attempt === ATTEMPTS || !isRetriable(errorCode)) {
        throw new Error(`ListOffsets of ${topic}-${partition} was answered with error ${errorCode}`);
      }
      await systemClock.sleep(PAUSE_MS);
    }
  }
}
