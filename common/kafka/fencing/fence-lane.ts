import { assertNever } from '../../errors/assert.js';
import { CausewayError, isCausewayError } from '../../errors/error.js';
import { partitionKey, type TopicPartition } from '../../model/topic-partition.js';
import { END_TXN } from '../wire/apis/end-txn.js';
import { INIT_PRODUCER_ID } from '../wire/apis/init-producer-id.js';
import type { PartitionCode } from '../wire/apis/partition-lists.js';
import { KafkaCode, kafkaError } from '../wire/error-codes.js';
import { chunkBySize } from '../wire/operations/chunk-by-size.js';
import { addPartitions } from './add-partitions.js';
import { writeMarkersDirectly } from './direct-markers.js';
import type { FencingClient, LaneIdentity } from './fencing-client.js';
import { bareInit, describeTransaction, takeOver } from './take-over.js';
import { TransactionDialog } from './transaction-dialog.js';

const DEFAULT_LIMIT_MS = 60_000;
/** How long the end of the transaction is waited for once it is decided; whoever needs a marker looks for it anyway. */
const COMPLETION_MS = 2_000;
/** One transaction is one record of the coordinator's log, which takes no more than 1 MB unless told otherwise. */
const MAX_NAMES_BYTES = 500_000;
const PARTITION_OVERHEAD_BYTES = 8;
/** How often a fence begins anew because an answer was lost or another fencer came between. */
const MAX_ROUNDS = 20;

export interface FenceLaneOptions {
  readonly client: FencingClient;
  /** Marked `fencing` in the store already (exactly-once.md 5.1). */
  readonly lane: LaneIdentity;
  /** Everything the lane may have written at this target: own and `revoke` items, internal topics (5.3). */
  readonly partitions: readonly TopicPartition[];
  readonly signal: AbortSignal;
  /** Of the whole; 60 s unless said. */
  readonly limitMs?: number;
}

export type LaneFence =
  /**
   * Decided at the target. The proof is per partition: an abort marker with the lane's producer id and an epoch of at least `epoch`
   * (5.5), which comes, later for those in `pending`.
   */
  | {
      readonly kind: 'fenced';
      /** `markers`: written one by one, past a coordinator that had forgotten the id or cannot end its transaction. */
      readonly way: 'transaction' | 'markers';
      readonly epoch: number;
      readonly partitions: readonly TopicPartition[];
      /** Left out with the code: 3 not there (any more), 29 we may not write. */
      readonly dropped: readonly PartitionCode[];
      /** Whose marker is not written yet, a partition without a leader mostly; empty when all are, undefined when unknown. */
      readonly pending: readonly TopicPartition[] | undefined;
    }
  /** A transaction under a higher epoch than the lane's, an earlier fence's mostly, ends and cannot end yet: its markers are as good. */
  | { readonly kind: 'ending'; readonly epoch: number; readonly pending: readonly TopicPartition[] }
  /** The lane may write on: wait as in at-least-once, and count it (5.2). */
  | {
      readonly kind: 'not-fenced';
      readonly reason: 'other-producer-id' | 'transaction-stuck';
      /** For log and status. */
      readonly detail: string;
      /** Partitions that got a marker nevertheless. */
      readonly partitions: readonly TopicPartition[];
      readonly refused: readonly PartitionCode[];
    };

/**
 * Makes the target refuse every later batch of the lane (exactly-once.md 5.2-5.4): a bare InitProducerId raises the epoch, an empty aborted
 * transaction carries it into each partition. Several fencers at once do no harm; nor does a second call.
 * @throws TIMEOUT, SHUTTING_DOWN, KAFKA_ERROR, CLUSTER_UNREACHABLE, UNSUPPORTED_BROKER: how far it came is unknown; call again.
 */
export async function fenceLane(options: FenceLaneOptions): Promise<LaneFence> {
  return new LaneFencing(options).run();
}

class LaneFencing {
  readonly #options: FenceLaneOptions;
  readonly #dialog: TransactionDialog;
  readonly #cluster: string;
  readonly #partitions: readonly TopicPartition[];
  readonly #dropped: PartitionCode[] = [];
  #epoch = -1;

  constructor(options: FenceLaneOptions) {
    const { client, lane, partitions, signal, limitMs } = options;
    this.#options = options;
    this.#cluster = client.cluster.name;
    const { transactionalId } = lane;
    this.#dialog = new TransactionDialog({ client, transactionalId, limitMs: limitMs ?? DEFAULT_LIMIT_MS, signal });
    const unique = partitions.map(
      ({ topic, partition }) => [partitionKey(topic, partition), { topic, partition }] as const,
    );
    this.#partitions = [...new Map(unique).values()];
  }

