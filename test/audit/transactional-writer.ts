import type { IHeaders, Message, Producer } from 'kafkajs';
import type { Outcome } from './ledger.js';
import type { AuditRecord } from './record.js';
import type { TopicShape } from './shapes.js';
import { kafkaOf } from './topics.js';
import type { BatchOutcome, PreparedBatch, TopicWriter } from './writer.js';

/** Writes each call's batches in one transaction, with another client than ours (kafkajs), and aborts one in so many. */
export class TransactionalWriter implements TopicWriter {
  readonly #producer: Producer;
  readonly #shape: TopicShape;
  #transactions = 0;

  constructor(bootstrapServers: string, shape: TopicShape, transactionalId: string) {
    this.#shape = shape;
    this.#producer = kafkaOf(bootstrapServers).producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 });
  }

  open(): Promise<void> {
    return this.#producer.connect();
  }

  async write(batches: readonly PreparedBatch[]): Promise<BatchOutcome[]> {
    const { topic, abortOneIn } = this.#shape;
    const transaction = await this.#producer.transaction();
    this.#transactions += 1;
    const messages = batches.flatMap(({ partition, records }) => records.map((record) => messageOf(partition, record)));
    const answers = await transaction.send({ topic, acks: -1, messages });
    const aborts = abortOneIn !== undefined && this.#transactions % abortOneIn === 0;
    await (aborts ? transaction.abort() : transaction.commit());
    const outcome: Outcome = aborts ? 'aborted' : 'ok';
    return batches.map((batch) => {
      const answer = answers.find(({ partition }) => partition === batch.partition);
      return { batch, baseOffset: Number(answer?.baseOffset ?? -1), outcome };
    });
  }

  close(): Promise<void> {
    return this.#producer.disconnect();
  }
}

function messageOf(partition: number, { key, value, headers, timestamp }: AuditRecord): Message {
  const named: IHeaders = {};
  for (const [name, content] of headers) named[name.toString()] = content ?? Buffer.alloc(0);
  return { partition, key, value, headers: named, timestamp: String(timestamp) };
}
