import { messageOf } from '../../common/errors/error.js';
import type { DrillResult } from '../../common/kafka/fencing/drill.js';
import { heartbeatTopic } from '../../common/model/heartbeat.js';
import type { Route } from '../../common/model/route.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import { Nudge } from '../../common/runtime/nudge.js';
import type { Random } from '../../common/runtime/random.js';
import type { Unproven } from '../core/topic-facts.js';
import type { DeliveryProver } from './ports.js';

/** How often it is looked whether the topic of the drill is there. */
const LOOK_MS = 200;
/** After so many looks it is said that the topic is missing. */
const LOOKS_UNTIL_SAID = 50;
const RETRY = { initialMs: 500, maxMs: 60_000 } as const;
/** A broker that comes and goes may spoil one; a target that cannot fence fails them all. */
const TRIALS = 3;
/** A target that cannot fence may have been changed meanwhile. */
const REPEAT_FAILED_MS = 300_000;
/** How often it is looked whether a target that has proven itself has other brokers, or of another version. */
const LOOK_AT_BROKERS_MS = 300_000;

export interface DrillsOptions {
  readonly fleet: string;
  readonly prover: DeliveryProver;
  /** The heartbeat topic is there. */
  readonly isReady: (target: string) => boolean;
  readonly onChange: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

interface Drilled {
  /** Routes it is for. */
  routes: ReadonlySet<string>;
  /** Undefined once it is proven. */
  standing: Unproven | undefined;
  readonly stop: AbortController;
  readonly nudge: Nudge;
}

/**
 * Has every target of an exactly-once route prove in each reign that it refuses what a fenced lane still sends (exactly-once.md 5.7), and
 * again when its brokers change. One that could not be asked is asked again; one that failed three times in a row, when another route to it
 * comes, and every five minutes.
 */
export class Drills implements Closable {
  readonly #options: DrillsOptions;
  readonly #targets = new Map<string, Drilled>();
  readonly #running = new Set<Promise<void>>();
  #revision = 0;

  constructor(options: DrillsOptions) {
    this.#options = options;
  }

  /** Grows with every change of what is known. */
  get revision(): number {
    return this.#revision;
  }

