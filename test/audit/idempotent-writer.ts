import { INIT_PRODUCER_ID, type InitProducerIdResponse } from '../../common/kafka/wire/apis/init-producer-id.js';
import { PRODUCE } from '../../common/kafka/wire/apis/produce.js';
import { buildBatch } from '../../common/kafka/wire/records/build-batch.js';
import { loadCodec } from '../../common/kafka/wire/records/compression.js';
import type { AuditCluster, TopicLayout } from './audit-cluster.js';
import type { AuditRecord } from './record.js';
import type { TopicShape } from './shapes.js';
import type { BatchOutcome, PreparedBatch, TopicWriter } from './writer.js';

/** A batch without an answer is sent again, the same bytes, for this long unless told otherwise; then the topic is given up. */
const GIVE_UP_MS = 30_000;
const RETRY_MS = 100;
const BROKER_TIMEOUT_MS = 10_000;
/** UNKNOWN_TOPIC_OR_PARTITION, LEADER_NOT_AVAILABLE, NOT_LEADER, REQUEST_TIMED_OUT, NOT_ENOUGH_REPLICAS (2). */
const RETRIABLE = new Set([3, 5, 6, 7, 19, 20]);
const COORDINATOR_LOAD_IN_PROGRESS = 14;
const SEQUENCE_MODULUS = 2 ** 31;

interface Unanswered {
  readonly batch: PreparedBatch;
  readonly bytes: Buffer;
}

/** Writes as an idempotent producer with acks=all does, one request at a time. */
export class IdempotentWriter implements TopicWriter {
  readonly #cluster: AuditCluster;
  readonly #shape: TopicShape;
  #layout: TopicLayout | undefined;
  #producerId = -1n;
  #producerEpoch = -1;
  readonly #giveUpMs: number;

  constructor(cluster: AuditCluster, shape: TopicShape, giveUpMs = GIVE_UP_MS) {
    this.#cluster = cluster;
    this.#shape = shape;
    this.#giveUpMs = giveUpMs;
  }

  async open(): Promise<void> {
    await loadCodec(this.#shape.codec);
    await this.#refreshLayout();
    const answer = await this.#initProducerId();
    this.#producerId = answer.producerId;
    this.#producerEpoch = answer.producerEpoch;
  }

  async write(batches: readonly PreparedBatch[]): Promise<BatchOutcome[]> {
    const giveUpAt = performance.now() + this.#giveUpMs;
    const outcomes: BatchOutcome[] = [];
    let left: Unanswered[] = batches.map((batch) => ({ batch, bytes: this.#encode(batch) }));
    while (left.length > 0) {
      left = await this.#attempt(left, outcomes);
      if (left.length === 0) break;
      if (performance.now() > giveUpAt)
        throw new Error(`${this.#shape.topic} could not be written for ${this.#giveUpMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      await this.#refreshLayout().catch(() => undefined);
    }
    return outcomes;
  }

  async close(): Promise<void> {
    // The connections belong to the cluster.
  }

  /** Sends to every leader concerned; what is to be sent again comes back. */
  async #attempt(unanswered: readonly Unanswered[], outcomes: BatchOutcome[]): Promise<Unanswered[]> {
    const byLeader = new Map<number, Unanswered[]>();
    for (const item of unanswered) {
      const leader = this.#layout?.leaders[item.batch.partition] ?? -1;
      byLeader.set(leader, [...(byLeader.get(leader) ?? []), item]);
    }
    const attempts = [...byLeader].map(async ([leader, items]) => {
      try {
        return await this.#send(leader, items, outcomes);
      } catch (error) {
        if (error instanceof RefusedError) throw error;
        // The connection is gone and the outcome unknown: the same bytes again, the broker knows them by their sequence.
        return items;
      }
    });
    return (await Promise.all(attempts)).flat();
  }

  async #send(leader: number, items: readonly Unanswered[], outcomes: BatchOutcome[]): Promise<Unanswered[]> {
    const { topic } = this.#shape;
    const answer = await this.#cluster.ask(leader, `produce-${topic}`, PRODUCE, {
      transactionalId: null,
      acks: -1,
      timeoutMs: BROKER_TIMEOUT_MS,
      partitions: items.map(({ batch, bytes }) => ({ topic, partition: batch.partition, records: [bytes] })),
    });
    const again: Unanswered[] = [];
    for (const { partition, errorCode, baseOffset, errorMessage } of answer.topics[0]?.partitions ?? []) {
      const item = items.find(({ batch }) => batch.partition === partition) as Unanswered;
      if (errorCode === 0) outcomes.push({ batch: item.batch, baseOffset, outcome: 'ok' });
      else if (RETRIABLE.has(errorCode)) again.push(item);
      else
        throw new RefusedError(`${topic}-${partition} refused a batch with error ${errorCode}: ${errorMessage ?? ''}`);
    }
    return again;
  }

  #encode({ records, firstSequence }: PreparedBatch): Buffer {
    return buildBatch(records.map(wireRecord), {
      codec: this.#shape.codec,
      producerId: this.#producerId,
      producerEpoch: this.#producerEpoch,
      baseSequence: firstSequence % SEQUENCE_MODULUS,
    });
  }

  async #initProducerId(): Promise<InitProducerIdResponse> {
    const request = { transactionalId: null, transactionTimeoutMs: 60_000, producerId: -1n, producerEpoch: -1 };
    const giveUpAt = performance.now() + GIVE_UP_MS;
    for (;;) {
      const answer = await this.#cluster.askAny(INIT_PRODUCER_ID, request);
      if (answer.errorCode === 0) return answer;
      // A fresh broker has no block of ids yet and says so.
      if (answer.errorCode !== COORDINATOR_LOAD_IN_PROGRESS || performance.now() > giveUpAt) {
        throw new Error(`InitProducerId was answered with error ${answer.errorCode}`);
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  async #refreshLayout(): Promise<void> {
    const layout = await this.#cluster.layout(this.#shape.topic);
    if (layout === undefined) throw new Error(`there is no topic ${this.#shape.topic}`);
    this.#layout = layout;
  }
}

class RefusedError extends Error {
  override name = 'RefusedError';
}

function wireRecord({ key, value, headers, timestamp }: AuditRecord) {
  return { key, value, headers, timestamp: BigInt(timestamp) };
}
