import type { Route } from '../../common/model/route.js';
import type { Clock } from '../../common/runtime/clock.js';
import { SchemaBooks } from '../../common/schemas/schema-books.js';
import type { Asides } from '../core/asides.js';
import type { Reason } from '../core/partition-state.js';
import type { BatchTakerDeps } from '../partition/batch-taker.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';
import { reasonOf } from '../partition/position-facts.js';
import { AsideWriter } from '../rules/aside-writer.js';
import { makeTreatment } from '../rules/make-treatment.js';
import { SchemaIdRegistries, type SchemaIds } from '../rules/schema-ids.js';
import type { ThreadSettings } from './protocol.js';
import type { Sides } from './sides.js';
import type { StatsCollector } from './thread-stats.js';

export interface TreatmentsDeps {
  readonly sides: Pick<Sides, 'of'>;
  readonly stats: Pick<StatsCollector, 'ruled'>;
  readonly settings: Pick<ThreadSettings, 'clusters' | 'ruleSecrets'>;
  readonly clock: Clock;
}

const NO_SECRETS: ReadonlyMap<string, string> = new Map();

/** Rules and provenance of one thread's partitions: what reads them needs, and where what they send elsewhere goes. */
export class Treatments {
  readonly #deps: TreatmentsDeps;
  readonly #registries: SchemaIdRegistries;
  readonly #books: SchemaBooks;

  constructor(deps: TreatmentsDeps) {
    this.#deps = deps;
    this.#registries = new SchemaIdRegistries(deps.settings.clusters, deps.clock);
    this.#books = new SchemaBooks(deps.settings.clusters, deps.clock);
  }

  readonly taking: Pick<BatchTakerDeps, 'treatment' | 'treated'> = {
    treatment: ({ route, item }) => {
      const { source, target } = this.#deps.sides.of(route);
      const clusterIds = () => ({ source: source.leaders.clusterId, target: target.leaders.clusterId });
      const schemaIds = (of: Route): SchemaIds | Reason => this.#registries.of(of);
      return makeTreatment(route, item, {
        secrets: this.#deps.settings.ruleSecrets ?? NO_SECRETS,
        clusterIds,
        schemaIds,
        books: (of) => this.#books.of(of),
      });
    },
    treated: (partition, batch) => this.#deps.stats.ruled(partition, batch),
  };

  async divert(partition: MirroredPartition, asides: Asides | undefined): Promise<void> {
    if (asides === undefined) return;
    const { sideWriter, transactions } = this.#deps.sides.of(partition.route).target;
    const writer = new AsideWriter(sideWriter);
    try {
      await writer.write(partition, asides);
    } catch (error) {
      // What is written of it must not be committed without its batch.
      if (writer.isHalfWritten) transactions.broken(partition, reasonOf(error));
      throw error;
    }
  }
}