  follow(routes: Iterable<Route>): void {
    const wanted = new Map<string, Set<string>>();
    for (const { name, target, delivery } of routes) {
      if (delivery !== 'exactly-once') continue;
      wanted.set(target, (wanted.get(target) ?? new Set()).add(name));
    }
    for (const [target, drilled] of this.#targets) if (!wanted.has(target)) this.#drop(target, drilled);
    for (const [target, names] of wanted) {
      const drilled = this.#targets.get(target);
      if (drilled === undefined) this.#begin(target, names);
      else {
        const isNew = [...names].some((name) => !drilled.routes.has(name));
        drilled.routes = names;
        if (isNew) drilled.nudge.wake();
      }
    }
  }

  /** Why nothing may be begun at the target exactly once; undefined when it may. */
  unproven(target: string): Unproven | undefined {
    const drilled = this.#targets.get(target);
    return drilled === undefined ? { state: 'pending' } : drilled.standing;
  }

  async close(): Promise<void> {
    for (const [target, drilled] of this.#targets) this.#drop(target, drilled);
    await Promise.all(this.#running);
  }

  #begin(target: string, routes: ReadonlySet<string>): void {
    const nudge = new Nudge(this.#options.clock);
    const drilled: Drilled = { routes, standing: { state: 'pending' }, stop: new AbortController(), nudge };
    this.#targets.set(target, drilled);
    const task = this.#run(target, drilled)
      .catch((error: unknown) => this.#options.logger.error('drill.stopped', { target, err: error }))
      .finally(() => this.#running.delete(task));
    this.#running.add(task);
  }

  #drop(target: string, drilled: Drilled): void {
    this.#targets.delete(target);
    drilled.stop.abort();
    drilled.nudge.wake();
    this.#options.metrics.remove('causeway_delivery_proven', { target });
  }

  async #run(target: string, drilled: Drilled): Promise<void> {
    const { fleet, prover, clock, random, logger } = this.#options;
    const { signal } = drilled.stop;
    const partition = { topic: heartbeatTopic(fleet), partition: 0 };
    await this.#topicIsThere(target, drilled);
    for (let failures = 0, failed = 0, isProven = false; !signal.aborted; ) {
      const brokers = await this.#brokers(target, signal);
      const result = await prover.prove(target, partition, signal).catch((error: unknown) => notProven(error));
      if (signal.aborted) return;
      if (result.kind === 'passed') {
        logger.info('delivery.proven', { target });
        this.#conclude(target, drilled, undefined);
        await this.#othersCome(target, brokers, signal);
        [failures, failed, isProven] = [0, 0, true];
        continue;
      }
      if (failures === 0) logger.warn('drill.failed', { target, ...facts(result) });
      failed = result.kind === 'failed' ? failed + 1 : 0;
      if (failed >= TRIALS) {
        isProven = false;
        if (drilled.standing?.state !== 'failed') logger.error('delivery.unproven', { target, ...facts(result) });
        this.#conclude(target, drilled, { state: 'failed', message: failedMessage(target, result.reason) });
        await drilled.nudge.wait(REPEAT_FAILED_MS);
        continue;
      }
      // Nothing was proven: what was shown before stands.
      if (drilled.standing?.state !== 'failed' && !isProven) {
        this.#conclude(target, drilled, { state: 'pending', message: pendingMessage(target, result.reason) });
      }
      await clock.sleep(backoffMs(failures, RETRY, random), signal);
      failures += 1;
    }
  }

  /** Until the target has brokers that it had not when it proved itself, or one of them speaks otherwise: of another version. */
  async #othersCome(target: string, proven: string | undefined, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    let known = proven;
    while (!signal.aborted) {
      await clock.sleep(LOOK_AT_BROKERS_MS, signal);
      const brokers = signal.aborted ? undefined : await this.#brokers(target, signal);
      if (known !== undefined && brokers !== undefined && brokers !== known) {
        logger.info('drill.repeated', { target, brokers, before: known });
        return;
      }
      known ??= brokers;
    }
  }

  /** Undefined: nobody can tell at the moment. */
  async #brokers(target: string, signal: AbortSignal): Promise<string | undefined> {
    return await this.#options.prover.brokers(target, signal).catch(() => undefined);
  }

  async #topicIsThere(target: string, drilled: Drilled): Promise<void> {
    const { fleet, isReady, clock } = this.#options;
    const { signal } = drilled.stop;
    for (let looks = 0; !signal.aborted && !isReady(target); looks += 1) {
      if (looks === LOOKS_UNTIL_SAID) {
        const reason = `its topic ${heartbeatTopic(fleet)} is not there`;
        this.#conclude(target, drilled, { state: 'pending', message: pendingMessage(target, reason) });
      }
      await clock.sleep(LOOK_MS, signal);
    }
  }

  #conclude(target: string, drilled: Drilled, standing: Unproven | undefined): void {
    const { metrics, onChange } = this.#options;
    metrics.set('causeway_delivery_proven', standing === undefined ? 1 : 0, { target });
    if (standing?.state === drilled.standing?.state && standing?.message === drilled.standing?.message) return;
    drilled.standing = standing;
    this.#revision += 1;
    onChange();
  }
}

function failedMessage(target: string, reason: string): string {
  return `cluster ${target} cannot keep what is copied exactly once: in a trial, ${reason}`;
}

function pendingMessage(target: string, reason: string): string {
  return `cluster ${target} has not shown yet that it refuses what a fenced producer sends (${reason}); it is tried again`;
}

interface NotProven {
  readonly kind: 'not-proven';
  readonly reason: string;
  readonly err: unknown;
}

function notProven(err: unknown): NotProven {
  return { kind: 'not-proven', reason: messageOf(err), err };
}

function facts(result: NotProven | Extract<DrillResult, { readonly kind: 'failed' }>): Record<string, unknown> {
  if (result.kind === 'not-proven') return { err: result.err };
  const { reason, evidence } = result;
  const shown = Object.entries(evidence).map(([key, value]) => [key, typeof value === 'bigint' ? `${value}` : value]);
  return { reason, ...Object.fromEntries(shown) };
}
