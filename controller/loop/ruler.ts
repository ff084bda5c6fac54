import type { Config } from '../../common/config/compile.js';
import type { CoordinationStore } from '../../common/coordination/ports.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { Problem } from '../core/problem.js';
import { Discovery } from '../metadata/discovery.js';
import type { DeliveryProver, SourceMetadata, TargetAdmin } from '../metadata/ports.js';
import type { Fencer } from './fencer.js';
import { FleetRecords } from './fleet-records.js';
import { type LeaderWork, LeaderWorks } from './leader-works.js';
import type { StatusSource } from './load-watch.js';
import type { PlanPicture } from './plan-picture.js';
import { Reconciler } from './reconciler.js';
import type { Reign } from './reign.js';
import type { RoundsOptions } from './rounds.js';
import { RuleBook } from './rule-book.js';
import type { StoreAlarms } from './store-alarms.js';

export interface RulerOptions {
  readonly config: Config;
  readonly store: CoordinationStore;
  readonly kafka: {
    readonly metadata: SourceMetadata;
    readonly admin: TargetAdmin;
    readonly prover?: DeliveryProver;
  };
  readonly fencer: Fencer;
  readonly statuses: StatusSource;
  readonly probe?: RoundsOptions['probe'];
  readonly alarms: StoreAlarms;
  /** Done beside the reconciler, as long as a reign lasts. */
  readonly works?: readonly LeaderWork[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** What a controller does while it leads. Last good values of nodes are kept from reign to reign. */
export class Ruler {
  readonly #options: RulerOptions;
  readonly #records: FleetRecords;
  readonly #rules: RuleBook;
  readonly #works: LeaderWorks;
  #reconciler: Reconciler | undefined;
  #epoch = 0;

  constructor(options: RulerOptions) {
    this.#options = options;
    const { config, store, logger, metrics } = options;
    this.#rules = new RuleBook(config.controller.deny);
    const onCorrupt = (): void => metrics.inc('causeway_reconcile_errors_total', 1, { code: 'NODE_CORRUPT' });
    this.#records = new FleetRecords(store, logger, onCorrupt);
    this.#works = new LeaderWorks(options.works ?? [], options);
  }

  /** Why topics wait; undefined while this controller does not lead. */
  get problems(): readonly Problem[] | undefined {
    return this.#reconciler?.problems;
  }

  /** The latest plan; undefined while this controller does not lead, and before it has planned. */
  get lastPlan(): PlanPicture | undefined {
    return this.#reconciler?.lastPlan;
  }

  /** Epoch of the reign under way; 0 outside of one. */
  get epoch(): number {
    return this.#epoch;
  }

  async rule(reign: Reign): Promise<void> {
    const { config, store, kafka, fencer, statuses, probe, alarms, clock, random, logger, metrics } = this.#options;
    let reconciler: Reconciler | undefined;
    const discovery = new Discovery({
      ...kafka,
      fleet: config.fleet,
      metadataIntervalMs: config.controller.metadataIntervalMs,
      clock,
      random,
      logger,
      metrics,
      onChange: () => reconciler?.hint(),
    });
    try {
      // What the predecessor wrote last must be seen before anything is decided.
      await store.sync();
      this.#records.invalidateAll();
      reconciler = new Reconciler({
        reign,
        store,
        alarms,
        records: this.#records,
        facts: discovery,
        fencer,
        statuses,
        probe,
        clusters: [...config.clusters.keys()],
        rules: this.#rules,
        zoneOfCluster: (cluster) => config.clusters.get(cluster)?.zone,
        settings: config.controller,
        sessionTimeoutMs: () => store.sessionTimeoutMs,
        clock,
        random,
        logger,
        metrics,
      });
      this.#reconciler = reconciler;
      this.#epoch = reign.epoch;
      this.#works.begin(reign, this.#records, reconciler, discovery);
      await reconciler.run();
    } finally {
      this.#reconciler = undefined;
      this.#epoch = 0;
      await Promise.all([discovery.close(), fencer.release?.()]);
    }
  }
}
