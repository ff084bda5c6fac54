import { MAX_MULTI_OPS, type StoreOp } from '../../common/coordination/ports.js';
import { lanePath } from '../../common/coordination/znodes.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import { diffAssignments, type NodeChange } from '../core/diff.js';
import type { Plan } from '../core/plan-model.js';
import type { View, World } from '../core/view.js';
import type { FleetRecords } from './fleet-records.js';
import type { Handoffs } from './handoffs.js';
import type { LaneFences } from './lane-fences.js';
import type { LoadWatch } from './load-watch.js';
import type { MoveLog } from './move-log.js';
import type { Observation } from './observation.js';
import { Publisher } from './publisher.js';
import type { Reign } from './reign.js';
import type { RetiredWorkers } from './retired-workers.js';
import type { Tribunal } from './tribunal.js';
import type { Vacancies } from './vacancies.js';

export interface AssignmentWriterOptions {
  readonly reign: Reign;
  readonly records: FleetRecords;
  readonly observation: Observation;
  readonly handoffs: Handoffs;
  readonly fences: LaneFences;
  readonly tribunal: Tribunal;
  readonly retired: RetiredWorkers;
  readonly vacancies: Vacancies;
  readonly moveLog: MoveLog;
  readonly loads: LoadWatch;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** From a plan to what is in the store: writes the nodes that change, and tells whoever must remember it. */
export class AssignmentWriter {
  readonly #options: AssignmentWriterOptions;
  readonly #publisher: Publisher;

  constructor(options: AssignmentWriterOptions) {
    this.#options = options;
    this.#publisher = new Publisher(options.reign, options.records, options.metrics);
  }

  /** @returns true when something was written */
  async write(world: World, view: View, planned: Plan, full: boolean): Promise<boolean> {
    const { reign, observation, handoffs, tribunal, fences, retired, vacancies, moveLog, loads, clock, logger } =
      this.#options;
    const changes = diffAssignments({
      epoch: reign.epoch,
      world,
      owners: planned.owners,
      planned: view.planned,
      revokedBy: (worker, key) => handoffs.revokedBy(worker, key),
      holdAdditions: tribunal.isBlind,
      generationFloor: retired.highestGeneration,
      compareStarted: full,
      routes: observation.routes(),
    });
    changes.push(...tribunal.replacements(reign.epoch), ...this.#rewrites(world, changes));
    const moves = new Map(planned.moves.map((move) => [move.key, move]));
    const lanesOf = (worker: string): string[] => {
      const holder = world.holders.get(worker);
      return holder?.state === 'fenced' ? fences.lanesOf(holder.assignment.incarnation) : [];
    };
    await this.#publisher.publish(changes, lanesOf, (change) => {
      handoffs.revoked(change.worker, change.revoked, change.assignment, clock.monotonicMs());
      vacancies.wrote(change);
      const restless = moveLog.wrote(change, moves, view.planned);
      if (change.added.length + change.revoked.length > 0) loads.changed(restless);
      logger.info('assignment.written', summary(change));
    });
    return changes.length > 0;
  }

  /** Nodes that vanished, as they were: their workers go by them still. */
  #rewrites(world: World, changes: readonly NodeChange[]): NodeChange[] {
    const { reign, records } = this.#options;
    const changed = new Set(changes.map(({ worker }) => worker));
    return [...records.assignments.vanished].flatMap((worker) => {
      const holder = world.holders.get(worker);
      const mayWrite = holder !== undefined && holder.state !== 'absent' && holder.state !== 'doomed';
      if (!mayWrite || changed.has(worker)) return [];
      const { assignment: last } = holder;
      const assignment = { ...last, epoch: reign.epoch, generation: last.generation + 1 };
      return [{ worker, assignment, revoked: [], dropped: new Map(), added: [] }];
    });
  }

  /** Removes lanes of which nothing is left. @returns true when there were some */
  async removeSpentLanes(): Promise<boolean> {
    const { reign, records, tribunal } = this.#options;
    const spent = tribunal.spentLanes().slice(0, MAX_MULTI_OPS - 1);
    if (spent.length === 0) return false;
    records.lanes.invalidate();
    await reign.write(
      spent.map(
        ({ transactionalId, version }): StoreOp => ({ type: 'remove', path: lanePath(transactionalId), version }),
      ),
    );
    return true;
  }
}

function summary({ worker, assignment, added, revoked, dropped }: NodeChange): Record<string, unknown> {
  const { incarnation, epoch, generation, items } = assignment;
  const counts = { items: items.length, added: added.length, revoked: revoked.length, dropped: dropped.size };
  return { worker, incarnation, epoch, generation, ...counts };
}
