import { messageOf } from '../../common/errors/error.js';
import { PRODUCE, type ProducedPartition } from '../../common/kafka/wire/apis/produce.js';
import { call } from '../../common/kafka/wire/call.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import type { BrokerConnection } from '../../common/kafka/wire/connection.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import type { Logger } from '../../common/observability/logger.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { QueuedBatch } from '../core/partition-queue.js';
import type { LineFacts } from '../core/stall-facts.js';
import type { Outlet } from '../partition/outlet.js';

/** More would not be remembered by the broker for a partition, and hide nothing more of the network. */
const MAX_REQUESTS_IN_FLIGHT = 5;
/** A request is closed when it holds this much; a single larger batch still goes, alone. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
const MAX_PARTITIONS_PER_REQUEST = 1_000;
/** The broker must give up on its replicas before we give up on the broker. */
const BROKER_TIMEOUT_SHARE = 0.75;
/** Without the right to write it is asked for again this often. */
const LEASE_POLL_MS = 200;
/** While throttled it is looked this often whether the connection is still the same. */
const QUOTA_POLL_MS = 1_000;
const CONNECT_BACKOFF = { initialMs: 50, maxMs: 2_000 } as const;

export interface ProduceChannelDeps {
  readonly client: Pick<ClusterClient, 'connection'>;
  readonly cluster: string;
  readonly broker: number;
  /** Distinguishes the channels to one broker. */
  readonly index: number;
  /** Whose transactions its requests belong to; a request belongs to one at most. */
  readonly transactionalId: string | null;
  readonly requestTimeoutMs: number;
  /** False once the session's lease has ended: not one byte more may leave. */
  readonly mayProduce: () => boolean;
  /** After a failure the partitions must be routed anew. */
  readonly reroute: (outlet: Outlet, delayMs: number) => void;
  readonly onTrouble: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

interface SentBatch {
  readonly outlet: Outlet;
  readonly batch: QueuedBatch;
  readonly life: number;
}

/**
 * One connection to one target broker. Every request carries at most one batch of a partition (the broker would silently drop the first of
 * two, broker-probes 8) and many partitions; a partition stays with its channel while answers are outstanding.
 */
export class ProduceChannel {
  readonly #deps: ProduceChannelDeps;
  /** Outlets that may have something to send, in turn. */
  readonly #ready = new Set<Outlet>();
  #connection: BrokerConnection | undefined;
  #connecting = false;
  #inFlight = 0;
  /** Since when no answer has come to what is in flight. */
  #waitingSinceMs = 0;
  #failures = 0;
  #fault: LineFacts['fault'];
  #scheduled = false;
  #awaitsLease = false;
  #awaitsQuota = false;
  #closed = false;

  constructor(deps: ProduceChannelDeps) {
    this.#deps = deps;
  }

  ready(outlet: Outlet): void {
    this.#ready.add(outlet);
    this.#schedule();
  }

  remove(outlet: Outlet): void {
    this.#ready.delete(outlet);
  }

  close(): void {
    this.#closed = true;
    this.#ready.clear();
  }

  /** It is asked for a batch as soon as there is room for one. */
  isInTurn(outlet: Outlet): boolean {
    return this.#ready.has(outlet);
  }

  get line(): LineFacts {
    const connection = this.#connection;
    const isOpen = connection !== undefined && connection.closedError === undefined;
    return {
      broker: this.#deps.broker,
      address: isOpen ? connection.address : undefined,
      fault: this.#fault,
      throttledMs: isOpen ? connection.throttledMs : 0,
    };
  }

  /** Requests that are not answered, and since when no answer has come. */
  get requests(): { readonly count: number; readonly sinceMs: number | undefined } {
    return { count: this.#inFlight, sinceMs: this.#inFlight === 0 ? undefined : this.#waitingSinceMs };
  }

  /** Everything that becomes ready within one turn of the loop shares requests. */
  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#closed || this.#ready.size === 0 || this.#inFlight >= MAX_REQUESTS_IN_FLIGHT) return;
    const connection = this.#connection;
    if (connection === undefined || connection.closedError !== undefined) {
      this.#connect();
      return;
    }
    if (connection.throttledMs > 0) {
      this.#awaitQuota(connection.throttledMs);
      return;
    }
    while (this.#inFlight < MAX_REQUESTS_IN_FLIGHT && this.#ready.size > 0 && this.#deps.mayProduce()) {
      const batches = this.#collect();
      if (batches.length === 0) return;
      this.#send(connection, batches);
    }
    if (this.#inFlight === 0 && this.#ready.size > 0) this.#awaitLease();
  }

  /** What went out now would lie unread while its time to be answered runs out (KIP-219). */
  #awaitQuota(throttledMs: number): void {
    if (this.#awaitsQuota) return;
    this.#awaitsQuota = true;
    this.#deps.clock.after(Math.min(throttledMs, QUOTA_POLL_MS), () => {
      this.#awaitsQuota = false;
      this.#schedule();
    });
  }

