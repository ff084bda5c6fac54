import { invariant } from '../../common/errors/assert.js';
import { CausewayError } from '../../common/errors/error.js';
import { PRODUCE, type ProducedPartition } from '../../common/kafka/wire/apis/produce.js';
import { call } from '../../common/kafka/wire/call.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import type { BrokerConnection } from '../../common/kafka/wire/connection.js';
import { buildBatch } from '../../common/kafka/wire/records/build-batch.js';
import type { KafkaRecord } from '../../common/kafka/wire/records/record-codec.js';
import { partitionKey, type TopicPartition } from '../../common/model/topic-partition.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { Leaders } from '../cluster/leaders.js';
import { batchImage, producerIdentity } from '../core/batch-image.js';
import { produceVerdict } from '../core/produce-verdict.js';
import type { Lane } from '../lane/lane.js';
import { TRANSACTION_FAULTS } from '../partition/transaction-gate.js';

const RETRY_BACKOFF = { initialMs: 50, maxMs: 5_000 } as const;
const BROKER_TIMEOUT_SHARE = 0.75;
/** Where its transaction is lost, so is the sequence. */
const OUT_OF_SEQUENCE = { kind: 'out-of-sequence' } as const;

export interface SideWriterDeps {
  readonly client: Pick<ClusterClient, 'connection'>;
  readonly leaders: Leaders;
  readonly cluster: string;
  readonly requestTimeoutMs: number;
  /** False once the session's lease has ended. */
  readonly mayProduce: () => boolean;
  /** Makes the partition part of the transaction under way on a transactional lane. */
  readonly enroll: (lane: Lane, partition: TopicPartition) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
}

interface Destination {
  readonly lane: Lane;
  readonly topic: string;
  readonly partition: number;
}

/** A batch as it is sent, and sent again. */
interface SideImage {
  readonly records: readonly Buffer[];
  readonly baseSequence: number;
}

/**
 * Writes single batches that are not mirrored data (gap records, dead letters) under a lane's identity, so that what fences the lane
 * fences them. One at a time per lane and partition: sequences stay in order, and a window of one needs no proof of the producer.
 */
export class SideWriter {
  readonly #deps: SideWriterDeps;
  readonly #tracked = new Set<string>();
  readonly #tails = new Map<string, Promise<void>>();
  #closed = false;

  constructor(deps: SideWriterDeps) {
    this.#deps = deps;
  }

  /** Partitions of a topic at the target; undefined while they are not known. */
  partitions(topic: string): number | undefined {
    this.#track(topic);
    return this.#deps.leaders.topic(topic)?.partitions.length;
  }

