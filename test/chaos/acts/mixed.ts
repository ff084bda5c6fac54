import { Campaign } from '../campaign.js';
import type { PlannedFault } from '../plan.js';
import type { Act, Findings, Stage } from './act.js';

/** The faults of a plan, at their times. */
export class MixedFaults implements Act {
  readonly #campaign: Campaign;
  readonly #durationMs: number;

  constructor({ field, signal }: Stage, plan: readonly PlannedFault[], durationMs: number) {
    this.#campaign = new Campaign(plan, field, signal);
    this.#durationMs = durationMs;
  }

  perform(): Promise<void> {
    return this.#campaign.run(this.#durationMs);
  }

  async findings(): Promise<Findings> {
    const { begun, troubles, takeoverAloneMs } = this.#campaign;
    return { facts: { faults: begun, takeoverAloneMs }, reasons: troubles };
  }
}
