import type { Logger } from '../../common/observability/logger.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import { Nudge } from '../../common/runtime/nudge.js';
import type { Random } from '../../common/runtime/random.js';
import type { TopicFact } from '../core/topic-facts.js';
import type { ClusterSnapshot, SourceMetadata } from './ports.js';

/** A cluster that comes back is waited for: by a failback, by whoever adds its topics. */
const MAX_BACKOFF_MS = 5_000;
const INITIAL_BACKOFF_MS = 500;

export interface PollerOptions {
  readonly cluster: string;
  readonly metadata: SourceMetadata;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Something that may matter has changed. */
  readonly onChange: () => void;
}

/** Keeps the last known description of the wanted topics of one cluster. A failure changes nothing that is known. */
export class ClusterPoller implements Closable {
  readonly #options: PollerOptions;
  readonly #closing = new AbortController();
  readonly #nudge: Nudge;
  #wanted: ReadonlySet<string> = new Set();
  #snapshot: ClusterSnapshot | undefined;
  #unreachable = false;
  #revision = 0;
  #running: Promise<void> | undefined;

  constructor(options: PollerOptions) {
    this.#options = options;
    this.#nudge = new Nudge(options.clock);
  }

  get snapshot(): ClusterSnapshot | undefined {
    return this.#snapshot;
  }

  /** Grows with every change of what is known. */
  get revision(): number {
    return this.#revision;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** From now on these topics are asked for; new ones at once. */
  want(topics: ReadonlySet<string>): void {
    const fresh = [...topics].some((topic) => !this.#wanted.has(topic));
    this.#wanted = topics;
    if (fresh) this.#nudge.wake();
  }

  /** Asks again now. */
  refresh(): void {
    this.#nudge.wake();
  }

  fact(topic: string): TopicFact {
    const info = this.#snapshot?.topics.get(topic);
    if (info === undefined || info === 'unknown') return { state: 'unknown' };
    if (info === 'absent') return { state: 'absent' };
    const { topicId, partitions, leaders } = info;
    return { state: 'present', topicId, partitions, ...(leaders === undefined ? {} : { leaders }) };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#nudge.wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { intervalMs, random } = this.#options;
    for (let failures = 0; !this.#closing.signal.aborted; ) {
      if (this.#wanted.size === 0) {
        await this.#nudge.wait(intervalMs);
        continue;
      }
      if (await this.#poll()) {
        failures = 0;
        await this.#nudge.wait(intervalMs * (0.85 + 0.3 * random.unit()));
      } else {
        const options = { initialMs: INITIAL_BACKOFF_MS, maxMs: MAX_BACKOFF_MS };
        await this.#nudge.wait(backoffMs(failures++, options, random));
      }
    }
  }

  async #poll(): Promise<boolean> {
    const { cluster, metadata, logger, onChange } = this.#options;
    try {
      const snapshot = await metadata.describe(cluster, [...this.#wanted]);
      if (this.#closing.signal.aborted) return true;
      if (this.#unreachable) logger.info('cluster.reachable', { cluster });
      this.#unreachable = false;
      const changed = !sameSnapshot(this.#snapshot, snapshot);
      this.#snapshot = snapshot;
      if (changed) {
        this.#revision++;
        onChange();
      }
      return true;
    } catch (error) {
      if (!this.#unreachable && !this.#closing.signal.aborted) {
        logger.warn('cluster.unreachable', {
          cluster,
          err: error,
          detail: 'what is assigned stays assigned; retrying',
        });
        this.#unreachable = true;
      }
      return false;
    }
  }
}

/**
 * Whether nothing has to be decided anew. Leaders do not count: they move often, only where partitions that move or are new go asks for
 * them, and whoever decides that anyway has them as they were last read.
 */
function sameSnapshot(a: ClusterSnapshot | undefined, b: ClusterSnapshot): boolean {
  if (a === undefined || a.topics.size !== b.topics.size || a.brokers !== b.brokers) return false;
  // Behind the name stands another cluster: what is known of it is not about this one.
  if (a.clusterId !== b.clusterId) return false;
  for (const [topic, info] of b.topics) {
    const before = a.topics.get(topic);
    if (typeof info === 'string' || typeof before === 'string' || before === undefined) {
      if (before !== info) return false;
    } else if (before.topicId !== info.topicId || before.partitions !== info.partitions) return false;
  }
  return true;
}
