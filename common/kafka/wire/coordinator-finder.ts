import type { ErrorPlace } from '../../errors/error.js';
import { backoffMs } from '../../runtime/backoff.js';
import type { Clock } from '../../runtime/clock.js';
import type { Random } from '../../runtime/random.js';
import { type CoordinatorKind, FIND_COORDINATOR } from './apis/find-coordinator.js';
import type { MetadataBroker } from './apis/metadata.js';
import { call } from './call.js';
import type { BrokerConnection } from './connection.js';
import { isRetriable, KafkaCode, kafkaError } from './error-codes.js';

/** While the internal topic is being created, or its leader moves. */
const LOOKUP_BACKOFF = { initialMs: 20, maxMs: 500 } as const;

/** Groups and transactional ids of one client; beyond that the oldest is asked for again. */
const MAX_REMEMBERED = 10_000;

export interface CoordinatorFinderOptions {
  readonly requestTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly place: ErrorPlace;
  readonly onAny: <T>(use: (connection: BrokerConnection) => Promise<T>) => Promise<T>;
}

/** Finds and remembers which broker coordinates a group or a transactional id. */
export class CoordinatorFinder {
  readonly #options: CoordinatorFinderOptions;
  readonly #found = new Map<string, Promise<MetadataBroker>>();

  constructor(options: CoordinatorFinderOptions) {
    this.#options = options;
  }

  /** @throws KAFKA_ERROR; what a request to any broker throws. */
  find(kind: CoordinatorKind, key: string): Promise<MetadataBroker> {
    const name = `${kind} ${key}`;
    const remembered = this.#found.get(name);
    if (remembered !== undefined) return remembered;
    const oldest = this.#found.size >= MAX_REMEMBERED ? this.#found.keys().next().value : undefined;
    if (oldest !== undefined) this.#found.delete(oldest);
    const looking = this.#look(kind, key);
    this.#found.set(name, looking);
    looking.catch(() => {
      if (this.#found.get(name) === looking) this.#found.delete(name);
    });
    return looking;
  }

  forget(kind: CoordinatorKind, key: string): void {
    this.#found.delete(`${kind} ${key}`);
  }

  async #look(kind: CoordinatorKind, key: string): Promise<MetadataBroker> {
    const { clock, random, requestTimeoutMs, place, onAny } = this.#options;
    const deadlineMs = clock.monotonicMs() + requestTimeoutMs;
    for (let attempt = 0; ; attempt += 1) {
      const answer = await onAny((connection) => call(connection, FIND_COORDINATOR, { kind, key }));
      if (answer.errorCode === KafkaCode.NONE) {
        return { id: answer.nodeId, host: answer.host, port: answer.port, rack: null };
      }
      if (!isRetriable(answer.errorCode) || clock.monotonicMs() >= deadlineMs) {
        throw kafkaError(answer.errorCode, place, `find the coordinator of ${kind} ${key}`, answer.errorMessage);
      }
      await clock.sleep(backoffMs(attempt, LOOKUP_BACKOFF, random));
    }
  }
}
