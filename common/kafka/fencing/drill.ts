import { assertNever } from '../../errors/assert.js';
import { type CausewayError, isCausewayError } from '../../errors/error.js';
import type { TopicPartition } from '../../model/topic-partition.js';
import { backoffMs } from '../../runtime/backoff.js';
import { INIT_PRODUCER_ID } from '../wire/apis/init-producer-id.js';
import { PRODUCE, type ProducedPartition } from '../wire/apis/produce.js';
import { call, isTransient } from '../wire/call.js';
import { isRetriable, KafkaCode, kafkaError, kafkaErrorCode } from '../wire/error-codes.js';
import { buildBatch } from '../wire/records/build-batch.js';
import { fenceLane, type LaneFence } from './fence-lane.js';
import { type FencingClient, type LaneIdentity, unlessAborted } from './fencing-client.js';
import { findAbortMarker, type MarkerSearch } from './find-abort-marker.js';
import { bareInit } from './take-over.js';
import { TransactionDialog } from './transaction-dialog.js';

const DEFAULT_LIMIT_MS = 60_000;
const PURPOSE = 'fencing';
const PRODUCE_BACKOFF = { initialMs: 50, maxMs: 1_000 } as const;
const BROKER_TIMEOUT_SHARE = 0.75;

export interface DrillOptions {
  readonly client: FencingClient;
  readonly fleet: string;
  /** Of a topic of ours at the target: two small batches are sent there, one is stored. */
  readonly partition: TopicPartition;
  readonly signal: AbortSignal;
  readonly limitMs?: number;
}

/** What the target did, for status and log. */
export interface DrillEvidence {
  readonly transactionalId: string;
  readonly producerId?: bigint;
  readonly laneEpoch?: number;
  readonly fenceEpoch?: number;
  /** Of the lane's batch. */
  readonly writtenOffset?: bigint;
  readonly markerOffset?: bigint;
  /** What the late batch was answered with. */
  readonly lateCode?: number;
}

export type DrillResult =
  | { readonly kind: 'passed'; readonly evidence: DrillEvidence }
  /** The target cannot fence: routes to it run at-least-once, for this reason (exactly-once.md 5.7). */
  | { readonly kind: 'failed'; readonly reason: string; readonly evidence: DrillEvidence };

/**
 * Proves at the target itself that a fence holds (exactly-once.md 5.7): a lane writes, is fenced, its marker can be read, and its late batch is
 * refused with 47.
 * @throws TIMEOUT, CLUSTER_UNREACHABLE, CONNECTION_LOST, REQUEST_TIMEOUT, SHUTTING_DOWN, a temporary KAFKA_ERROR: it proved nothing; repeat it.
 */
export async function drill(options: DrillOptions): Promise<DrillResult> {
  const transactionalId = `causeway.${options.fleet}.drill.${options.client.random.uuid()}`;
  const run = new Drill(options, transactionalId);
  try {
    return await run.run();
  } catch (error) {
    if (!isCausewayError(error) || !provesInability(error)) throw error;
    return { kind: 'failed', reason: error.message, evidence: run.evidence };
  }
}

/** A broker without these requests, or that refuses them for good. */
function provesInability(error: CausewayError): boolean {
  if (error.code === 'UNSUPPORTED_BROKER') return true;
  return error.code === 'KAFKA_ERROR' && error.kafkaCode !== undefined && !isRetriable(error.kafkaCode);
}

class Drill {
  readonly #options: DrillOptions;
  readonly #untilMs: number;
  #evidence: DrillEvidence;

  constructor(options: DrillOptions, transactionalId: string) {
    this.#options = options;
    this.#untilMs = options.client.clock.monotonicMs() + (options.limitMs ?? DEFAULT_LIMIT_MS);
    this.#evidence = { transactionalId };
  }

  get evidence(): DrillEvidence {
    return this.#evidence;
  }

