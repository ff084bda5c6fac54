import type { CoordinationStore, StoreSession } from '../../common/coordination/ports.js';
import { type CausewayError, isCausewayError } from '../../common/errors/error.js';
import type { LiveWorker } from '../../common/model/worker.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { FleetGuard, StoreStanding } from './fleet-guard.js';
import { LiveNode } from './live-node.js';

const RETRY_MS = 250;
/** How often it is looked whether the worker's node is still there, beside the hints. */
const LOOK_MS = 5_000;

export interface MembershipDeps {
  readonly store: CoordinationStore;
  readonly describe: () => Omit<LiveWorker, 'incarnation' | 'leaving'>;
  /** A new life of this worker begins: nothing of an earlier incarnation may be touched again (exactly-once.md 2.5, 2.7). */
  readonly joined: (incarnation: string) => void;
  /**
   * The session is over, or the incarnation was given up: drop everything. The next incarnation is registered only after that:
   * a new one in the registry proves that the old one writes no more.
   */
  readonly lost: () => Promise<void>;
  /** A lost session alone ends nothing: the incarnation goes on, and is registered in the next session. */
  readonly outlivesSession: () => boolean;
  /** Nobody has begun to give the incarnation up. @throws when the store does not answer */
  readonly intact: () => Promise<boolean>;
  readonly guard: Pick<FleetGuard, 'standing' | 'hasWork' | 'forget'>;
  /** Another process lives under this id: this one must end. */
  readonly taken: (error: CausewayError) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Keeps the worker's ephemeral node: a new incarnation after every lost session, unless the one before goes on without. */
export class Membership {
  readonly #deps: MembershipDeps;
  readonly #stop = new AbortController();
  readonly #node: LiveNode;
  readonly #running: Promise<void>;
  #incarnation: string | undefined;
  #session = 0;
  #leaving = false;
  #wake: (() => void) | undefined;
  #renew = false;
  #saidStanding: StoreStanding = 'ours';

  constructor(deps: MembershipDeps) {
    this.#deps = deps;
    this.#node = new LiveNode({
      ...deps,
      describe: (incarnation) => ({ ...deps.describe(), incarnation, leaving: this.#leaving }),
    });
    this.#running = this.#run();
  }

  get incarnation(): string | undefined {
    return this.#incarnation;
  }

  /** Generation of the session that it is registered in. */
  get session(): number | undefined {
    return this.#incarnation === undefined ? undefined : this.#session;
  }

  /** Gives the incarnation up and takes a new one: a lane of it was fenced. */
  renew(): void {
    this.#renew = true;
    this.#wake?.();
  }

