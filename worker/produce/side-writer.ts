import { invariant } from '../../common/errors/assert.js';
import { CausewayError } from '../../common/errors/error.js';
import { PRODUCE, type ProducedPartition } from '../../common/kafka/wire/apis/produce.js';
import { call, isTransient } from '../../common/kafka/wire/call.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { buildBatch } from '../../common/kafka/wire/records/build-batch.js';
import type { KafkaRecord } from '../../common/kafka/wire/records/record-codec.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { Leaders } from '../cluster/leaders.js';
import { batchImage, producerIdentity } from '../core/batch-image.js';
import { produceVerdict } from '../core/produce-verdict.js';
import type { Lane } from '../lane/lane.js';

const RETRY_BACKOFF = { initialMs: 50, maxMs: 5_000 } as const;
const BROKER_TIMEOUT_SHARE = 0.75;

export interface SideWriterDeps {
  readonly client: Pick<ClusterClient, 'connection'>;
  readonly leaders: Leaders;
  readonly cluster: string;
  readonly requestTimeoutMs: number;
  /** False once the session's lease has ended. */
  readonly mayProduce: () => boolean;
  readonly clock: Clock;
  readonly random: Random;
}

interface Destination {
  readonly lane: Lane;
  readonly topic: string;
  readonly partition: number;
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
   * @throws TARGET_REFUSED when no repetition helps, LANE_DEAD, SHUTTING_DOWN
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
    this.#mayGoOn(lane);
    const key = partitionKey(topic, partition);
    const baseSequence = lane.takeSequence(key, records.length);
    const batch = buildBatch(records);
    const producer = producerIdentity(lane.record.producerId, lane.record.producerEpoch);
    const { header, payload } = batchImage({ buffer: batch, start: 0, length: batch.length }, producer, baseSequence);
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#attempt(to, [header, payload]);
      const verdict = answer === undefined ? undefined : produceVerdict(answer.errorCode, false);
      if (verdict?.kind === 'stored') return;
      if (verdict?.kind === 'lane-dead') throw dead(lane);
      if (verdict !== undefined && verdict.kind !== 'retry') {
        lane.rewindSequence(key, baseSequence);
        throw this.#refused(to, answer as ProducedPartition);
      }
      this.#deps.leaders.refresh();
      await this.#deps.clock.sleep(backoffMs(attempt, RETRY_BACKOFF, this.#deps.random));
      this.#mayGoOn(lane);
    }
  }

  /** The broker's answer; undefined where there was none. */
  async #attempt(
    { topic, partition }: Destination,
    records: readonly Buffer[],
  ): Promise<ProducedPartition | undefined> {
    const { client, leaders, requestTimeoutMs, mayProduce } = this.#deps;
    const leader = leaders.leader(topic, partition);
    if (leader === undefined || !mayProduce()) return undefined;
    try {
      const connection = await client.connection(leader.broker, 'side');
      const answer = await call(connection, PRODUCE, {
        transactionalId: null,
        acks: -1,
        timeoutMs: Math.floor(requestTimeoutMs * BROKER_TIMEOUT_SHARE),
        partitions: [{ topic, partition, records }],
      });
      return answer.topics[0]?.partitions[0];
    } catch (error) {
      if (isTransient(error)) return undefined;
      throw error;
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

  #refused({ topic, partition }: Destination, { errorCode, errorMessage }: ProducedPartition): CausewayError {
    invariant(errorCode !== 0, 'only an error is a refusal');
    return new CausewayError('TARGET_REFUSED', `error ${errorCode} ${errorMessage ?? ''}`.trim(), {
      place: { cluster: this.#deps.cluster, topic, partition },
      fix: 'Check the topic’s max.message.bytes, cleanup.policy and rights.',
      kafkaCode: errorCode,
    });
  }
}

function dead(lane: Lane): CausewayError {
  return new CausewayError('LANE_DEAD', `lane ${lane.record.transactionalId} was fenced`);
}
