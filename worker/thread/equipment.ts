import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { VerdictCounts } from '../core/batch-verdict.js';
import { GapJournal } from '../gap/gap-journal.js';
import { Intake } from '../partition/intake.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';
import { Outlet } from '../partition/outlet.js';
import type { OutletDeps } from '../partition/outlet-deps.js';
import { reasonOf } from '../partition/position-facts.js';
import { TransactionalOutlet } from '../transactional/transactional-outlet.js';
import type { Held } from './held-partitions.js';
import type { PartitionEvents } from './partition-events.js';
import type { ThreadSettings } from './protocol.js';
import type { Sides } from './sides.js';
import type { StatsCollector } from './thread-stats.js';
import type { Throttle } from './throttle.js';
import type { Treatments } from './treatments.js';

export interface EquipmentDeps {
  readonly settings: ThreadSettings;
  readonly sides: Sides;
  readonly throttle: Throttle;
  readonly treatments: Treatments;
  readonly port: PartitionEvents;
  readonly stats: StatsCollector;
  readonly verdicts: VerdictCounts;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** What a partition of this thread is copied with. */
export class Equipment {
  readonly #deps: EquipmentDeps;

  constructor(deps: EquipmentDeps) {
    this.#deps = deps;
  }

  of(partition: MirroredPartition): Pick<Held, 'intake' | 'outlet'> {
    const { settings, sides, throttle, treatments, port, verdicts, clock, random } = this.#deps;
    const { budget, allowance } = throttle.join(partition);
    const intake = new Intake(partition, {
      budget,
      allowance,
      counts: verdicts,
      fetchMaxPartitionBytes: settings.settings.fetchMaxPartitionBytes,
      crcCheckEvery: settings.settings.crcCheckEvery,
      port,
      ...treatments.taking,
      clock,
      random,
    });
    const deps = this.#outletDeps(partition, budget);
    const outlet = partition.transactional
      ? new TransactionalOutlet(partition, deps, sides.of(partition.route).target.transactions)
      : new Outlet(partition, deps);
    return { intake, outlet };
  }

  journal(partition: MirroredPartition): GapJournal {
    const { settings, sides, stats, clock, logger } = this.#deps;
    return new GapJournal({
      fleet: settings.fleet,
      worker: settings.worker,
      writer: sides.of(partition.route).target.sideWriter,
      declared: (declared, { gap }) => stats.gap(declared, gap),
      clock,
      logger,
    });
  }

  #outletDeps(partition: MirroredPartition, budget: OutletDeps['budget']): OutletDeps {
    const { sides, treatments, port, stats, verdicts, clock, random } = this.#deps;
    const journal = this.journal(partition);
    const { transactions } = sides.of(partition.route).target;
    return {
      budget,
      port,
      clock,
      random,
      declare: (declaring, gap) =>
        journal.declare(declaring, gap).catch((error: unknown) => {
          const reason = reasonOf(error);
          // What is written of it must not be committed without the rest.
          const isUnfit = journal.isHalfWritten(gap) || reason.code === 'SEQUENCE_BROKEN';
          if (declaring.transactional && isUnfit) transactions.broken(declaring, reason);
          throw error;
        }),
      divert: (diverting, asides) => treatments.divert(diverting, asides),
      exactTarget: (copied) => sides.of(copied.route).target,
      coalesced: (batches) => verdicts.addCoalesced(batches),
      copied: (copied, records, bytes) => {
        stats.copied(copied, records, bytes);
        if (copied.transactional) transactions.answered(copied);
      },
      crowded: (copied) => {
        if (!copied.transactional) sides.of(copied.route).target.checkpoints.crowded(copied);
      },
      repeated: (repeated) => stats.repeated(repeated.item.route),
    };
  }
}