  /** Tells the controller to hand everything over and give nothing new. */
  async leave(): Promise<void> {
    this.#leaving = true;
    if (this.#incarnation !== undefined) await this.#node.update(this.#incarnation);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { store, logger, clock } = this.#deps;
    const { signal } = this.#stop;
    let toldError = false;
    while (!signal.aborted) {
      try {
        let session: StoreSession | undefined = await store.ready(signal);
        if (!(await this.#mayJoin())) {
          await clock.sleep(LOOK_MS, signal);
          continue;
        }
        this.#renew = false;
        const incarnation = this.#deps.random.uuid().replaceAll('-', '').slice(0, 12);
        if (!(await this.#node.register(session, incarnation, signal))) return;
        toldError = false;
        this.#session = session.generation;
        this.#incarnation = incarnation;
        logger.info('worker.joined', { incarnation, session: session.generation });
        this.#deps.joined(incarnation);
        while (session !== undefined) {
          await this.#untilOver(session, incarnation);
          session = await this.#resumed(incarnation);
        }
        if (signal.aborted) return;
        logger.warn('worker.incarnation-over', { incarnation, fenced: this.#renew });
        this.#incarnation = undefined;
        await this.#deps.lost();
      } catch (error) {
        if (signal.aborted) return;
        if (isCausewayError(error, 'WORKER_ID_TAKEN')) {
          this.#deps.taken(error);
          return;
        }
        if (!toldError) logger.warn('worker.join-failed', { err: error });
        toldError = true;
        await clock.sleep(RETRY_MS, signal);
      }
    }
  }

  /** Another fleet is joined as a new incarnation only, which has nothing of the old one (exactly-once.md 7.6). */
  async #mayJoin(): Promise<boolean> {
    const standing = await this.#deps.guard.standing();
    if (standing === 'other') this.#deps.guard.forget();
    if (standing === 'alien') this.#sayStanding(standing);
    else this.#saidStanding = 'ours';
    return standing !== 'alien';
  }

  /** What is held is copied on for as long as the store is not one that could take it over. */
  async #isWorthJoining(): Promise<boolean> {
    const { guard } = this.#deps;
    const standing = await guard.standing();
    this.#sayStanding(standing);
    return standing === 'ours' || standing === 'unborn' || (standing === 'other' && (await guard.hasWork()));
  }

  #sayStanding(standing: StoreStanding): void {
    if (standing === this.#saidStanding) return;
    this.#saidStanding = standing;
    if (standing === 'ours' || standing === 'unborn') return;
    const hint = 'what is held is copied on; nothing is taken from this store';
    this.#deps.logger.error('store.not-ours', { standing, hint });
  }

  /** Looks after the live node: somebody may have removed it while the session goes on. */
  async #look(session: StoreSession, incarnation: string): Promise<void> {
    const { store } = this.#deps;
    if (store.session().state !== 'connected' || (await this.#node.isThere(incarnation))) return;
    const isOver = store.session().id !== session.id || this.#incarnation !== incarnation;
    if (isOver || !(await this.#isWorthJoining())) return;
    // Only a new incarnation joins another fleet.
    if ((await this.#deps.guard.standing()) === 'other') this.renew();
    else await this.#node.restore(session, incarnation);
  }

  /** Where the incarnation goes on without its session: the next one it is registered in. undefined: it is over. */
  async #resumed(incarnation: string): Promise<StoreSession | undefined> {
    const { outlivesSession, intact, clock, logger } = this.#deps;
    const isOver = (): boolean => this.#renew || this.#stop.signal.aborted || !outlivesSession();
    if (!isOver()) logger.warn('worker.without-coordination', { incarnation });
    while (!isOver()) {
      try {
        const session = await this.#nextSession();
        if (isOver()) return undefined;
        if (!(await this.#isWorthJoining())) {
          await clock.sleep(LOOK_MS, this.#stop.signal);
          continue;
        }
        const isOurs = (await this.#deps.guard.standing()) === 'ours';
        if (!isOurs || !(await intact()) || !(await this.#node.registerAgain(session, incarnation))) return undefined;
        this.#session = session.generation;
        logger.info('worker.resumed', { incarnation, session: session.generation });
        return session;
      } catch (error) {
        if (!isOver()) logger.debug('worker.resume-failed', { err: error });
        await clock.sleep(RETRY_MS, this.#stop.signal);
      }
    }
    return undefined;
  }

  /** @throws when the incarnation is given up meanwhile */
  async #nextSession(): Promise<StoreSession> {
    const over = new AbortController();
    this.#wake = () => over.abort();
    try {
      return await this.#deps.store.ready(AbortSignal.any([this.#stop.signal, over.signal]));
    } finally {
      this.#wake = undefined;
    }
  }

  async #untilOver(session: StoreSession, incarnation: string): Promise<void> {
    const { store, clock, logger } = this.#deps;
    const { generation } = session;
    const look = (): void => {
      this.#look(session, incarnation).catch((error: unknown) => logger.debug('worker.look-failed', { err: error }));
    };
    const unwatch = this.#node.watch(incarnation, look);
    let timer = clock.after(LOOK_MS, again);
    function again(): void {
      look();
      timer = clock.after(LOOK_MS, again);
    }
    await new Promise<void>((resolve) => {
      const check = (): void => {
        const session = store.session();
        const over = session.generation !== generation || session.state === 'lost';
        if (over || this.#renew || this.#stop.signal.aborted) this.#wake?.();
      };
      const unsubscribe = store.onSession(check);
      this.#wake = () => {
        unsubscribe();
        resolve();
      };
      check();
    });
    timer.cancel();
    unwatch();
    this.#wake = undefined;
  }
}
