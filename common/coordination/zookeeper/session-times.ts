const NEVER = Number.POSITIVE_INFINITY;
/** Shares of the session timeout. A server is given up at 2/3, as the Java client does, so that another can be tried in time. */
const HEARTBEAT_SHARE = 1 / 4;
const READ_TIMEOUT_SHARE = 2 / 3;

export type Due = 'nothing' | 'heartbeat' | 'give-up';

/**
 * When what is due in the life of one session. Is told the time and asked what to do; all times are monotonic ms.
 *
 * The lease counts from when the last request was sent whose answer the leader took part in: a server that is cut off from its
 * quorum still answers reads and pings, and proves nothing.
 */
export class SessionTimes {
  #timeoutMs: number;
  #attemptUntilMs = NEVER;
  #lastHeardMs = NEVER;
  #nextBeatMs = NEVER;
  #leaseUntilMs: number | undefined;
  #leaseEnded = false;
  #looked = false;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** 0 before the session was first confirmed. */
  get leaseUntilMs(): number {
    return this.#leaseUntilMs ?? 0;
  }

  /** The session exists and our clock still gives it to us. */
  get isAlive(): boolean {
    return this.#leaseUntilMs !== undefined && !this.#leaseEnded;
  }

  /** Something (a connection, a farewell) must be answered within `limitMs`. */
  attempt(nowMs: number, limitMs: number): void {
    this.#attemptUntilMs = nowMs + limitMs;
    this.#looked = false;
  }

  /** Bytes came in. */
  heard(nowMs: number): void {
    if (this.#lastHeardMs !== NEVER) this.#lastHeardMs = nowMs;
    this.#looked = false;
  }

  /** A server confirmed the session upon a request sent at `sentAtMs`. */
  connected(nowMs: number, sentAtMs: number, timeoutMs: number): void {
    this.#timeoutMs = timeoutMs;
    this.#attemptUntilMs = NEVER;
    this.#lastHeardMs = nowMs;
    this.#nextBeatMs = nowMs + timeoutMs * HEARTBEAT_SHARE;
    this.confirmed(sentAtMs);
  }

  /** The connection is gone, or its silence does not matter any more. */
  disconnected(): void {
    this.#attemptUntilMs = NEVER;
    this.#lastHeardMs = NEVER;
    this.#nextBeatMs = NEVER;
  }

  confirmed(sentAtMs: number): void {
    this.#leaseUntilMs = Math.max(this.#leaseUntilMs ?? 0, sentAtMs + this.#timeoutMs);
  }

  /** When to ask again, at the latest. */
  get nextMs(): number {
    const lease = this.isAlive ? this.leaseUntilMs : NEVER;
    return Math.min(this.#giveUpMs, this.#nextBeatMs, lease);
  }

  due(nowMs: number): Due {
    if (nowMs >= this.#giveUpMs) {
      // After a stall of our own process the answer may lie in the socket: look there once before giving up.
      if (this.#looked) return 'give-up';
      this.#looked = true;
      return 'nothing';
    }
    if (nowMs < this.#nextBeatMs) return 'nothing';
    this.#nextBeatMs = nowMs + this.#timeoutMs * HEARTBEAT_SHARE;
    return 'heartbeat';
  }

  /** True once, when the lease has ended. */
  leaseEnds(nowMs: number): boolean {
    if (!this.isAlive || nowMs < this.leaseUntilMs) return false;
    this.#leaseEnded = true;
    return true;
  }

  get #giveUpMs(): number {
    return Math.min(this.#attemptUntilMs, this.#lastHeardMs + this.#timeoutMs * READ_TIMEOUT_SHARE);
  }
}
