import type { LiveWorker } from '../../common/model/worker.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import { mapLimited } from '../../common/runtime/map-limited.js';
import type { ProcessProbe } from './process-probe.js';

const INTERVAL_MS = 700;
/** A refusal is looked at again after this. */
const CONFIRM_MS = 150;
/** Refusals in a row by which a process counts as gone: a server that has its port anew may miss one. */
const REFUSALS = 2;
const CONCURRENCY = 64;

export interface GoneWatchOptions {
  readonly live: () => ReadonlyMap<string, LiveWorker>;
  readonly probe: ProcessProbe;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Another one is gone. */
  readonly onNews: () => void;
}

interface Pulse {
  /** It was heard at its address once: an address that was never right proves nothing. */
  answered: boolean;
  refusals: number;
}

/**
 * Finds out within a second that a worker's process is over, long before its session ends: nobody listens at its address any more
 * (design.md section 4). Being wrong costs a fence, no record. Those that are leaving are left to their sessions.
 */
export class GoneWatch {
  readonly #options: GoneWatchOptions;
  readonly #pulses = new Map<string, Pulse>();
  readonly #gone = new Set<string>();
  #revision = 0;

  constructor(options: GoneWatchOptions) {
    this.#options = options;
  }

  /** Incarnations that are still registered and whose process is over. */
  get gone(): ReadonlySet<string> {
    return this.#gone;
  }

  /** Grows when the set does. */
  get revision(): number {
    return this.#revision;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const isDoubtful = await this.#look();
      await this.#options.clock.sleep(isDoubtful ? CONFIRM_MS : INTERVAL_MS, signal);
    }
  }

  /** @returns true when a refusal is to be confirmed */
  async #look(): Promise<boolean> {
    const workers = [...this.#options.live().values()].filter(({ leaving }) => !leaving);
    const living = new Set(workers.map(({ incarnation }) => incarnation));
    for (const known of [this.#pulses, this.#gone]) {
      for (const incarnation of known.keys()) if (!living.has(incarnation)) known.delete(incarnation);
    }
    const present = workers.filter(({ incarnation }) => !this.#gone.has(incarnation));
    const doubts = await mapLimited(present, CONCURRENCY, (worker) => this.#feel(worker));
    return doubts.includes(true);
  }

  async #feel({ worker, incarnation, http }: LiveWorker): Promise<boolean> {
    const { probe, logger, onNews } = this.#options;
    const answer = await probe(http);
    const pulse = this.#pulses.get(incarnation) ?? { answered: false, refusals: 0 };
    this.#pulses.set(incarnation, pulse);
    if (answer === 'listens') pulse.answered = true;
    pulse.refusals = answer === 'refuses' && pulse.answered ? pulse.refusals + 1 : 0;
    if (pulse.refusals < REFUSALS) return pulse.refusals > 0;
    this.#gone.add(incarnation);
    this.#revision++;
    logger.warn('worker.process-gone', { worker, incarnation, http });
    onNews();
    return false;
  }
}
