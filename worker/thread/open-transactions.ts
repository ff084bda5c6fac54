import { isCausewayError, messageOf } from '../../common/errors/error.js';
import { DESCRIBE_PRODUCERS } from '../../common/kafka/wire/apis/describe-producers.js';
import { call } from '../../common/kafka/wire/call.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Leaders } from '../cluster/leaders.js';
import type { OpenTransaction } from '../core/stall-facts.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';

/** What a leader said is believed for this long. */
const FRESH_MS = 30_000;
/** Questions under way at the same time: they are for people, and must not be in the way of fetches. */
const MAX_ASKED = 4;
const TIMEOUT_MS = 5_000;

export interface OpenTransactionsDeps {
  readonly source: (partition: MirroredPartition) => {
    readonly client: Pick<ClusterClient, 'connection'>;
    readonly leaders: Pick<Leaders, 'leader'>;
  };
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Answer {
  readonly askedMs: number;
  readonly transaction: OpenTransaction | undefined;
}

/** Asks source leaders which producer holds a partition’s last stable offset (DescribeProducers, KIP-664). */
export class OpenTransactions {
  readonly #deps: OpenTransactionsDeps;
  readonly #answers = new WeakMap<MirroredPartition, Answer>();
  #asked = 0;

  constructor(deps: OpenTransactionsDeps) {
    this.#deps = deps;
  }

  /** The oldest open transaction as far as it is known; asks when that is not known or long ago. */
  find(partition: MirroredPartition): OpenTransaction | undefined {
    const nowMs = this.#deps.clock.monotonicMs();
    const known = this.#answers.get(partition);
    if ((known === undefined || nowMs - known.askedMs >= FRESH_MS) && this.#asked < MAX_ASKED) {
      this.#asked += 1;
      // Until there is an answer the last one counts, and nobody asks again.
      this.#answers.set(partition, { askedMs: nowMs, transaction: known?.transaction });
      this.#ask(partition)
        .then((transaction) => this.#answers.set(partition, { askedMs: nowMs, transaction }))
        .catch((error: unknown) => this.#failed(partition, error))
        .finally(() => {
          this.#asked -= 1;
        })
        .catch(() => undefined);
    }
    return known?.transaction;
  }

  async #ask(partition: MirroredPartition): Promise<OpenTransaction | undefined> {
    const { client, leaders } = this.#deps.source(partition);
    const { topic, partition: number } = partition.item;
    const leader = leaders.leader(topic, number);
    if (leader === undefined) return undefined;
    const connection = await client.connection(leader.broker, 'describe');
    const request = { partitions: [{ topic, partition: number }] };
    const answer = await call(connection, DESCRIBE_PRODUCERS, request, { timeoutMs: TIMEOUT_MS });
    const open = (answer.partitions[0]?.producers ?? []).filter(
      ({ currentTxnStartOffset }) => currentTxnStartOffset >= 0n,
    );
    const oldest = open.sort((a, b) => (a.currentTxnStartOffset < b.currentTxnStartOffset ? -1 : 1))[0];
    if (oldest === undefined) return undefined;
    const { producerId, producerEpoch, currentTxnStartOffset, lastTimestampMs } = oldest;
    return { producerId, producerEpoch, startOffset: currentTxnStartOffset, lastTimestampMs: Number(lastTimestampMs) };
  }

  /** An old broker, or no right: then the offsets have to be enough. */
  #failed({ item }: MirroredPartition, error: unknown): void {
    if (isCausewayError(error, 'SHUTTING_DOWN')) return;
    const { route, topic, partition } = item;
    this.#deps.logger.debug('source.transactions-unknown', { route, topic, partition, msg: messageOf(error) });
  }
}
