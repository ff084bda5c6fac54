import type { CoordinationStore } from '../../common/coordination/ports.js';
import {
  type ControllerRecord,
  decodeController,
  encodeController,
  encodeEpoch,
} from '../../common/coordination/records/control.js';
import { EPOCH, LEADER } from '../../common/coordination/znodes.js';
import type { ErrorCode } from '../../common/errors/codes.js';
import { isCausewayError } from '../../common/errors/error.js';
import type { Route } from '../../common/model/route.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import { Nudge } from '../../common/runtime/nudge.js';
import type { Random } from '../../common/runtime/random.js';
import { bootstrapFleet, checkWorkersEpochs, type FleetMemory, readEpoch } from './bootstrap.js';
import { Reign } from './reign.js';
import type { StoreAlarms } from './store-alarms.js';

/** A candidate looks at `/leader` at least so often (jittered), whatever the watches say. */
const CANDIDATE_INTERVAL_MS = 2_000;
const RETRY = { initialMs: 100, maxMs: 5_000 } as const;

const STORE_FAULTS: ReadonlySet<ErrorCode> = new Set(['STORE_DAMAGED', 'STORE_CONTRADICTS', 'NODE_CORRUPT']);

export interface CandidateOptions {
  readonly store: CoordinationStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** As the configuration calls it. */
  readonly fleet: string;
  readonly alarms: StoreAlarms;
  /** What this process has seen of the fleet; its own without. */
  readonly memory?: FleetMemory;
  /** This controller as others are told; its epoch is filled in. */
  readonly self: () => Omit<ControllerRecord, 'epoch'>;
  readonly seeds: readonly Route[];
  /** Leads until the reign's signal aborts. */
  readonly rule: (reign: Reign) => Promise<void>;
}

/** Takes part in the election for as long as it is open: waits for `/leader` to vanish, tries, rules, and again. */
export class Candidate implements Closable {
  readonly #options: CandidateOptions;
  readonly #closing = new AbortController();
  readonly #nudge: Nudge;
  readonly #memory: FleetMemory;
  #bootstrapped = false;
  #reign: Reign | undefined;
  #running: Promise<void> | undefined;
  #said = '';

  constructor(options: CandidateOptions) {
    this.#options = options;
    this.#nudge = new Nudge(options.clock);
    this.#memory = options.memory ?? { fleetId: undefined, highestEpoch: 0 };
  }

  /** The fleet's nodes and the configuration's routes are there. */
  get bootstrapped(): boolean {
    return this.#bootstrapped;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Gives up leadership at once, so that a successor need not wait for the session to end. */
  async close(): Promise<void> {
    const reign = this.#reign;
    this.#closing.abort();
    this.#nudge.wake();
    if (reign !== undefined && !reign.signal.aborted) await this.#abdicate(reign);
    await this.#running;
  }

  async #run(): Promise<void> {
    const { store, clock, random } = this.#options;
    const unwatch = store.watch(LEADER, () => this.#nudge.wake());
    for (let failures = 0; !this.#closing.signal.aborted; ) {
      let waitMs = CANDIDATE_INTERVAL_MS * (0.7 + 0.6 * random.unit());
      try {
        await store.ready(this.#closing.signal);
        await this.#candidate();
        failures = 0;
        this.#said = '';
        this.#options.alarms.update('election', []);
      } catch (error) {
        if (this.#closing.signal.aborted) break;
        this.#say(error);
        this.#alarm(error);
        waitMs = backoffMs(failures++, RETRY, random);
        await clock.sleep(waitMs, this.#closing.signal);
        continue;
      }
      await this.#nudge.wait(waitMs);
    }
    unwatch();
  }

  /** One look at `/leader`; rules when it wins, returns when there is nothing to do but wait. */
  async #candidate(): Promise<void> {
    const { store } = this.#options;
    const session = await store.ready(this.#closing.signal);
    const left = await store.get(LEADER);
    // Of a reign that ended while the session went on: it says that somebody leads, and nobody else can rule before it is gone.
    if (left?.ephemeralOwner === session.id) await store.remove(LEADER, left.version);
    // Once per process: a route that an operator removes later must not come back by itself.
    await bootstrapFleet(this.#options, this.#memory, this.#bootstrapped ? [] : this.#options.seeds);
    this.#bootstrapped = true;
    const { epoch, version } = await readEpoch(this.#options, this.#memory);
    this.#options.metrics.set('causeway_leader_epoch', epoch);
    if ((await store.get(LEADER)) !== undefined) return;
    await checkWorkersEpochs(store, epoch);
    // Whoever leads has found the store to be what it knows.
    this.#options.alarms.update('election', []);
    const won = await this.#tryToWin(epoch + 1, version, session.generation, session.id);
    if (won === undefined) return;
    await this.#ruleWith(won);
    this.#nudge.wake();
  }

  async #tryToWin(epoch: number, version: number, generation: number, sessionId: bigint): Promise<Reign | undefined> {
    const { store, clock, logger, metrics } = this.#options;
    const self: ControllerRecord = { ...this.#options.self(), epoch };
    const reignOf = (epochVersion: number): Reign =>
      new Reign({ store, clock, logger, metrics, epoch, epochVersion, sessionGeneration: generation });
    try {
      const outcome = await store.multi(
        [
          { type: 'create', path: LEADER, data: encodeController(self), ephemeral: true },
          { type: 'set', path: EPOCH, data: encodeEpoch({ epoch }), version },
        ],
        { ephemeralOf: generation },
      );
      return outcome.applied ? reignOf(outcome.versions[1] ?? version + 1) : undefined;
    } catch (error) {
      if (!isCausewayError(error, 'COORDINATION_UNAVAILABLE')) throw error;
      // The answer was lost: whoever holds /leader tells whether the election was ours.
      await store.ready(this.#closing.signal);
      const node = await store.get(LEADER);
      if (node === undefined || node.ephemeralOwner !== sessionId) return undefined;
      const holder = decodeController(node.data, LEADER);
      return holder.controller === self.controller && holder.epoch === epoch ? reignOf(version + 1) : undefined;
    }
  }

  async #ruleWith(reign: Reign): Promise<void> {
    const { logger, metrics, rule } = this.#options;
    this.#memory.highestEpoch = reign.epoch;
    this.#reign = reign;
    logger.info('leader.elected', { epoch: reign.epoch });
    metrics.set('causeway_leader', 1);
    metrics.set('causeway_leader_epoch', reign.epoch);
    if (this.#closing.signal.aborted) await this.#abdicate(reign);
    try {
      await rule(reign);
    } finally {
      reign.end('it stopped ruling');
      metrics.set('causeway_leader', 0);
    }
  }

  async #abdicate(reign: Reign): Promise<void> {
    try {
      await reign.write([{ type: 'remove', path: LEADER, version: -1 }]);
    } catch (error) {
      this.#options.logger.warn('leader.abdication-failed', { err: error });
    }
    reign.end('the controller is closing');
  }

  /** What waiting does not mend: the store itself is at fault, not the line to it. */
  #alarm(error: unknown): void {
    if (!isCausewayError(error) || !STORE_FAULTS.has(error.code)) return;
    this.#options.alarms.update('election', [error]);
  }

  /** The same fault is said once, not per attempt. */
  #say(error: unknown): void {
    const text = isCausewayError(error) ? `${error.code} ${error.place.path ?? ''}` : String(error);
    if (text === this.#said) return;
    this.#said = text;
    const { logger } = this.#options;
    if (isCausewayError(error) && error.info.retryable) logger.warn('leader.election-waits', { err: error });
    else logger.error('leader.election-failed', { err: error });
  }
}