  /**
   * Resolves when the batch is stored. What is in doubt is sent again, the same bytes, for as long as it takes.
   * @throws TARGET_REFUSED when no repetition helps, LANE_DEAD, SEQUENCE_BROKEN when the lane lost count there, SHUTTING_DOWN, and why
   *   it could not be sent at all
   */
  write(lane: Lane, topic: string, partition: number, records: readonly KafkaRecord[]): Promise<void> {
    const key = `${lane.record.transactionalId}/${partitionKey(topic, partition)}`;
    const before = this.#tails.get(key) ?? Promise.resolve();
    const written = before.then(() => this.#write({ lane, topic, partition }, records));
    const tail = written
      .catch(() => undefined)
      .then(() => {
        if (this.#tails.get(key) === tail) this.#tails.delete(key);
      });
    this.#tails.set(key, tail);
    return written;
  }

  close(): void {
    this.#closed = true;
  }

  async #write(to: Destination, records: readonly KafkaRecord[]): Promise<void> {
    const { lane, topic, partition } = to;
    this.#track(topic);
    if (lane.transactional) await this.#deps.enroll(lane, { topic, partition });
    const key = partitionKey(topic, partition);
    // Made for the first sending: what was never sent takes no sequence number, or the next would be out of order.
    let image: SideImage | undefined;
    for (let attempt = 0; ; attempt++) {
      this.#mayGoOn(lane);
      const connection = await this.#connection(to, image !== undefined);
      this.#mayGoOn(lane);
      // Asked right before sending: connecting may have taken longer than the lease.
      if (connection !== undefined && this.#deps.mayProduce()) {
        image ??= sideImage(lane, key, records);
        const answer = await this.#exchange(connection, to, image);
        if (answer !== undefined && this.#isStored(to, image, answer)) return;
      }
      this.#deps.leaders.refresh();
      await this.#deps.clock.sleep(backoffMs(attempt, RETRY_BACKOFF, this.#deps.random));
    }
  }

  /** What is in doubt waits for it, undefined meanwhile; else the fault is thrown: the partition shows it, and a drain need not wait. */
  async #connection({ topic, partition }: Destination, inDoubt: boolean): Promise<BrokerConnection | undefined> {
    const { client, leaders } = this.#deps;
    try {
      const leader = leaders.leader(topic, partition);
      if (leader === undefined) throw this.#leaderless(topic, partition);
      return await client.connection(leader.broker, 'side');
    } catch (error) {
      if (inDoubt) return undefined;
      leaders.refresh();
      throw error;
    }
  }

  /** The broker's answer; undefined where there was none: the batch is in doubt then, whatever the fault. */
  async #exchange(
    connection: BrokerConnection,
    { lane, topic, partition }: Destination,
    { records }: SideImage,
  ): Promise<ProducedPartition | undefined> {
    try {
      const answer = await call(connection, PRODUCE, {
        transactionalId: lane.transactional ? lane.record.transactionalId : null,
        acks: -1,
        timeoutMs: Math.floor(this.#deps.requestTimeoutMs * BROKER_TIMEOUT_SHARE),
        partitions: [{ topic, partition, records }],
      });
      return answer.topics[0]?.partitions[0];
    } catch {
      return undefined;
    }
  }

  /** False: the same bytes again. @throws LANE_DEAD, SEQUENCE_BROKEN, TARGET_REFUSED */
  #isStored(to: Destination, { baseSequence }: SideImage, answer: ProducedPartition): boolean {
    const { lane, topic, partition } = to;
    const isLost = lane.transactional && TRANSACTION_FAULTS.has(answer.errorCode);
    const verdict = isLost ? OUT_OF_SEQUENCE : produceVerdict(answer.errorCode, false);
    switch (verdict.kind) {
      case 'stored':
        return true;
      case 'retry':
        return false;
      case 'lane-dead':
        throw dead(lane);
      case 'out-of-sequence':
        throw new CausewayError('SEQUENCE_BROKEN', `the target answered error ${answer.errorCode}`, {
          place: { cluster: this.#deps.cluster, topic, partition },
        });
      default:
        lane.rewindSequence(partitionKey(topic, partition), baseSequence);
        throw this.#refused(to, answer);
    }
  }

  #mayGoOn(lane: Lane): void {
    if (this.#closed) throw new CausewayError('SHUTTING_DOWN', 'the worker’s thread is ending');
    if (lane.dead) throw dead(lane);
  }

  #track(topic: string): void {
    if (this.#tracked.has(topic)) return;
    this.#tracked.add(topic);
    this.#deps.leaders.track(topic);
  }

  #leaderless(topic: string, partition: number): CausewayError {
    const place = { cluster: this.#deps.cluster, topic, partition };
    return new CausewayError('TARGET_TOPIC_MISSING', `partition ${partition} of ${topic} has no leader`, { place });
  }

  #refused({ topic, partition }: Destination, { errorCode, errorMessage }: ProducedPartition): CausewayError {
    invariant(errorCode !== 0, 'only an error is a refusal');
    return new CausewayError('TARGET_REFUSED', `error ${errorCode} ${errorMessage ?? ''}`.trim(), {
      place: { cluster: this.#deps.cluster, topic, partition },
      fix: 'Check the topic’s max.message.bytes, cleanup.policy and rights.',
      kafkaCode: errorCode,
    });
  }
}

function sideImage(lane: Lane, key: string, records: readonly KafkaRecord[]): SideImage {
  const batch = buildBatch(records);
  const producer = producerIdentity(lane.record.producerId, lane.record.producerEpoch, lane.transactional);
  const baseSequence = lane.takeSequence(key, records.length);
  const { header, payload } = batchImage({ buffer: batch, start: 0, length: batch.length }, producer, baseSequence);
  return { records: [header, payload], baseSequence };
}

function dead(lane: Lane): CausewayError {
  return new CausewayError('LANE_DEAD', `lane ${lane.record.transactionalId} was fenced`);
}
