import { isCausewayError } from '../../common/errors/error.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { KafkaCode } from '../../common/kafka/wire/error-codes.js';
import { appendRecords } from '../../common/kafka/wire/operations/append-records.js';
import { readToEnd } from '../../common/kafka/wire/operations/read-to-end.js';
import type { Mm2Record } from '../../common/mm2/records.js';
import type { TargetAdmin } from '../metadata/ports.js';

/** MirrorMaker 2's default, where there are so many brokers. */
const REPLICATION_FACTOR = 3;
/** Its readers and writers know no other. */
const PARTITION = 0;

export interface CompactTopicOptions {
  readonly client: ClusterClient;
  readonly admin: Pick<TargetAdmin, 'createTopics'>;
  readonly topic: string;
  /** At most 3, as far as there are brokers, unless given. */
  readonly replicationFactor: number | undefined;
}

/** One of MirrorMaker 2's own topics: one partition, compacted, made when it is missing. */
export class CompactTopic {
  readonly #options: CompactTopicOptions;
  #isThere = false;

  constructor(options: CompactTopicOptions) {
    this.#options = options;
  }

  get topic(): string {
    return this.#options.topic;
  }

  /**
   * Calls with every record that is there; a topic that is missing has none. Tombstones, which nobody may write, are passed over.
   * @throws as readToEnd
   */
  async read(visit: (record: Mm2Record) => void): Promise<void> {
    const { client, topic } = this.#options;
    try {
      await readToEnd(client, { topic, partition: PARTITION }, ({ key, value }) => {
        if (key !== null && value !== null) visit({ key, value });
      });
    } catch (error) {
      if (isCausewayError(error) && error.kafkaCode === KafkaCode.UNKNOWN_TOPIC_OR_PARTITION) return;
      throw error;
    }
  }

  /** @throws as appendRecords, and as createTopics */
  async append(records: readonly Mm2Record[], timestampMs: number): Promise<void> {
    if (records.length === 0) return;
    await this.#make();
    const { client, topic } = this.#options;
    const timestamp = BigInt(timestampMs);
    const stamped = records.map(({ key, value }) => ({ key, value, headers: [], timestamp }));
    try {
      await appendRecords(client, { topic, partition: PARTITION }, stamped);
    } catch (error) {
      // It may have been deleted.
      this.#isThere = false;
      throw error;
    }
  }

  async #make(): Promise<void> {
    if (this.#isThere) return;
    const { client, admin, topic, replicationFactor } = this.#options;
    const { topics, brokers } = await client.metadata([topic]);
    if (topics.get(topic)?.errorCode === KafkaCode.UNKNOWN_TOPIC_OR_PARTITION) {
      const configs = { 'cleanup.policy': 'compact' };
      const factor = Math.max(1, Math.min(replicationFactor ?? REPLICATION_FACTOR, brokers.size));
      const made = { topic, partitions: 1, replicationFactor: factor, configs };
      const fault = (await admin.createTopics(client.cluster.name, [made])).get(topic);
      if (fault !== undefined) throw fault;
    }
    this.#isThere = true;
  }
}