  async run(): Promise<LaneFence> {
    const { lane } = this.#options;
    const taken = await takeOver(this.#dialog, lane, this.#cluster);
    switch (taken.kind) {
      case 'other-id': {
        const detail = `the coordinator knows the id under producer id ${taken.producerId}, not ${lane.producerId}`;
        return this.#byMarkers('other-producer-id', detail);
      }
      case 'stuck':
        return this.#stuck();
      case 'taken':
        return this.#byTransaction(taken.epoch);
      default:
        return assertNever(taken, 'take-over');
    }
  }

  async #byTransaction(epoch: number): Promise<LaneFence> {
    this.#epoch = epoch;
    const fenced: TopicPartition[] = [];
    const sizeOf = ({ topic }: TopicPartition): number => topic.length + PARTITION_OVERHEAD_BYTES;
    // One after the other: an id runs one transaction at a time (5.4).
    for (const chunk of chunkBySize(this.#partitions, MAX_NAMES_BYTES, sizeOf)) {
      fenced.push(...(await this.#abortOver(chunk)));
    }
    const pending = fenced.length === 0 ? [] : await this.#pending();
    return { kind: 'fenced', way: 'transaction', epoch, partitions: fenced, dropped: this.#dropped, pending };
  }

  /** @returns the partitions that are part of an aborted transaction now */
  async #abortOver(chunk: readonly TopicPartition[]): Promise<readonly TopicPartition[]> {
    let open = chunk;
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const added = await addPartitions(this.#dialog, { ...this.#options.lane, producerEpoch: this.#epoch }, open);
      this.#dropped.push(...added.dropped);
      open = added.partitions;
      if (open.length === 0) return open;
      if (added.kind === 'added') {
        await this.#end();
        return open;
      }
      // A request that was lost may still come: under the epoch of now, which the next one makes an old one.
      await this.#dialog.pause(round);
      if (!(await this.#again())) throw this.#lost('its transaction cannot end');
    }
    throw this.#lost(`another fencer came between ${MAX_ROUNDS} times`);
  }

  /**
   * NONE: decided. Whatever else was answered, or nothing: a bare call that is answered NONE says that the transaction has been
   * aborted, by us, by another fencer or by the call itself.
   */
  async #end(): Promise<void> {
    const { transactionalId, producerId } = this.#options.lane;
    const request = { transactionalId, producerId, producerEpoch: this.#epoch, committed: false };
    const answer = await this.#dialog.once(END_TXN, request);
    if (answer?.errorCode === KafkaCode.NONE) return;
    if (answer !== undefined) this.#dialog.noteCode(answer.errorCode);
    // Stuck is as good: the call has begun the abort where nobody else had.
    await this.#again();
  }

  /** False when the id's transaction is ending and cannot end. */
  async #again(): Promise<boolean> {
    const taken = await takeOver(this.#dialog, this.#options.lane, this.#cluster);
    if (taken.kind === 'other-id') throw this.#lost('the coordinator forgot the id meanwhile');
    if (taken.kind === 'taken') this.#epoch = taken.epoch;
    return taken.kind === 'taken';
  }

  /**
   * Partitions of the decided transaction without their marker. Never asked with AddPartitionsToTxn, which would begin another one (5.4).
   * Whatever keeps the answer away, the fence stands.
   */
  async #pending(): Promise<readonly TopicPartition[] | undefined> {
    const { client, lane, signal } = this.#options;
    const overdue = new AbortController();
    const timer = client.clock.after(COMPLETION_MS, () => overdue.abort());
    const within = AbortSignal.any([signal, overdue.signal]);
    const { transactionalId } = lane;
    const dialog = new TransactionDialog({ client, transactionalId, limitMs: COMPLETION_MS, signal: within });
    let known: readonly TopicPartition[] | undefined;
    try {
      for (let attempt = 0; ; attempt += 1) {
        const described = await describeTransaction(dialog);
        if (described === undefined) return await this.#pendingByInit(dialog);
        if (described.state !== 'PrepareAbort' || described.producerId !== lane.producerId) return [];
        known = described.partitions;
        await dialog.pause(attempt);
      }
    } catch (error) {
      if (signal.aborted || !isCausewayError(error)) throw error;
      return known;
    } finally {
      timer.cancel();
    }
  }

  /** For brokers before Kafka 3.0. */
  async #pendingByInit(dialog: TransactionDialog): Promise<readonly TopicPartition[]> {
    const isEnding = (code: number): boolean => code === KafkaCode.CONCURRENT_TRANSACTIONS;
    const { transactionalId } = this.#options.lane;
    const { errorCode } = await dialog.repeat(INIT_PRODUCER_ID, bareInit(transactionalId), isEnding);
    if (errorCode !== KafkaCode.NONE)
      throw kafkaError(errorCode, { cluster: this.#cluster }, 'ask for the end of a fence');
    return [];
  }

  async #stuck(): Promise<LaneFence> {
    const { lane } = this.#options;
    const described = await describeTransaction(this.#dialog);
    if (
      described !== undefined &&
      described.producerId === lane.producerId &&
      described.producerEpoch > lane.producerEpoch
    ) {
      return { kind: 'ending', epoch: described.producerEpoch, pending: described.partitions };
    }
    const waitsFor = described?.partitions.map(({ topic, partition }) => partitionKey(topic, partition)).join(', ');
    return this.#byMarkers(
      'transaction-stuck',
      `a transaction of the id cannot end; it waits for ${waitsFor ?? 'a leader'}`,
    );
  }

  async #byMarkers(reason: 'other-producer-id' | 'transaction-stuck', detail: string): Promise<LaneFence> {
    const { client, lane, signal } = this.#options;
    const { epoch, marked, refused } = await writeMarkersDirectly(client, lane, this.#partitions, signal);
    const gone = refused.filter(({ errorCode }) => errorCode === KafkaCode.UNKNOWN_TOPIC_OR_PARTITION);
    if (gone.length === refused.length) {
      return { kind: 'fenced', way: 'markers', epoch, partitions: marked, dropped: gone, pending: [] };
    }
    return { kind: 'not-fenced', reason, detail, partitions: marked, refused };
  }

  #lost(why: string): CausewayError {
    const { transactionalId } = this.#options.lane;
    return new CausewayError('TIMEOUT', `lane ${transactionalId} could not be fenced: ${why}`, {
      place: { cluster: this.#cluster },
      fix: 'It is tried again; look who else fences this id if it goes on.',
    });
  }
}
