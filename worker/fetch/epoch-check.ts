import { messageOf } from '../../common/errors/error.js';
import type { EpochEndOffset } from '../../common/kafka/wire/apis/offset-for-leader-epoch.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { KafkaCode } from '../../common/kafka/wire/error-codes.js';
import { epochEndOffsets } from '../../common/kafka/wire/operations/epoch-end-offsets.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Leader } from '../cluster/leaders.js';

export interface EpochQuestion {
  readonly topic: string;
  readonly partition: number;
  /** Who is to answer. */
  readonly leader: Leader;
  /** The leadership whose end is asked for. */
  readonly leaderEpoch: number;
  readonly answered: (answer: EpochAnswer) => void;
}

export type EpochAnswer =
  /** In the leader's log that leadership ended before this offset; what lies at or behind it is of another history. */
  | { readonly kind: 'end'; readonly endOffset: number }
  /** The broker cannot tell: too old, no right, or it never knew. */
  | { readonly kind: 'unknown' }
  /** Another leader, or none that can be reached: to be asked again. */
  | { readonly kind: 'again' };

const AGAIN: ReadonlySet<number> = new Set<number>([
  KafkaCode.LEADER_NOT_AVAILABLE,
  KafkaCode.NOT_LEADER_OR_FOLLOWER,
  KafkaCode.NETWORK_EXCEPTION,
  KafkaCode.KAFKA_STORAGE_ERROR,
  KafkaCode.FENCED_LEADER_EPOCH,
  KafkaCode.UNKNOWN_LEADER_EPOCH,
  KafkaCode.OFFSET_NOT_AVAILABLE,
]);

export interface EpochCheckDeps {
  readonly client: Pick<ClusterClient, 'connection'>;
  readonly cluster: string;
  readonly logger: Logger;
}

/**
 * Asks new leaders whether their logs still hold what was read under the old ones (KIP-320). Partitions whose leaders move within one turn
 * are asked for together: a broker that goes takes hundreds along.
 */
export class EpochCheck {
  readonly #deps: EpochCheckDeps;
  readonly #open: EpochQuestion[] = [];

  constructor(deps: EpochCheckDeps) {
    this.#deps = deps;
  }

  ask(question: EpochQuestion): void {
    this.#open.push(question);
    if (this.#open.length > 1) return;
    queueMicrotask(() => {
      const byBroker = new Map<number, EpochQuestion[]>();
      for (const question of this.#open.splice(0)) {
        const { broker } = question.leader;
        byBroker.set(broker, [...(byBroker.get(broker) ?? []), question]);
      }
      for (const [broker, questions] of byBroker) {
        this.#askBroker(broker, questions).catch((error: unknown) => this.#failed(broker, questions, error));
      }
    });
  }

  async #askBroker(broker: number, questions: readonly EpochQuestion[]): Promise<void> {
    const queries = questions.map(({ topic, partition, leader, leaderEpoch }) => ({
      topic,
      partition,
      leaderEpoch,
      currentLeaderEpoch: leader.epoch,
    }));
    const ends = await epochEndOffsets(this.#deps.client, broker, queries);
    for (const [i, question] of questions.entries()) question.answered(answerOf(ends[i]));
  }

  #failed(broker: number, questions: readonly EpochQuestion[], error: unknown): void {
    this.#deps.logger.warn('source.epochs-unknown', { cluster: this.#deps.cluster, broker, msg: messageOf(error) });
    for (const question of questions) question.answered({ kind: 'again' });
  }
}

export function answerOf(end: EpochEndOffset | undefined): EpochAnswer {
  if (end === undefined || AGAIN.has(end.errorCode)) return { kind: 'again' };
  if (end.errorCode !== KafkaCode.NONE || end.endOffset < 0n) return { kind: 'unknown' };
  return { kind: 'end', endOffset: Number(end.endOffset) };
}
