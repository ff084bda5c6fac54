import type { CoordinationStore } from '../../common/coordination/ports.js';
import type { Clock, Timer } from '../../common/runtime/clock.js';
import { LEASE_BYTES, SETTLE_UNTIL, WRITE_UNTIL } from '../core/lease.js';

/** How often the threads' view of the lease is brought up to date; far below any session timeout. */
const INTERVAL_MS = 100;

export interface LeaseKeeperDeps {
  readonly store: Pick<CoordinationStore, 'session' | 'sessionTimeoutMs'>;
  /** Generation of the session that the incarnation is registered in; undefined while there is none. */
  readonly registeredIn: () => number | undefined;
  /** What it copies may go on without a session: the targets tell when somebody else has it (design.md section 4), or the operator said so. */
  readonly mayGoOn: () => boolean;
  readonly clock: Clock;
}

/**
 * Tells the data threads until when they may write. With a session, as long as that lasts; without one, where what is copied may go on, a
 * session timeout at a time, so that a process that slept finds that its time is over and drops what it holds (exactly-once.md 2.7).
 */
export class LeaseKeeper {
  /** For the threads: see core/lease.ts. */
  readonly shared = new SharedArrayBuffer(LEASE_BYTES);
  readonly #lease = new Float64Array(this.shared);
  readonly #deps: LeaseKeeperDeps;
  #lookedAtMs: number;
  #overslept = false;
  #timer: Timer | undefined;

  constructor(deps: LeaseKeeperDeps) {
    this.#deps = deps;
    this.#lookedAtMs = deps.clock.monotonicMs();
    this.#tick();
  }

  /** A new life has begun: what was slept through was the life before. */
  joined(): void {
    this.#overslept = false;
    this.update();
  }

  /** Does the incarnation go on though its session is over? */
  outlivesSession(): boolean {
    this.#noticeSleep();
    return !this.#overslept && this.#deps.mayGoOn();
  }

  update(): void {
    const { store, registeredIn, clock } = this.#deps;
    const session = store.session();
    const generation = registeredIn();
    this.#noticeSleep();
    // The next session's lease is not for the threads of the life before, which may not have heard of their end yet.
    const leaseUntilMs = generation === session.generation ? session.leaseUntilMs : 0;
    // The session is there still: nobody has been given anything.
    if (leaseUntilMs > clock.monotonicMs()) this.#overslept = false;
    const goesOn = this.outlivesSession();
    this.#lease[SETTLE_UNTIL] = leaseUntilMs;
    const rollingUntilMs = generation !== undefined && goesOn ? clock.monotonicMs() + store.sessionTimeoutMs : 0;
    this.#lease[WRITE_UNTIL] = Math.max(leaseUntilMs, rollingUntilMs);
  }

  close(): void {
    this.#timer?.cancel();
  }

  #tick(): void {
    this.update();
    this.#timer = this.#deps.clock.after(INTERVAL_MS, () => this.#tick());
  }

  /** Whoever was not there for a session timeout cannot know what others did meanwhile. */
  #noticeSleep(): void {
    const { store, clock } = this.#deps;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#lookedAtMs >= store.sessionTimeoutMs) this.#overslept = true;
    this.#lookedAtMs = nowMs;
  }
}