  async run(): Promise<DrillResult> {
    const { client, partition, signal } = this.#options;
    const lane = await this.#openLane();
    const written = await this.#produce(lane, 0);
    if (written.errorCode !== KafkaCode.NONE)
      return this.#failed(`the lane's batch was refused: ${nameOf(written.errorCode)}`);
    this.#note({ writtenOffset: BigInt(written.baseOffset) });
    const fence = await fenceLane({ client, lane, partitions: [partition], signal, limitMs: this.#leftMs() });
    if (fence.kind !== 'fenced' || fence.way !== 'transaction' || fence.partitions.length === 0) {
      return this.#failed(describeFence(fence));
    }
    this.#note({ fenceEpoch: fence.epoch });
    const marker = await findAbortMarker({
      client,
      ...partition,
      producerId: lane.producerId,
      minEpoch: fence.epoch,
      fromOffset: BigInt(written.baseOffset),
      waitMs: this.#leftMs(),
      signal,
    });
    if (marker.kind !== 'found') return this.#failed(describeSearch(marker));
    this.#note({ markerOffset: marker.offset });
    const late = await this.#produce(lane, 1);
    this.#note({ lateCode: late.errorCode });
    if (late.errorCode === KafkaCode.INVALID_PRODUCER_EPOCH) return { kind: 'passed', evidence: this.#evidence };
    return this.#failed(`a batch of the fenced lane was answered with ${nameOf(late.errorCode)}`);
  }

  async #openLane(): Promise<LaneIdentity> {
    const { client, signal } = this.#options;
    const { transactionalId } = this.#evidence;
    const dialog = new TransactionDialog({ client, transactionalId, limitMs: this.#leftMs(), signal });
    const isAgain = (code: number): boolean => code === KafkaCode.CONCURRENT_TRANSACTIONS;
    const answer = await dialog.repeat(INIT_PRODUCER_ID, bareInit(transactionalId), isAgain);
    if (answer.errorCode !== KafkaCode.NONE) {
      throw kafkaError(answer.errorCode, { cluster: client.cluster.name }, 'get a producer id for a drill');
    }
    const { producerId, producerEpoch } = answer;
    this.#note({ producerId, laneEpoch: producerEpoch });
    return { transactionalId, producerId, producerEpoch };
  }

  /** The answer to one batch of the lane; the same bytes again for as long as there is none. */
  async #produce(lane: LaneIdentity, baseSequence: number): Promise<ProducedPartition> {
    const { client, partition, signal } = this.#options;
    const record = {
      key: Buffer.from('drill'),
      value: Buffer.from(lane.transactionalId),
      headers: [],
      timestamp: BigInt(Math.floor(client.clock.wallMs())),
    };
    const { producerId, producerEpoch } = lane;
    const batch = buildBatch([record], { producerId, producerEpoch, baseSequence });
    for (let attempt = 0; ; attempt += 1) {
      const answer = await unlessAborted(this.#send(batch), signal);
      if (answer !== undefined && !isRetriable(answer.errorCode)) return answer;
      if (this.#leftMs() === 0) {
        const place = { cluster: client.cluster.name, ...partition };
        throw kafkaError(answer?.errorCode ?? KafkaCode.NETWORK_EXCEPTION, place, 'write the batch of a drill');
      }
      const pauseMs = backoffMs(attempt, PRODUCE_BACKOFF, client.random);
      await unlessAborted(client.clock.sleep(pauseMs, signal), signal);
    }
  }

  /** undefined: nobody to send it to, or no answer. */
  async #send(batch: Buffer): Promise<ProducedPartition | undefined> {
    const { client, partition } = this.#options;
    const topic = (await client.metadata([partition.topic])).topics.get(partition.topic);
    const leader = topic?.partitions.find((candidate) => candidate.partition === partition.partition)?.leader ?? -1;
    if (leader < 0) return undefined;
    try {
      const answer = await call(await client.connection(leader, PURPOSE), PRODUCE, {
        transactionalId: null,
        acks: -1,
        timeoutMs: Math.floor(client.cluster.requestTimeoutMs * BROKER_TIMEOUT_SHARE),
        partitions: [{ ...partition, records: [batch] }],
      });
      return answer.topics[0]?.partitions[0];
    } catch (error) {
      if (!isTransient(error)) throw error;
      return undefined;
    }
  }

  #leftMs(): number {
    return Math.max(0, this.#untilMs - this.#options.client.clock.monotonicMs());
  }

  #note(more: Partial<DrillEvidence>): void {
    this.#evidence = { ...this.#evidence, ...more };
  }

  #failed(reason: string): DrillResult {
    return { kind: 'failed', reason, evidence: this.#evidence };
  }
}

function nameOf(code: number): string {
  return `${kafkaErrorCode(code).name} (${code})`;
}

function describeFence(fence: LaneFence): string {
  switch (fence.kind) {
    case 'fenced': {
      const dropped = fence.dropped[0];
      return dropped === undefined
        ? 'the coordinator had forgotten the id right after it was made'
        : `the partition could not be fenced: ${nameOf(dropped.errorCode)}`;
    }
    case 'ending':
      return 'a transaction of the drill’s own id could not end';
    case 'not-fenced':
      return fence.detail;
    default:
      return assertNever(fence, 'fence');
  }
}

function describeSearch(search: Exclude<MarkerSearch, { readonly kind: 'found' }>): string {
  if (search.kind === 'absent') return `no marker of the fence was written before offset ${search.nextOffset}`;
  return `the marker could not be read: ${nameOf(search.errorCode)}`;
}
