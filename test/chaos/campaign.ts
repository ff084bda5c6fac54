import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultKind } from './catalogue.js';
import { DOERS } from './faults/doers.js';
import type { Doer, Field, Heal } from './field.js';
import { type PlannedFault, placesOf } from './plan.js';

/** A plan being carried out. */
export class Campaign {
  readonly #plan: readonly PlannedFault[];
  readonly #field: Field;
  readonly #signal: AbortSignal;
  readonly #doers: Readonly<Record<FaultKind, Doer>>;
  readonly #troubles: string[] = [];
  readonly #takeoverAloneMs: number[] = [];
  #begun = 0;
  #lasting = 0;

  /** @param signal ends it early: what has begun is healed at once, nothing more begins */
  constructor(plan: readonly PlannedFault[], field: Field, signal: AbortSignal, doers = DOERS) {
    this.#plan = plan;
    this.#field = field;
    this.#signal = signal;
    this.#doers = doers;
  }

  /** Faults that have begun. */
  get begun(): number {
    return this.#begun;
  }

  /** Takeovers during which no other fault began or lasted. */
  get takeoverAloneMs(): readonly number[] {
    return this.#takeoverAloneMs;
  }

  /** Faults that could not be done or healed. */
  get troubles(): readonly string[] {
    return this.#troubles;
  }

  /** Settles when every fault is healed, and not before `durationMs` are over. */
  async run(durationMs: number): Promise<void> {
    const startedAt = performance.now();
    const earlier: { readonly places: readonly string[]; readonly over: Promise<void> }[] = [];
    for (const fault of this.#plan) {
      const places = placesOf(fault);
      // The plan keeps faults apart; one that takes longer than planned holds up those after it.
      const inTheWay = earlier.filter((other) => other.places.some((place) => places.includes(place)));
      const over = this.#carryOut(
        fault,
        startedAt,
        inTheWay.map((other) => other.over),
      );
      earlier.push({ places, over });
    }
    await Promise.all(earlier.map(({ over }) => over));
    await this.#until(startedAt + durationMs);
  }

  async #carryOut(fault: PlannedFault, startedAt: number, inTheWay: readonly Promise<void>[]): Promise<void> {
    const { number, kind, atMs, forMs } = fault;
    const name = `#${number} ${kind}`;
    await this.#until(startedAt + atMs);
    await Promise.all(inTheWay);
    if (this.#signal.aborted) return;
    this.#begun += 1;
    this.#lasting += 1;
    this.#field.say(`${name}: begins, ${(forMs / 1_000).toFixed(1)} s`);
    const beganAt = performance.now();
    try {
      const heal: Heal = await this.#doers[kind]({ ...this.#field, measured: this.#measured }, fault);
      await this.#until(beganAt + forMs);
      await heal();
      this.#field.say(`${name}: healed`);
    } catch (error) {
      this.#troubles.push(`${name} failed: ${String(error)}`);
      this.#field.say(`${name}: failed: ${String(error)}`);
    } finally {
      this.#lasting -= 1;
    }
  }

  readonly #measured: Field['measured'] = (kind, ms) => {
    this.#field.measured(kind, ms);
    const [begun, isAlone] = [this.#begun, this.#lasting === 1];
    if (kind !== 'takeover' || !isAlone) return;
    ms.then((value) => {
      if (this.#begun === begun && value >= 0) this.#takeoverAloneMs.push(value);
    }).catch(() => undefined);
  };

  async #until(at: number): Promise<void> {
    const ms = at - performance.now();
    if (ms > 0) await sleep(ms, undefined, { signal: this.#signal }).catch(() => undefined);
  }
}
