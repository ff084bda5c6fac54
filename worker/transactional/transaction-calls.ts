import { CausewayError, isCausewayError } from '../../common/errors/error.js';
import { addPartitions, NOT_OURS } from '../../common/kafka/fencing/add-partitions.js';
import { type LaneIdentity, unlessAborted } from '../../common/kafka/fencing/fencing-client.js';
import { TransactionDialog } from '../../common/kafka/fencing/transaction-dialog.js';
import { ADD_OFFSETS_TO_TXN } from '../../common/kafka/wire/apis/add-offsets-to-txn.js';
import { END_TXN } from '../../common/kafka/wire/apis/end-txn.js';
import type { OffsetCommitPartition } from '../../common/kafka/wire/apis/offset-commit.js';
import type { PartitionCode } from '../../common/kafka/wire/apis/partition-lists.js';
import { TXN_OFFSET_COMMIT } from '../../common/kafka/wire/apis/txn-offset-commit.js';
import { call, isTransient } from '../../common/kafka/wire/call.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { KafkaCode, kafkaError } from '../../common/kafka/wire/error-codes.js';
import { chunkBySize } from '../../common/kafka/wire/operations/chunk-by-size.js';
import { initProducerId } from '../../common/kafka/wire/operations/init-producer-id.js';
import { isCoordinatorMove } from '../../common/kafka/wire/operations/on-coordinator.js';
import type { TopicPartition } from '../../common/model/topic-partition.js';
import { backoffMs } from '../../common/runtime/backoff.js';

/** These requests share no connection with data, nor with fences. */
const PURPOSE = 'transaction';
/** A commit becomes one batch in __consumer_offsets, which the broker refuses beyond about 1 MB (measured). */
const MAX_COMMIT_BYTES = 500_000;
const PARTITION_OVERHEAD_BYTES = 64;
const RETRY = { initialMs: 10, maxMs: 500 } as const;

/** Codes of a refused position by which the partition is at fault, or our rights to its group. */
const POSITION_FAULTS: ReadonlySet<number> = new Set([
  KafkaCode.UNKNOWN_TOPIC_OR_PARTITION,
  KafkaCode.OFFSET_METADATA_TOO_LARGE,
  KafkaCode.INVALID_COMMIT_OFFSET_SIZE,
  KafkaCode.TOPIC_AUTHORIZATION_FAILED,
  KafkaCode.GROUP_AUTHORIZATION_FAILED,
]);

export interface TransactionCallsOptions {
  readonly client: ClusterClient;
  readonly lane: LaneIdentity;
  /** For everything but the end, which is asked for until it is known. */
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

/**
 * What one transaction of a lane asks of the target's coordinators. An answer that does not come is asked for again under the same id and
 * epoch; whether the lost request may still arrive is remembered, because in a later transaction of that epoch it would do harm.
 * All throw LANE_DEAD when the target has fenced or forgotten the lane, TIMEOUT, SHUTTING_DOWN, KAFKA_ERROR.
 */
export class TransactionCalls {
  readonly #options: TransactionCallsOptions;
  readonly #deadlineMs: number;
  #isBegun = false;
  #isDoubtful = false;

  constructor(options: TransactionCallsOptions) {
    this.#options = options;
    this.#deadlineMs = options.client.clock.monotonicMs() + options.limitMs;
  }

  /** The coordinator may have a transaction open. */
  get isBegun(): boolean {
    return this.#isBegun;
  }

  /** A request was not answered and may still arrive: the next transaction needs a higher epoch. */
  get isDoubtful(): boolean {
    return this.#isDoubtful;
  }

  /** @returns those that cannot be part of it: 3 not there, 29 not to be written by us */
  async addPartitions(partitions: readonly TopicPartition[]): Promise<readonly PartitionCode[]> {
    const { lane } = this.#options;
    const dialog = this.#dialog(this.#leftMs());
    for (let attempt = 0; ; attempt += 1) {
      const added = await this.#watched(addPartitions(dialog, lane, partitions));
      this.#isBegun ||= added.kind === 'lost' || added.partitions.length > 0;
      if (added.kind === 'added') return added.dropped;
      if (added.code !== undefined && NOT_OURS.has(added.code)) throw this.#dead(added.code);
      this.#isDoubtful = true;
      await dialog.pause(attempt);
    }
  }

