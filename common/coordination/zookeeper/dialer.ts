import { connect, type Socket } from 'node:net';
import { backoffMs } from '../../runtime/backoff.js';
import type { Random } from '../../runtime/random.js';
import type { ZkServer } from './connect-string.js';

/** While the session can still be saved, and afterwards. */
const RETRY_SOON = { initialMs: 50, maxMs: 500 };
const RETRY_LATER = { initialMs: 200, maxMs: 3_000 };
/** An attempt's first limit as a share of the session timeout: several servers can be tried within one session. */
const FIRST_ATTEMPT_SHARE = 1 / 6;
const MIN_ATTEMPT_MS = 200;
const MAX_DOUBLINGS = 8;

/** Which server next, after which pause, and for how long it is tried. */
export class Dialer {
  readonly #servers: readonly ZkServer[];
  readonly #random: Random;
  #next: number;
  #attempt = 0;
  #tooSlow = 0;

  constructor(servers: readonly ZkServer[], random: Random) {
    this.#servers = servers;
    this.#random = random;
    this.#next = Math.floor(random.unit() * servers.length);
  }

  /** Every server once without delay, then with back-off and jitter. */
  delayMs(savingSession: boolean): number {
    const round = this.#attempt - this.#servers.length;
    return round < 0 ? 0 : backoffMs(round, savingSession ? RETRY_SOON : RETRY_LATER, this.#random);
  }

  /**
   * Fault Z11: for the TCP connect, and again for the wait for ConnectResponse. Grows when servers were too slow for it, so that
   * they get their chance; refusals do not count, or a server that hangs while it restarts would cost the session.
   */
  limitMs(sessionTimeoutMs: number): number {
    const rounds = Math.floor(this.#tooSlow / this.#servers.length);
    const first = Math.max(MIN_ATTEMPT_MS, sessionTimeoutMs * FIRST_ATTEMPT_SHARE);
    return Math.min(sessionTimeoutMs, first * 2 ** Math.min(rounds, MAX_DOUBLINGS));
  }

  tooSlow(): void {
    this.#tooSlow += 1;
  }

  dial(): Socket {
    const server = this.#servers[this.#next % this.#servers.length];
    if (server === undefined) throw new RangeError('no ZooKeeper server to dial');
    this.#next += 1;
    this.#attempt += 1;
    return connect({ host: server.host, port: server.port, noDelay: true });
  }

  succeeded(): void {
    this.#attempt = 0;
    this.#tooSlow = 0;
  }
}
