import { CausewayError } from '../../errors/error.js';
import type { Clock, Timer } from '../../runtime/clock.js';
import { sessionLost, storeClosed } from '../node-rules.js';
import type { ZkConnection, ZkReply } from './connection.js';
import type { ZkRequest } from './jute.js';
import { unavailable } from './zk-errors.js';

/** Requests on the wire at once: enough for full speed, few enough to keep answers small in number (fault Z13). */
export const MAX_IN_FLIGHT_REQUESTS = 500;
/** Requests that wait for the wire, in all. */
const MAX_WAITING_REQUESTS = 20_000;

export interface Ask {
  readonly request: ZkRequest;
  readonly deadlineMs: number;
  /** Session the request may be sent under; undefined: any. */
  readonly generation: number | undefined;
}

interface Waiting extends Ask {
  readonly settle: (reply: ZkReply | CausewayError) => void;
}

/** Queues requests while no server answers, limits those on the wire, and ends every one at its deadline. */
export class RequestWindow {
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiting>();
  #inFlight = 0;
  #connection: ZkConnection | undefined;
  #generation = 0;
  #droppedGeneration = 0;
  #refusal: CausewayError | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isRefusing(): boolean {
    return this.#refusal !== undefined;
  }

  /** Waiting requests go out from now on, over this connection. */
  open(connection: ZkConnection, generation: number): void {
    this.#connection = connection;
    this.#generation = generation;
    this.#refusal = undefined;
    this.#pump();
  }

  /** Requests wait again. */
  pause(): void {
    this.#connection = undefined;
  }

  /** The session is over: what is bound to it will never be sent. */
  dropSession(generation: number): void {
    this.pause();
    this.#droppedGeneration = generation;
    for (const waiting of this.#waiting) if (waiting.generation !== undefined) this.#end(waiting, sessionLost());
  }

  /** Until the next `open`, every request fails with this error instead of waiting. */
  refuse(error: CausewayError): void {
    this.pause();
    this.#refusal = error;
    for (const waiting of this.#waiting) this.#end(waiting, error);
  }

  close(): void {
    this.refuse(storeClosed());
  }

  submit(ask: Ask): Promise<ZkReply> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal);
    if (ask.generation !== undefined && ask.generation <= this.#droppedGeneration) return Promise.reject(sessionLost());
    if (this.#waiting.size >= MAX_WAITING_REQUESTS) {
      return Promise.reject(unavailable(`${MAX_WAITING_REQUESTS} requests wait already; this one was not sent`));
    }
    return new Promise((resolve, reject) => {
      const timer: Timer = this.#clock.after(ask.deadlineMs - this.#clock.monotonicMs(), () => this.#expire(waiting));
      const waiting: Waiting = {
        request: ask.request,
        deadlineMs: ask.deadlineMs,
        generation: ask.generation,
        settle: (reply) => {
          timer.cancel();
          if (reply instanceof CausewayError) reject(reply);
          else resolve(reply);
        },
      };
      this.#waiting.add(waiting);
      this.#pump();
    });
  }

  #pump(): void {
    for (const waiting of this.#waiting) {
      const connection = this.#connection;
      if (connection?.isUp !== true || this.#inFlight >= MAX_IN_FLIGHT_REQUESTS) return;
      if (waiting.generation !== undefined && waiting.generation !== this.#generation)
        this.#end(waiting, sessionLost());
      else this.#send(waiting, connection);
    }
  }

  #send(waiting: Waiting, connection: ZkConnection): void {
    this.#waiting.delete(waiting);
    this.#inFlight += 1;
    void connection.send(waiting.request).then((reply) => {
      this.#inFlight -= 1;
      waiting.settle(reply);
      this.#pump();
    });
  }

  #expire(late: Waiting): void {
    const unsent = this.#waiting.has(late);
    this.#end(
      late,
      unavailable(unsent ? 'no server answers; the request was not sent' : 'no answer in time; the outcome is unknown'),
    );
  }

  #end(waiting: Waiting, error: CausewayError): void {
    this.#waiting.delete(waiting);
    waiting.settle(error);
  }
}
