import { CausewayError, messageOf } from '../../errors/error.js';
import type { Logger } from '../../observability/logger.js';
import type { Clock } from '../../runtime/clock.js';
import type { ConnectionPlace } from './connection-faults.js';
import type { SaslCredentials } from './credentials.js';

/** From this share of the session's life on the next request has it renewed, beside the traffic. */
const RENEW_RATIO = 0.8;
/** From this share on requests wait for the renewal: whatever reaches the broker after the end closes the connection. */
const HOLD_RATIO = 0.9;
/** But no longer than this before the end, however long the session: credentials may be away for a while. */
const MAX_HOLD_MS = 10_000;
/** Brokers refuse to log in anew within a second of the login before (KIP-368). */
const MIN_RENEW_MS = 1_100;
/** Credentials that cannot be had are asked for again this often, until the session ends. */
const CREDENTIALS_RETRY_MS = 1_000;

export interface SessionDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly place: ConnectionPlace;
  /** The credentials as they are now. */
  readonly credentials: () => Promise<SaslCredentials>;
  /** The exchange on the connection, ahead of everything that is held; gives the new session's life in ms, 0 without limit. */
  readonly login: (credentials: SaslCredentials) => Promise<number>;
  /** The session cannot be renewed. */
  readonly onLost: (error: unknown) => void;
}

interface Held {
  readonly send: () => void;
  readonly reject: (error: CausewayError) => void;
}

/**
 * One connection's SASL session (KIP-368). It is renewed on the connection itself: the broker answers what was sent before the login in
 * its order, and what comes during the login waits here, so that no request is ever in doubt because of it.
 */
export class SaslSession {
  readonly #deps: SessionDeps;
  readonly #held: Held[] = [];
  #renewAtMs = Number.POSITIVE_INFINITY;
  #holdAtMs = Number.POSITIVE_INFINITY;
  #endsAtMs = Number.POSITIVE_INFINITY;
  #renewing = false;
  #exchanging = false;
  #closed = false;

  constructor(deps: SessionDeps) {
    this.#deps = deps;
  }

  /** A login is done; `lifetimeMs` as the broker said it, 0 without limit. */
  begin(lifetimeMs: number): void {
    const nowMs = this.#deps.clock.monotonicMs();
    const limited = lifetimeMs > 0;
    this.#renewAtMs = limited ? nowMs + Math.max(lifetimeMs * RENEW_RATIO, MIN_RENEW_MS) : Number.POSITIVE_INFINITY;
    const holdAfterMs = Math.max(lifetimeMs * HOLD_RATIO, lifetimeMs - MAX_HOLD_MS);
    this.#holdAtMs = limited ? nowMs + holdAfterMs : Number.POSITIVE_INFINITY;
    this.#endsAtMs = limited ? nowMs + lifetimeMs : Number.POSITIVE_INFINITY;
  }

  /** True when the request has to wait: `send` is then called in its turn, or `reject`. */
  holds(send: () => void, reject: (error: CausewayError) => void): boolean {
    if (this.#renewAtMs === Number.POSITIVE_INFINITY) return false;
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs < this.#renewAtMs && nowMs < this.#holdAtMs) return false;
    if (!this.#renewing) {
      this.#renewing = true;
      void this.#renew();
    }
    // Looked at again: without a pause before the renewal, it may be at the exchange by now.
    if (!this.#exchanging && nowMs < this.#holdAtMs) return false;
    this.#held.push({ send, reject });
    return true;
  }

  /** The connection is closed. */
  close(error: CausewayError): void {
    this.#closed = true;
    for (const { reject } of this.#held.splice(0)) reject(error);
  }

  /** Never rejects. */
  async #renew(): Promise<void> {
    try {
      const waitMs = this.#renewAtMs - this.#deps.clock.monotonicMs();
      if (waitMs > 0) await this.#deps.clock.sleep(waitMs);
      const credentials = await this.#credentials();
      if (this.#closed) return;
      this.#exchanging = true;
      this.begin(await this.#deps.login(credentials));
      this.#exchanging = false;
      // At once and in their order: nothing else can come between.
      for (const { send } of this.#held.splice(0)) send();
    } catch (error) {
      if (!this.#closed) this.#deps.onLost(error);
    } finally {
      this.#renewing = false;
    }
  }

  /** A file that is being replaced or an issuer that is away for a moment must not cost the connection. */
  async #credentials(): Promise<SaslCredentials> {
    const { clock, logger, place, credentials } = this.#deps;
    for (;;) {
      try {
        return await credentials();
      } catch (error) {
        const leftMs = this.#endsAtMs - clock.monotonicMs();
        if (leftMs <= 0 || this.#closed) throw error;
        logger.warn('broker.renewal_delayed', { ...place, leftMs: Math.round(leftMs), err: error });
        await clock.sleep(Math.min(CREDENTIALS_RETRY_MS, leftMs));
      }
    }
  }
}

/** Why a connection ends with its session. */
export function sessionLost(place: ConnectionPlace, error: unknown): CausewayError {
  return new CausewayError('KAFKA_AUTH_FAILED', `the SASL session could not be renewed: ${messageOf(error)}`, {
    place,
    fix: 'Check the credentials in the cluster’s sasl section; a new connection is tried.',
    cause: error,
  });
}
