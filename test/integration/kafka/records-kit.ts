import assert from 'node:assert/strict';
import { FETCH } from '../../../common/kafka/wire/apis/fetch.js';
import { INIT_PRODUCER_ID } from '../../../common/kafka/wire/apis/init-producer-id.js';
import { PRODUCE } from '../../../common/kafka/wire/apis/produce.js';
import type { BatchSlice } from '../../../common/kafka/wire/records/batch-header.js';
import { type BatchCursor, scanBatches } from '../../../common/kafka/wire/records/batch-scan.js';
import { batchImage, nextSequence, type ProducerIdentity, producerIdentity } from '../../../worker/core/batch-image.js';
import { AuditCluster, type TopicLayout } from '../../audit/audit-cluster.js';
import { createTopics } from '../../audit/topics.js';
import { waitUntil } from '../../bed/wait.js';

const FETCH_BYTES = 8 << 20;
const COORDINATOR_LOAD_IN_PROGRESS = 14;

/** One-partition topics of a real broker, written and read as raw batches. */
export class BatchLog {
  readonly #cluster: AuditCluster;
  readonly #bootstrap: string;
  readonly #sequences = new Map<string, number>();
  #identity: ProducerIdentity | undefined;

  constructor(bootstrap: string) {
    this.#bootstrap = bootstrap;
    this.#cluster = new AuditCluster(bootstrap);
  }

  async create(topic: string, configs: Readonly<Record<string, string>> = {}): Promise<void> {
    await createTopics(this.#bootstrap, [{ topic, partitions: 1, configs }]);
  }

  /** Produces pieces of one batch as they are. @returns the broker's error code and base offset */
  async produce(topic: string, records: readonly Buffer[]): Promise<{ errorCode: number; baseOffset: number }> {
    const { leaders } = await this.#layout(topic);
    const request = {
      transactionalId: null,
      acks: -1 as const,
      timeoutMs: 10_000,
      partitions: [{ topic, partition: 0, records }],
    };
    const answer = await this.#cluster.ask(leaders[0] as number, 'produce', PRODUCE, request);
    const produced = answer.topics[0]?.partitions[0];
    assert.ok(produced !== undefined);
    return produced;
  }

  /** Forwards a source batch as the worker does: under an identity and sequence of its own. @returns its base offset */
  async forward(topic: string, source: BatchSlice, recordCount: number): Promise<number> {
    const sequence = this.#sequences.get(topic) ?? 0;
    const { header, payload } = batchImage(source, await this.#producer(), sequence);
    this.#sequences.set(topic, nextSequence(sequence, recordCount));
    const { errorCode, baseOffset } = await this.produce(topic, [header, payload]);
    assert.equal(errorCode, 0, `${topic} refused the image`);
    return baseOffset;
  }

  /** A cursor over what the broker gives from this offset on, read_uncommitted. */
  async read(topic: string, fetchOffset = 0): Promise<BatchCursor> {
    return scanBatches(await this.readBytes(topic, fetchOffset));
  }

  async readBytes(topic: string, fetchOffset = 0): Promise<Buffer> {
    const { leaders, topicId } = await this.#layout(topic);
    const answer = await this.#cluster.ask(leaders[0] as number, 'fetch', FETCH, {
      maxWaitMs: 500,
      minBytes: 1,
      maxBytes: FETCH_BYTES,
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch: -1,
      partitions: [{ topic, topicId, partition: 0, fetchOffset, currentLeaderEpoch: -1, maxBytes: FETCH_BYTES }],
      forgotten: [],
      rackId: '',
    });
    const fetched = answer.topics[0]?.partitions[0];
    assert.equal(fetched?.errorCode, 0);
    return fetched?.records ?? Buffer.alloc(0);
  }

  close(): Promise<void> {
    return this.#cluster.close();
  }

  async #layout(topic: string): Promise<TopicLayout> {
    const layout = await this.#cluster.layout(topic);
    assert.ok(layout !== undefined, `${topic} does not exist`);
    return layout;
  }

  async #producer(): Promise<ProducerIdentity> {
    if (this.#identity !== undefined) return this.#identity;
    const request = { transactionalId: null, transactionTimeoutMs: 60_000, producerId: -1n, producerEpoch: -1 };
    let made: ProducerIdentity | undefined;
    await waitUntil('the broker hands out producer ids', async () => {
      const answer = await this.#cluster.askAny(INIT_PRODUCER_ID, request);
      if (answer.errorCode === COORDINATOR_LOAD_IN_PROGRESS) return false;
      assert.equal(answer.errorCode, 0);
      made = producerIdentity(answer.producerId, answer.producerEpoch);
      return true;
    });
    assert.ok(made !== undefined);
    this.#identity = made;
    return made;
  }
}
