import type { Logger } from '../../common/observability/logger.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import { Nudge } from '../../common/runtime/nudge.js';
import type { Random } from '../../common/runtime/random.js';
import type { ListedTopic } from '../core/selection.js';
import type { SourceMetadata } from './ports.js';

const RETRY = { initialMs: 500, maxMs: 30_000 } as const;
/** A list of everything is followed by at least this many times its length without one. */
const SPACING = 10;
/** Yet a new topic is seen this soon. */
const MAX_SPACED_MS = 4_000;

export type TopicListing = ReadonlyMap<string, ListedTopic>;

export interface TopicListingsOptions {
  readonly metadata: Pick<SourceMetadata, 'list'>;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly onChange: () => void;
}

/** All topics of the clusters from which some route selects; of no other cluster, because a large one's list is long. */
export class TopicListings implements Closable {
  readonly #options: TopicListingsOptions;
  readonly #listers = new Map<string, Lister>();

  constructor(options: TopicListingsOptions) {
    this.#options = options;
  }

  /** Grows with each change of a list. */
  get revision(): number {
    let sum = 0;
    for (const lister of this.#listers.values()) sum += lister.revision;
    return sum;
  }

  /** From now on these clusters are listed, and no others. */
  follow(clusters: ReadonlySet<string>): void {
    for (const [cluster, lister] of this.#listers) if (!clusters.has(cluster)) lister.pause();
    for (const cluster of clusters) {
      let lister = this.#listers.get(cluster);
      if (lister === undefined) {
        lister = new Lister(cluster, this.#options);
        this.#listers.set(cluster, lister);
      }
      lister.resume();
    }
  }

  /** The topics that the cluster showed last; undefined while it has not shown any. */
  of(cluster: string): TopicListing | undefined {
    return this.#listers.get(cluster)?.listing;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#listers.values()].map((lister) => lister.close()));
  }
}

/** Lists one cluster again and again. A failure changes nothing that is known. */
class Lister {
  readonly #cluster: string;
  readonly #options: TopicListingsOptions;
  readonly #nudge: Nudge;
  readonly #closing = new AbortController();
  #paused = true;
  #running: Promise<void> | undefined;
  listing: TopicListing | undefined;
  revision = 0;

  constructor(cluster: string, options: TopicListingsOptions) {
    this.#cluster = cluster;
    this.#options = options;
    this.#nudge = new Nudge(options.clock);
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#running ??= this.#run();
    this.#nudge.wake();
  }

  /** What it knew is out of date when it is asked for again. */
  pause(): void {
    this.#paused = true;
    this.listing = undefined;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#nudge.wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { intervalMs, clock, random } = this.#options;
    for (let failures = 0; !this.#closing.signal.aborted; ) {
      if (this.#paused) {
        await this.#nudge.wait(intervalMs);
        continue;
      }
      const startMs = clock.monotonicMs();
      if (await this.#list(failures)) {
        failures = 0;
        const tookMs = clock.monotonicMs() - startMs;
        const restMs = Math.max(intervalMs, Math.min(tookMs * SPACING, MAX_SPACED_MS));
        await this.#nudge.wait(restMs * (0.85 + 0.3 * random.unit()));
      } else await clock.sleep(backoffMs(failures++, RETRY, random), this.#closing.signal);
    }
  }

  async #list(failures: number): Promise<boolean> {
    const { metadata, logger, onChange } = this.#options;
    try {
      const listing = (await metadata.list?.(this.#cluster)) ?? new Map<string, ListedTopic>();
      if (this.#closing.signal.aborted || this.#paused || sameListing(this.listing, listing)) return true;
      this.listing = listing;
      this.revision++;
      onChange();
      return true;
    } catch (error) {
      if (failures === 0 && !this.#closing.signal.aborted) {
        const detail = 'nothing new is selected from it until it answers; retrying';
        logger.warn('cluster.not-listed', { cluster: this.#cluster, err: error, detail });
      }
      return false;
    }
  }
}

function sameListing(a: TopicListing | undefined, b: TopicListing): boolean {
  if (a === undefined || a.size !== b.size) return false;
  for (const [topic, { internal }] of b) if (a.get(topic)?.internal !== internal) return false;
  return true;
}
