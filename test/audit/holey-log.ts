import type { Producer } from 'kafkajs';
import type { Random } from '../../common/runtime/random.js';
import { kafkaOf } from './topics.js';

export interface HoleyLogOptions {
  readonly bootstrapServers: string;
  readonly topic: string;
  /** Of this writer, where several write into the partition. */
  readonly name?: string;
  readonly random: Random;
  /** So many records in a transaction at most. */
  readonly maxRecords: number;
  /** This share of them is aborted. */
  readonly abortShare: number;
  /** So many keys, drawn for each record, for the cleaner; absent: no key comes twice. */
  readonly keys?: number;
}

/** Fills one partition with transactions, committed and aborted, and plain batches between them: every value is there once. */
export class HoleyLog {
  readonly #options: HoleyLogOptions;
  readonly #plain: Producer;
  readonly #transactional: Producer;
  #number = 0;

  private constructor(options: HoleyLogOptions) {
    this.#options = options;
    const kafka = kafkaOf(options.bootstrapServers);
    this.#plain = kafka.producer({ allowAutoTopicCreation: false });
    const transactionalId = `holes-${options.topic}-${options.name ?? ''}`;
    this.#transactional = kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 });
  }

  static async open(options: HoleyLogOptions): Promise<HoleyLog> {
    const log = new HoleyLog(options);
    await log.#plain.connect();
    await log.#transactional.connect();
    return log;
  }

  /** Appends until the partition has at least so many offsets more. */
  async fill(offsets: number): Promise<void> {
    const { topic, random, maxRecords, abortShare } = this.#options;
    for (let written = 0; written < offsets; ) {
      const messages = this.#messages(1 + Math.floor(random.unit() * maxRecords));
      if (random.unit() < 0.2) {
        await this.#plain.send({ topic, messages });
        written += messages.length;
        continue;
      }
      const transaction = await this.#transactional.transaction();
      await transaction.send({ topic, messages });
      if (random.unit() < abortShare) await transaction.abort();
      else await transaction.commit();
      written += messages.length + 1;
    }
  }

  async close(): Promise<void> {
    await this.#plain.disconnect();
    await this.#transactional.disconnect();
  }

  #messages(count: number): { partition: number; key: string; value: string }[] {
    return Array.from({ length: count }, () => {
      const number = this.#number++;
      const { keys, random, name = '' } = this.#options;
      const key = keys === undefined ? number : Math.floor(random.unit() * keys);
      return { partition: 0, key: `key-${key}`, value: `value-${name}${number}` };
    });
  }
}
