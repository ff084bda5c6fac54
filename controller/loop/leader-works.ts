import type { MultiResult, StoreOp } from '../../common/coordination/ports.js';
import type { Route, TopicEntry } from '../../common/model/route.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { FleetRecords } from './fleet-records.js';
import type { Reconciler } from './reconciler.js';
import type { Reign } from './reign.js';
import { WantedBook, type WantedFacts, type WantedPartitions, type WantedRecords } from './wanted-partitions.js';

/** A reign as those see it who work beside the reconciler. */
export interface Term {
  readonly epoch: number;
  /** Aborts when the reign is over. */
  readonly signal: AbortSignal;
  /** As operators want them, as far as the leader has read the store. */
  routes(): readonly Route[];
  /** The topics of a route, those that are paused included. */
  entries(route: string): readonly TopicEntry[];
  /** Of the topics that are not retired. */
  wanted(): WantedPartitions;
  /** An operator never wants the topic on the route. */
  isDenied(route: string, topic: string): boolean;
  /** Version of a route's node; undefined: there is none. */
  routeVersion(route: string): number | undefined;
  /** Writes as the leader. @throws EPOCH_LOST when the reign is over, and as `Reign.write` */
  write(ops: readonly StoreOp[]): Promise<MultiResult>;
  /** When this resolves, the reconciler has read the store after the call, and acts on nothing older. @throws EPOCH_LOST */
  lookAgain(): Promise<void>;
}

/** What is done by the leader alone, beside the reconciler: as long as a reign lasts. */
export interface LeaderWork {
  readonly name: string;
  /** Until the term's signal aborts. What it throws before is logged, and it is begun again. */
  run(term: Term): Promise<void>;
}

const RETRY = { initialMs: 500, maxMs: 30_000 } as const;

export interface LeaderWorksOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * Starts the leader's works with each reign. Their end is not waited for (a cluster that hangs would keep this controller from its next reign):
 * a work of the next reign begins when the same of the last one has come to its end.
 */
export class LeaderWorks {
  readonly #options: LeaderWorksOptions;
  readonly #works: readonly { readonly work: LeaderWork; last: Promise<void> }[];

  constructor(works: readonly LeaderWork[], options: LeaderWorksOptions) {
    this.#options = options;
    this.#works = works.map((work) => ({ work, last: Promise.resolve() }));
  }

  begin(
    reign: Pick<Reign, 'epoch' | 'signal' | 'write'>,
    records: WantedRecords & Pick<FleetRecords, 'denials'>,
    reconciler: Pick<Reconciler, 'lookAgain'>,
    facts: WantedFacts,
  ): void {
    const book = new WantedBook(records, facts);
    const term: Term = {
      epoch: reign.epoch,
      signal: reign.signal,
      routes: () => [...records.routes.entries.values()].map(({ value }) => value),
      entries: (route) =>
        [...records.topics.entries.values()].map(({ value }) => value).filter((entry) => entry.route === route),
      wanted: () => book.read(),
      isDenied: (route, topic) => {
        const key = `${route}/${topic}`;
        return records.denials.entries.has(key) || records.denials.unreadable.has(key);
      },
      routeVersion: (route) => records.routes.entries.get(route)?.version,
      write: (ops) => reign.write(ops),
      lookAgain: () => reconciler.lookAgain(),
    };
    for (const each of this.#works) each.last = each.last.then(() => this.#keepUp(each.work, term));
  }

  async #keepUp(work: LeaderWork, term: Term): Promise<void> {
    const { clock, random, logger, metrics } = this.#options;
    for (let failures = 0; !term.signal.aborted; failures += 1) {
      try {
        await work.run(term);
        return;
      } catch (error) {
        if (term.signal.aborted) return;
        logger.error('leader.work-failed', { work: work.name, err: error });
        metrics.inc('causeway_leader_work_failures_total', 1, { work: work.name });
        await clock.sleep(backoffMs(failures, RETRY, random), term.signal);
      }
    }
  }
}
