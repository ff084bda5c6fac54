import { type BrokerMemory, brokerMemory } from '../../common/kafka/fencing/broker-memory.js';
import type { FencingClient } from '../../common/kafka/fencing/fencing-client.js';
import type { Logger } from '../../common/observability/logger.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import type { Random } from '../../common/runtime/random.js';

/** Brokers' settings change while they run. */
const REFRESH_MS = 3_600_000;
const RETRY = { initialMs: 200, maxMs: 60_000 } as const;
/** What is sent now is judged by the broker's clock, perhaps a while later. */
const MARGIN_MS = 3_600_000;
const MARGIN_SHARE = 0.25;
/** A lane whose renewal is not confirmed for so long may be forgotten before anybody notices: well below either memory. */
const MAX_UNCONFIRMED_MS = 6 * 3_600_000;
const UNCONFIRMED_SHARE = 0.25;

export interface TargetMemoryDeps {
  readonly client: FencingClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** How long one target's brokers remember who wrote there, as they tell it; as Kafka has it by default where they do not. */
export class TargetMemory implements Closable {
  readonly #deps: TargetMemoryDeps;
  readonly #stop = new AbortController();
  /** From the first question on: targets of at-least-once routes are not asked. */
  #running: Promise<void> | undefined;
  #known: BrokerMemory | undefined;

  constructor(deps: TargetMemoryDeps) {
    this.#deps = deps;
  }

  /** A producer whose newest record is this old may be forgotten (docs/adr/010). Until it is known: at once. */
  get forgetsAfterMs(): number {
    this.#running ??= this.#run();
    if (this.#known === undefined) return 0;
    const { producerMs } = this.#known;
    return producerMs - Math.min(MARGIN_MS, producerMs * MARGIN_SHARE);
  }

  /** A lane must not write for longer than this after its last confirmed renewal (exactly-once.md 2.6). */
  get maxUnconfirmedMs(): number {
    if (this.#known === undefined) return MAX_UNCONFIRMED_MS;
    const { producerMs, transactionalIdMs } = this.#known;
    return Math.min(MAX_UNCONFIRMED_MS, producerMs * UNCONFIRMED_SHARE, transactionalIdMs * UNCONFIRMED_SHARE);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { client, clock, random, logger } = this.#deps;
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted; ) {
      try {
        this.#known = await brokerMemory(client, signal);
        failures = 0;
        await clock.sleep(REFRESH_MS, signal);
      } catch (error) {
        if (signal.aborted) return;
        logger.debug('target.memory-unknown', { target: client.cluster.name, err: error });
        await clock.sleep(backoffMs(failures, RETRY, random), signal);
        failures += 1;
      }
    }
  }
}