  /** Nobody tells when the lease goes on. */
  #awaitLease(): void {
    if (this.#awaitsLease) return;
    this.#awaitsLease = true;
    this.#deps.clock.after(LEASE_POLL_MS, () => {
      this.#awaitsLease = false;
      this.#schedule();
    });
  }

  /** One batch from each outlet that has one; an outlet that was served goes to the end of the turn. */
  #collect(): SentBatch[] {
    const batches: SentBatch[] = [];
    let bytes = 0;
    for (const outlet of [...this.#ready]) {
      this.#ready.delete(outlet);
      const batch = this.#batchOf(outlet);
      if (batch === undefined) continue;
      this.#ready.add(outlet);
      batches.push({ outlet, batch, life: outlet.partition.life });
      bytes += batch.bytes;
      if (bytes >= MAX_REQUEST_BYTES || batches.length >= MAX_PARTITIONS_PER_REQUEST) break;
    }
    return batches;
  }

  /** A fault of our own in one partition must not end the thread, and so all others. */
  #batchOf(outlet: Outlet): QueuedBatch | undefined {
    try {
      return outlet.next(this.#connection?.roundTripMs ?? 0);
    } catch (error) {
      outlet.failed(error);
      return undefined;
    }
  }

  #send(connection: BrokerConnection, batches: readonly SentBatch[]): void {
    if (this.#inFlight === 0) this.#waitingSinceMs = this.#deps.clock.monotonicMs();
    this.#inFlight += 1;
    this.#exchange(connection, batches).then(
      () => this.#done(),
      (error: unknown) => this.#failed(connection, batches, error),
    );
  }

  async #exchange(connection: BrokerConnection, batches: readonly SentBatch[]): Promise<void> {
    const answer = await call(connection, PRODUCE, {
      transactionalId: this.#deps.transactionalId,
      acks: -1,
      timeoutMs: Math.floor(this.#deps.requestTimeoutMs * BROKER_TIMEOUT_SHARE),
      partitions: batches.map(({ outlet, batch }) => ({
        topic: outlet.partition.item.targetTopic,
        partition: outlet.partition.targetPartition,
        records: batch.image ?? [],
      })),
    });
    const byPartition = new Map(batches.map((sent) => [sent.outlet.partition.targetKey, sent]));
    for (const topic of answer.topics) {
      for (const partition of topic.partitions) {
        const key = partitionKey(topic.topic, partition.partition);
        const sent = byPartition.get(key);
        if (sent === undefined) continue;
        byPartition.delete(key);
        try {
          this.#answered(sent, partition);
        } catch (error) {
          sent.outlet.failed(error);
        }
      }
    }
    // The broker answers every partition; one it left out is in doubt.
    for (const sent of byPartition.values()) this.#lost(sent);
  }

  #answered({ outlet, batch, life }: SentBatch, answer: ProducedPartition): void {
    // An answer for a life that is over concerns nobody: its lane does not write this partition again, or had it settled.
    if (outlet.partition.life !== life) return;
    const { errorCode, baseOffset, logAppendTimeMs, recordErrors } = answer;
    const blamed = errorCode === 0 ? undefined : recordErrors.map(({ batchIndex }) => batchIndex);
    const verdict = outlet.answered(batch, errorCode, baseOffset, logAppendTimeMs, blamed);
    if (verdict.kind === 'stored') {
      this.#ready.add(outlet);
      return;
    }
    this.#ready.delete(outlet);
    const slow = verdict.kind === 'retry' && verdict.delay === 'long';
    const delayMs = backoffMs(
      outlet.partition.failures,
      { initialMs: slow ? 1_000 : 20, maxMs: slow ? 30_000 : 1_000 },
      this.#deps.random,
    );
    this.#deps.reroute(outlet, delayMs);
  }

  #lost({ outlet, batch, life }: SentBatch): void {
    // Settled before the rest of its answer turned out to be unreadable.
    if (outlet.partition.life !== life || batch.state !== 'sent') return;
    this.#ready.delete(outlet);
    outlet.lost(batch);
    this.#deps.reroute(outlet, backoffMs(outlet.partition.failures, CONNECT_BACKOFF, this.#deps.random));
  }

  #done(): void {
    this.#inFlight -= 1;
    this.#waitingSinceMs = this.#deps.clock.monotonicMs();
    this.#failures = 0;
    this.#schedule();
  }

  #failed(connection: BrokerConnection, batches: readonly SentBatch[], error: unknown): void {
    this.#inFlight -= 1;
    // Whatever went wrong, nothing behind it on this connection can be matched any more.
    connection.close();
    if (this.#connection === connection) {
      this.#connection = undefined;
      this.#report(error);
    }
    for (const sent of batches) this.#lost(sent);
    this.#schedule();
  }

  #connect(): void {
    if (this.#connecting) return;
    this.#connecting = true;
    const { client, broker, index, transactionalId } = this.#deps;
    client
      .connection(broker, transactionalId === null ? `produce-${index}` : `produce-${index}-${transactionalId}`)
      .then(
        (connection) => {
          this.#connection = connection;
          this.#connecting = false;
          this.#fault = undefined;
          this.#schedule();
        },
        async (error: unknown) => {
          this.#report(error);
          await this.#deps.clock.sleep(backoffMs(this.#failures, CONNECT_BACKOFF, this.#deps.random));
          this.#connecting = false;
          // The leader may be elsewhere by now.
          for (const outlet of [...this.#ready]) this.#deps.reroute(outlet, 0);
          this.#schedule();
        },
      )
      .catch((error: unknown) => this.#deps.logger.error('produce.connect-failed', { err: error }));
  }

  #report(error: unknown): void {
    const { cluster, broker, logger, clock } = this.#deps;
    this.#fault = { message: messageOf(error), sinceMs: this.#fault?.sinceMs ?? clock.monotonicMs() };
    if (this.#failures === 0 && !this.#closed) logger.warn('produce.failed', { cluster, broker, err: error });
    this.#failures += 1;
    this.#deps.onTrouble();
  }
}