  /** Announces that the group's positions are going to be committed. */
  async addGroup(groupId: string): Promise<void> {
    const { lane } = this.#options;
    const dialog = this.#dialog(this.#leftMs());
    this.#isBegun = true;
    for (let attempt = 0; ; attempt += 1) {
      const answer = await this.#watched(dialog.once(ADD_OFFSETS_TO_TXN, { ...lane, groupId }));
      if (answer?.errorCode === KafkaCode.NONE) return;
      if (answer === undefined) this.#isDoubtful = true;
      else this.#mayRepeat(answer.errorCode, `announce positions of ${groupId}`, dialog);
      await dialog.pause(attempt);
    }
  }

  /** @returns the positions that were refused for themselves, with the code */
  async commitPositions(
    groupId: string,
    positions: readonly OffsetCommitPartition[],
  ): Promise<readonly PartitionCode[]> {
    const refused: PartitionCode[] = [];
    const sizeOf = ({ topic, metadata }: OffsetCommitPartition): number =>
      PARTITION_OVERHEAD_BYTES + topic.length + metadata.length;
    for (const chunk of chunkBySize(positions, MAX_COMMIT_BYTES, sizeOf)) {
      refused.push(...(await this.#commitChunk(groupId, chunk)));
    }
    return refused;
  }

  /**
   * Ends it, and asks until that is known: NONE is given again for what was done before.
   * @returns false where the coordinator has nothing to end that way: a commit did not take place
   */
  async end(committed: boolean): Promise<boolean> {
    const { lane } = this.#options;
    const dialog = this.#dialog(Number.POSITIVE_INFINITY);
    for (let attempt = 0; ; attempt += 1) {
      const answer = await dialog.once(END_TXN, { ...lane, committed });
      const code = answer?.errorCode;
      if (code === KafkaCode.NONE) return true;
      if (code === KafkaCode.INVALID_TXN_STATE) return false;
      // -1: the coordinator stumbled over a fence or its own other thread (measured): nothing is known.
      if (code === undefined || code === KafkaCode.UNKNOWN_SERVER_ERROR) this.#isDoubtful = true;
      else this.#mayRepeat(code, committed ? 'commit a transaction' : 'abort a transaction', dialog);
      await dialog.pause(attempt);
    }
  }

  /**
   * A higher epoch for the lane, under which all its sequences begin at 0 and whatever is still on its way is refused (KIP-360). Only
   * after the end of a transaction: an open one would be fenced, and its owner with it.
   */
  async raiseEpoch(transactionTimeoutMs: number): Promise<number> {
    const { client, lane, signal } = this.#options;
    const { transactionalId, producerId, producerEpoch } = lane;
    for (let attempt = 0; ; attempt += 1) {
      try {
        const current = { producerId, epoch: producerEpoch };
        const raised = await unlessAborted(
          initProducerId(client, transactionalId, transactionTimeoutMs, current),
          signal,
        );
        // All epochs of the id are used up: nobody could compare it with the registered one any more.
        if (raised.producerId !== producerId) throw this.#dead(KafkaCode.INVALID_PRODUCER_ID_MAPPING);
        return raised.epoch;
      } catch (error) {
        const code = isCausewayError(error) ? error.kafkaCode : undefined;
        if (code !== undefined && NOT_OURS.has(code)) throw this.#dead(code);
        const again = isTransient(error) || code === KafkaCode.CONCURRENT_TRANSACTIONS || isMove(code);
        if (!again) throw error;
        await unlessAborted(client.clock.sleep(backoffMs(attempt, RETRY, client.random), signal), signal);
      }
    }
  }

  async #commitChunk(groupId: string, partitions: readonly OffsetCommitPartition[]): Promise<PartitionCode[]> {
    const { client, lane, signal } = this.#options;
    for (let attempt = 0; ; attempt += 1) {
      const codes = await this.#askGroup(groupId, partitions);
      if (codes !== undefined) {
        const fenced = codes.find(({ errorCode }) => NOT_OURS.has(errorCode));
        if (fenced !== undefined) throw this.#dead(fenced.errorCode);
        const bad = codes.filter(({ errorCode }) => errorCode !== KafkaCode.NONE);
        const refused = bad.filter(({ errorCode }) => POSITION_FAULTS.has(errorCode));
        if (refused.length === bad.length) return refused;
        const other = bad.find(({ errorCode }) => !POSITION_FAULTS.has(errorCode)) as PartitionCode;
        const passes = isMove(other.errorCode) || other.errorCode === KafkaCode.CONCURRENT_TRANSACTIONS;
        const what = `commit positions of ${lane.transactionalId} into ${groupId}`;
        if (!passes) throw kafkaError(other.errorCode, { cluster: client.cluster.name }, what);
      }
      client.forgetCoordinator('group', groupId);
      await unlessAborted(client.clock.sleep(backoffMs(attempt, RETRY, client.random), signal), signal);
      if (this.#leftMs() <= 0) throw this.#overdue();
    }
  }

  /** Undefined where it was not answered; the same positions are sent again then. */
  async #askGroup(
    groupId: string,
    partitions: readonly OffsetCommitPartition[],
  ): Promise<readonly PartitionCode[] | undefined> {
    const { client, lane, signal } = this.#options;
    let sent = false;
    try {
      const broker = await unlessAborted(client.coordinator('group', groupId), signal);
      const connection = await unlessAborted(client.connection(broker, PURPOSE), signal);
      sent = true;
      const request = { ...lane, groupId, partitions };
      return (await this.#watched(call(connection, TXN_OFFSET_COMMIT, request))).partitions;
    } catch (error) {
      this.#isDoubtful ||= sent;
      if (!isTransient(error)) throw error;
      return undefined;
    }
  }

  /** @throws when asking again does not help */
  #mayRepeat(code: number, what: string, dialog: TransactionDialog): void {
    if (NOT_OURS.has(code)) throw this.#dead(code);
    const { client, lane } = this.#options;
    if (code !== KafkaCode.CONCURRENT_TRANSACTIONS && !isCoordinatorMove(code)) {
      throw kafkaError(code, { cluster: client.cluster.name }, `${what} of ${lane.transactionalId}`);
    }
    dialog.noteCode(code);
  }

  /** The answer, unless the time for the transaction is over before: it is in doubt then. */
  async #watched<T>(work: Promise<T>): Promise<T> {
    const { client, signal } = this.#options;
    const overdue = new AbortController();
    const timer = client.clock.after(this.#leftMs(), () => overdue.abort());
    try {
      return await unlessAborted(work, AbortSignal.any([signal, overdue.signal]));
    } catch (error) {
      if (!overdue.signal.aborted || signal.aborted) throw error;
      this.#isDoubtful = true;
      this.#isBegun = true;
      throw this.#overdue();
    } finally {
      timer.cancel();
    }
  }

  #dialog(limitMs: number): TransactionDialog {
    const { client, lane, signal } = this.#options;
    const { transactionalId } = lane;
    return new TransactionDialog({ client, transactionalId, limitMs, signal, purpose: PURPOSE });
  }

  #leftMs(): number {
    return Math.max(0, this.#deadlineMs - this.#options.client.clock.monotonicMs());
  }

  #overdue(): CausewayError {
    const { client, lane, limitMs } = this.#options;
    const message = `a transaction of ${lane.transactionalId} was not done within ${limitMs} ms`;
    return new CausewayError('TIMEOUT', message, {
      place: { cluster: client.cluster.name },
      fix: 'It is aborted and done again; look at the brokers that coordinate the id and its groups if it goes on.',
    });
  }

  #dead(kafkaCode: number): CausewayError {
    const { client, lane } = this.#options;
    return new CausewayError('LANE_DEAD', `the target refuses lane ${lane.transactionalId} (${kafkaCode})`, {
      place: { cluster: client.cluster.name },
      kafkaCode,
    });
  }
}

function isMove(code: number | undefined): boolean {
  return code !== undefined && isCoordinatorMove(code);
}
