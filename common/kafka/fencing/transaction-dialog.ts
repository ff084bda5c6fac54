import { CausewayError } from '../../errors/error.js';
import { type BackoffOptions, backoffMs } from '../../runtime/backoff.js';
import type { ApiKey } from '../wire/api-keys.js';
import { type Api, call, isTransient } from '../wire/call.js';
import type { BrokerConnection } from '../wire/connection.js';
import { kafkaError } from '../wire/error-codes.js';
import { isCoordinatorMove } from '../wire/operations/on-coordinator.js';
import { type FencingClient, unlessAborted } from './fencing-client.js';

/** Between questions to the same coordinator; an empty transaction takes a few milliseconds. */
const BACKOFF: BackoffOptions = { initialMs: 10, maxMs: 500 };

/** These questions share no connection with data, unless said otherwise. */
const PURPOSE = 'fencing';

export interface DialogOptions {
  readonly client: FencingClient;
  readonly transactionalId: string;
  /** Bound of the whole dialog. */
  readonly limitMs: number;
  readonly signal: AbortSignal;
  /** Names the connection that is used. */
  readonly purpose?: string;
}

/** Questions to the coordinator of one transactional id, wherever it moves, within a bound of time. */
export class TransactionDialog {
  readonly transactionalId: string;
  readonly #options: DialogOptions;
  readonly #deadlineMs: number;
  #lastFault: unknown;

  constructor(options: DialogOptions) {
    this.#options = options;
    this.transactionalId = options.transactionalId;
    this.#deadlineMs = this.nowMs + options.limitMs;
  }

  /** Monotonic. */
  get nowMs(): number {
    return this.#options.client.clock.monotonicMs();
  }

  /** The next question finds the coordinator anew. */
  forgetCoordinator(): void {
    this.#options.client.forgetCoordinator('transaction', this.transactionalId);
  }

  /** Whether the coordinator's broker offers this. */
  async offers(api: ApiKey): Promise<boolean> {
    return (await this.#connection()).versionOf(api) !== undefined;
  }

  /** One question; undefined where it was sent and not answered: whether it was done, nobody knows. */
  async once<Request, Response>(api: Api<Request, Response>, request: Request): Promise<Response | undefined> {
    const connection = await this.#connection();
    try {
      return await unlessAborted(call(connection, api, request), this.#options.signal);
    } catch (error) {
      if (!isTransient(error)) throw error;
      this.#lastFault = error;
      this.forgetCoordinator();
      return undefined;
    }
  }

  /**
   * A question that does no harm when it is asked twice, until it is answered by a coordinator in office.
   * @param again further codes to ask again for
   * @throws TIMEOUT when the time is over without any such answer
   */
  async repeat<Request, Response extends { readonly errorCode: number }>(
    api: Api<Request, Response>,
    request: Request,
    again: (code: number) => boolean = () => false,
  ): Promise<Response> {
    for (let attempt = 0; ; attempt += 1) {
      const answer = await this.once(api, request);
      if (answer !== undefined && !isCoordinatorMove(answer.errorCode) && !again(answer.errorCode)) return answer;
      if (answer !== undefined) this.noteCode(answer.errorCode);
      await this.pause(attempt);
    }
  }

  /** Remembers a code that asks for patience; a coordinator that moved is looked up again. */
  noteCode(code: number): void {
    const place = { cluster: this.#options.client.cluster.name };
    this.#lastFault = kafkaError(code, place, `the transaction of ${this.transactionalId}`);
    if (isCoordinatorMove(code)) this.forgetCoordinator();
  }

  /** Longer with each attempt. @throws TIMEOUT when the time is over, SHUTTING_DOWN when it is called off */
  async pause(attempt: number): Promise<void> {
    const { client, signal } = this.#options;
    await unlessAborted(client.clock.sleep(backoffMs(attempt, BACKOFF, client.random), signal), signal);
    if (this.nowMs >= this.#deadlineMs) throw this.#timeout();
  }

  async #connection(): Promise<BrokerConnection> {
    const { client, signal, purpose = PURPOSE } = this.#options;
    for (let attempt = 0; ; attempt += 1) {
      try {
        const broker = await unlessAborted(client.coordinator('transaction', this.transactionalId), signal);
        return await unlessAborted(client.connection(broker, purpose), signal);
      } catch (error) {
        if (!isTransient(error)) throw error;
        this.#lastFault = error;
      }
      this.forgetCoordinator();
      await this.pause(attempt);
    }
  }

  #timeout(): CausewayError {
    const { client, limitMs } = this.#options;
    const message = `the coordinator of ${this.transactionalId} did not settle its transaction within ${limitMs} ms`;
    return new CausewayError('TIMEOUT', message, {
      place: { cluster: client.cluster.name },
      fix: 'It is tried again; see the cause, and the log of the broker that coordinates this id.',
      cause: this.#lastFault,
    });
  }
}
