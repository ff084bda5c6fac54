import type { ProduceRequest } from '../../common/kafka/wire/apis/produce.js';
import {
  BASE_SEQUENCE_AT,
  CRC_AT,
  PRODUCER_EPOCH_AT,
  PRODUCER_ID_AT,
  RECORD_COUNT_AT,
} from '../../common/kafka/wire/records/batch-header.js';
import { Violation } from './checks.js';
import type { Partition } from './kafka/partition.js';

const INVALID_PRODUCER_EPOCH = 47;
const PRODUCER_FENCED = 90;

interface Answered {
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number }[];
  }[];
}

/**
 * What a producer must not do even where another rule makes up for it: send other bytes under sequence numbers that are stored (3.1, 3.5),
 * send anything under an identity that it knows to be fenced (2.5).
 */
export class ProducerCheck {
  readonly #failed: (violation: Violation) => void;
  /** Whose owner has been told so. */
  readonly #fenced = new Set<string>();

  constructor(failed: (violation: Violation) => void) {
    this.#failed = failed;
  }

  /** A client sends. */
  sends(who: string, { partitions }: ProduceRequest): void {
    if (this.#fenced.size === 0) return;
    for (const { topic, partition, records } of partitions) {
      const identity = identityOf(Buffer.concat(records));
      if (identity === undefined || !this.#fenced.has(identity)) continue;
      const message = `${who} sends to ${topic}-${partition} as pid ${identity}, and was told that it is fenced`;
      this.#failed(new Violation('fenced', message));
    }
  }

  /** A client has an answer. */
  hears({ partitions }: ProduceRequest, response: object): void {
    for (const { topic, partitions: results } of (response as Answered).topics) {
      for (const { partition, errorCode } of results) {
        if (errorCode !== INVALID_PRODUCER_EPOCH && errorCode !== PRODUCER_FENCED) continue;
        const asked = partitions.find((each) => each.topic === topic && each.partition === partition);
        const identity = asked && identityOf(Buffer.concat(asked.records));
        if (identity !== undefined) this.#fenced.add(identity);
      }
    }
  }

  /** A leader is about to take up a batch. */
  offered({ key, log }: Partition, batch: Buffer): void {
    const identity = identityOf(batch);
    if (identity === undefined) return;
    const first = batch.readInt32BE(BASE_SEQUENCE_AT);
    const end = first + batch.readInt32BE(RECORD_COUNT_AT);
    for (const { producerId, producerEpoch, baseSequence, records, isControl, bytes, base } of log.entries) {
      if (isControl || identity !== `${producerId}/${producerEpoch}`) continue;
      if (baseSequence >= end || first >= baseSequence + records) continue;
      if (bytes.subarray(CRC_AT).equals(batch.subarray(CRC_AT))) continue;
      const message = `${key}: pid ${identity} sends other bytes under sequence ${first}, which is stored at ${base}`;
      this.#failed(new Violation('sequences', message));
      return;
    }
  }
}

/** Undefined: nobody's. */
function identityOf(batch: Buffer): string | undefined {
  const producerId = batch.readBigInt64BE(PRODUCER_ID_AT);
  return producerId < 0n ? undefined : `${producerId}/${batch.readInt16BE(PRODUCER_EPOCH_AT)}`;
}
