import { MAX_MULTI_OPS, type StoreOp } from '../../common/coordination/ports.js';
import { encodeLane } from '../../common/coordination/records/worker.js';
import { lanePath } from '../../common/coordination/znodes.js';
import type { LaneRecord } from '../../common/model/worker.js';
import type { Logger } from '../../common/observability/logger.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { Departures, Doomed } from './departures.js';
import type { FenceRequest, Fencer } from './fencer.js';
import type { FleetRecords } from './fleet-records.js';
import type { Reign } from './reign.js';

const RETRY = { initialMs: 500, maxMs: 15_000 } as const;

export interface LaneFencesOptions {
  readonly reign: Reign;
  readonly records: FleetRecords;
  readonly departures: Departures;
  readonly fencer: Fencer;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly onDone: () => void;
}

/** Takes the lanes of given-up incarnations through `active` -> `fencing` -> fenced. Removing their nodes is the publisher's part. */
export class LaneFences {
  readonly #options: LaneFencesOptions;
  readonly #running = new Map<string, Promise<void>>();
  /** Fenced lanes by incarnation; an incarnation is in here once a lane of it is past the point of no return. */
  readonly #fenced = new Map<string, Set<string>>();

  constructor(options: LaneFencesOptions) {
    this.#options = options;
  }

  /** Marks what is not marked yet, and starts what is marked. The mark is in the store before the fencer runs (5.1). */
  async advance(): Promise<void> {
    const doomed = this.#options.departures.doomed;
    const lanes = [...this.#options.records.lanes.entries.values()].filter(({ value }) =>
      doomed.has(value.incarnation),
    );
    const active = lanes.filter(({ value }) => value.state === 'active');
    for (let from = 0; from < active.length; from += MAX_MULTI_OPS - 1) {
      await this.#mark(active.slice(from, from + MAX_MULTI_OPS - 1));
    }
    for (const { value } of lanes) {
      const departure = doomed.get(value.incarnation);
      if (departure !== undefined) this.#start(value, departure);
    }
  }

  /** Nothing of the incarnation can write any more. */
  isFenced(incarnation: string): boolean {
    return this.lanesOf(incarnation).every((id) => this.#fenced.get(incarnation)?.has(id) === true);
  }

  /** A fence of it was begun in this reign: it never gets work again (5.1). */
  hasBegun(incarnation: string): boolean {
    return this.#fenced.has(incarnation);
  }

  /** Nothing is left of the incarnation. */
  forget(incarnation: string): void {
    this.#fenced.delete(incarnation);
  }

  /** Lane nodes of the incarnation. */
  lanesOf(incarnation: string): string[] {
    return [...this.#options.records.lanes.entries.values()]
      .filter(({ value }) => value.incarnation === incarnation)
      .map(({ value }) => value.transactionalId);
  }

  async settle(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  async #mark(lanes: readonly { readonly value: LaneRecord; readonly version: number }[]): Promise<void> {
    const { reign, records, logger } = this.#options;
    const marked = lanes.map(({ value }): LaneRecord => ({ ...value, state: 'fencing' }));
    const ops = marked.map(
      (lane, i): StoreOp => ({
        type: 'set',
        path: lanePath(lane.transactionalId),
        data: encodeLane(lane),
        version: lanes[i]?.version ?? -1,
      }),
    );
    try {
      const versions = await reign.write(ops);
      marked.forEach((lane, i) => {
        records.lanes.wrote(lane.transactionalId, lane, versions[i] ?? 0);
        logger.info('lane.fencing', { lane: lane.transactionalId, worker: lane.worker, target: lane.target });
      });
    } catch (error) {
      records.lanes.invalidate();
      throw error;
    }
  }

  #start(lane: LaneRecord, departure: Doomed): void {
    const { transactionalId: id, incarnation } = lane;
    const fenced = this.#fenced.get(incarnation) ?? new Set();
    this.#fenced.set(incarnation, fenced);
    if (fenced.has(id) || this.#running.has(id)) return;
    const task = this.#fence(lane, departure).finally(() => this.#running.delete(id));
    this.#running.set(id, task);
  }

  async #fence(lane: LaneRecord, { silentSinceMs, reason }: Doomed): Promise<void> {
    const { reign, fencer, clock, random, logger, onDone } = this.#options;
    for (let failures = 0; !reign.signal.aborted; failures++) {
      try {
        await fencer.fence(
          { lane, ...this.#workOf(lane), silentSinceMs, isReplaced: reason === 'replaced' },
          reign.signal,
        );
        this.#fenced.get(lane.incarnation)?.add(lane.transactionalId);
        logger.info('lane.fenced', { lane: lane.transactionalId, worker: lane.worker, target: lane.target });
        onDone();
        return;
      } catch (error) {
        if (reign.signal.aborted) return;
        if (failures === 0) logger.warn('lane.fence-failed', { lane: lane.transactionalId, err: error });
        await clock.sleep(backoffMs(failures, RETRY, random), reign.signal);
      }
    }
  }

  #workOf(lane: LaneRecord): Pick<FenceRequest, 'items' | 'routes'> {
    const assignment = this.#options.records.assignments.entries.get(lane.worker)?.value.assignment;
    if (assignment?.incarnation !== lane.incarnation) return { items: [], routes: [] };
    const toTarget = new Set(
      assignment.routes.filter((route) => route.target === lane.target).map((route) => route.name),
    );
    const items = assignment.items.filter((item) => toTarget.has(item.route));
    const named = new Set(items.map((item) => item.route));
    return { items, routes: assignment.routes.filter((route) => named.has(route.name)) };
  }
}
