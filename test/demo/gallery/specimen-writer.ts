import { INIT_PRODUCER_ID } from '../../../common/kafka/wire/apis/init-producer-id.js';
import { PRODUCE } from '../../../common/kafka/wire/apis/produce.js';
import { type BuildBatchOptions, buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { loadCodecs } from '../../../common/kafka/wire/records/compression.js';
import type { AuditCluster, TopicLayout } from '../../audit/audit-cluster.js';
import type { AuditRecord } from '../../audit/record.js';
import { RecordMaker, type TopicShape } from '../../audit/shapes.js';

const RETRY_MS = 100;
const GIVE_UP_MS = 20_000;
const BROKER_TIMEOUT_MS = 10_000;
/** UNKNOWN_TOPIC_OR_PARTITION, LEADER_NOT_AVAILABLE, NOT_LEADER, COORDINATOR_LOAD_IN_PROGRESS. */
const RETRIABLE = new Set([3, 5, 6, 14]);

export interface WrittenBatch extends BuildBatchOptions {
  readonly partition: number;
  readonly records: number;
}

/** Writes batches exactly as they are given, one after the other. */
export class SpecimenWriter {
  readonly bootstrapServers: string;
  readonly shape: TopicShape;
  readonly #cluster: AuditCluster;
  readonly #maker: RecordMaker;
  readonly #sequences = new Map<number, number>();
  #layout: TopicLayout | undefined;

  constructor(cluster: AuditCluster, bootstrapServers: string, shape: TopicShape, run: number) {
    this.#cluster = cluster;
    this.bootstrapServers = bootstrapServers;
    this.shape = shape;
    this.#maker = new RecordMaker(shape, run);
  }

  /** The partition's next records, tagged. */
  records(partition: number, count: number): AuditRecord[] {
    const first = this.#sequences.get(partition) ?? 0;
    this.#sequences.set(partition, first + count);
    const nowMs = Date.now();
    return Array.from({ length: count }, (_, index) => this.#maker.make(partition, first + index, nowMs));
  }

  /** One batch. @returns the offset of its first record */
  async write({ partition, records, ...options }: WrittenBatch): Promise<number> {
    await loadCodecs();
    const content = this.records(partition, records).map((record) => ({
      ...record,
      timestamp: BigInt(record.timestamp),
    }));
    return this.#produce(partition, buildBatch(content, options));
  }

  /** An id for a producer of its own. */
  async producer(): Promise<{ readonly producerId: bigint; readonly producerEpoch: number }> {
    const request = { transactionalId: null, transactionTimeoutMs: 60_000, producerId: -1n, producerEpoch: -1 };
    const giveUpAt = performance.now() + GIVE_UP_MS;
    for (;;) {
      const { errorCode, producerId, producerEpoch } = await this.#cluster.askAny(INIT_PRODUCER_ID, request);
      if (errorCode === 0) return { producerId, producerEpoch };
      await this.#rest(errorCode, giveUpAt);
    }
  }

  async #produce(partition: number, batch: Buffer): Promise<number> {
    const { topic } = this.shape;
    const giveUpAt = performance.now() + GIVE_UP_MS;
    for (;;) {
      this.#layout ??= await this.#cluster.layout(topic);
      const leader = this.#layout?.leaders[partition] ?? -1;
      if (leader >= 0) {
        const answer = await this.#cluster.ask(leader, `produce-${topic}`, PRODUCE, {
          transactionalId: null,
          acks: -1,
          timeoutMs: BROKER_TIMEOUT_MS,
          partitions: [{ topic, partition, records: [batch] }],
        });
        const { errorCode = -1, baseOffset = -1 } = answer.topics[0]?.partitions[0] ?? {};
        if (errorCode === 0) return baseOffset;
        await this.#rest(errorCode, giveUpAt);
      } else {
        await this.#rest(5, giveUpAt);
      }
      this.#layout = undefined;
    }
  }

  async #rest(errorCode: number, giveUpAt: number): Promise<void> {
    if (!RETRIABLE.has(errorCode) || performance.now() > giveUpAt)
      throw new Error(`${this.shape.topic} could not be written: error ${errorCode}`);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
