import { workerId } from '../crew.js';
import { type Effort, EffortMeter, effortLine, toilersOf } from '../effort.js';
import { WORKERS } from '../plan.js';
import type { Act, Findings, Stage } from './act.js';
import { comesTrue, percentile } from './waiting.js';

const WELL_LIMIT_MS = 60_000;
/** design.md section 9. */
const GOAL_P50_MS = 3_000;
const GOAL_P99_MS = 10_000;

/** Workers are killed (SIGKILL), one at a time, each when the fleet is whole again: what a takeover takes when nothing else goes wrong. */
export class Takeovers implements Act {
  readonly #stage: Stage;
  readonly #count: number;
  readonly #takenMs: number[] = [];
  readonly #troubles: string[] = [];
  readonly #efforts: Effort[] = [];
  #partitions = 0;

  constructor(stage: Stage, count: number) {
    this.#stage = stage;
    this.#count = count;
  }

  async perform(): Promise<void> {
    const { field, signal } = this.#stage;
    const { sampler, crew } = field;
    for (let number = 1; number <= this.#count && !signal.aborted; number += 1) {
      const worker = workerId(number % WORKERS);
      const held = () => sampler.held.filter((one) => one.worker === worker).length;
      const isWell = () => held() > 0 && sampler.held.every(({ state }) => state === 'running');
      if (!(await comesTrue(isWell, WELL_LIMIT_MS, signal))) {
        if (!signal.aborted) this.#troubles.push(`the fleet was not whole again within ${WELL_LIMIT_MS} ms`);
        return;
      }
      const partitions = held();
      const taking = sampler.takeover(worker);
      const meter = new EffortMeter(toilersOf(field));
      await crew.kill(worker);
      const ms = (await taking) ?? -1;
      const effort = meter.end();
      await crew.revive(worker);
      if (ms < 0) {
        if (!signal.aborted) this.#troubles.push(`${worker}: its partitions did not all move within a minute`);
        continue;
      }
      this.#takenMs.push(ms);
      this.#partitions += partitions;
      this.#efforts.push(effort);
      field.say(`takeover ${number}: ${partitions} partitions of ${worker} after ${ms} ms`);
      field.say(`  ${effortLine(effort)}`);
    }
  }

  async findings(): Promise<Findings> {
    const p50 = percentile(this.#takenMs, 0.5);
    const p99 = percentile(this.#takenMs, 0.99);
    const reasons = [...this.#troubles];
    if (p50 > GOAL_P50_MS) reasons.push(`half of the takeovers took more than ${GOAL_P50_MS} ms`);
    if (p99 > GOAL_P99_MS) reasons.push(`a takeover took more than ${GOAL_P99_MS} ms`);
    const facts = {
      takeovers: this.#takenMs.length,
      takeoverP50Ms: p50,
      takeoverP99Ms: p99,
      takenOver: this.#partitions,
      efforts: this.#efforts,
    };
    return { facts, reasons };
  }
}
