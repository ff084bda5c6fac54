import type { WorkerReport } from '../../common/model/worker.js';
import type { Logger } from '../../common/observability/logger.js';
import type { NodeChange } from '../core/diff.js';
import { findDuplicates, type Holder } from '../core/holders.js';
import type { DepartureReason, Departures } from './departures.js';
import type { FleetRecords } from './fleet-records.js';
import type { Handoffs } from './handoffs.js';
import type { LaneFences } from './lane-fences.js';
import type { Observation } from './observation.js';

export interface TribunalOptions {
  readonly records: FleetRecords;
  readonly observation: Observation;
  readonly departures: Departures;
  readonly handoffs: Handoffs;
  readonly fences: LaneFences;
  /** Incarnations whose process is over though they are still registered. */
  readonly gone: () => ReadonlySet<string>;
  readonly logger: Logger;
}

/** Decides which incarnations are given up: gone, holding on too long, doubtful, in two places, unreadable. All end in a fence. */
export class Tribunal {
  readonly #options: TribunalOptions;
  /** The incarnation that lived when its worker's node turned out unreadable, by worker. */
  readonly #suspects = new Map<string, string>();

  constructor(options: TribunalOptions) {
    this.#options = options;
  }

  /** @returns monotonic ms of the next bound that ends: a takeover delay, a handoff */
  judge(nowMs: number): number | undefined {
    const { observation, departures, handoffs, gone } = this.#options;
    const departed = departures.observe(observation.presence(nowMs, gone()));
    for (const { worker, incarnation, reason } of departed.doomed) this.#say(worker, incarnation, reason);
    const holders = observation.holders(departures, () => false);
    const { overdue, nextMs } = handoffs.observe(holders.values(), nowMs);
    for (const { worker, incarnation, reason } of overdue) this.#doom(worker, incarnation, reason);
    this.#doomDuplicates(holders);
    this.#doomUnreadable();
    for (const { worker, incarnation } of this.#withoutNode()) this.#doom(worker, incarnation, 'corrupt');
    this.#forgetSettled();
    const bounds = [departed.nextMs, nextMs].filter((bound) => bound !== undefined);
    return bounds.length === 0 ? undefined : Math.min(...bounds);
  }

  /** Somebody holds partitions and no node says which: what seems free may be theirs. */
  get isBlind(): boolean {
    return this.#options.records.assignments.unreadable.size > 0 || this.#withoutNode().length > 0;
  }

  /** Incarnations with items in some node. */
  holdingIncarnations(): Set<string> {
    const holding = this.#options.observation.assignments().filter((assignment) => assignment.items.length > 0);
    return new Set(holding.map((assignment) => assignment.incarnation));
  }

  liveIncarnations(): Set<string> {
    return new Set([...this.#options.observation.live().values()].map((worker) => worker.incarnation));
  }

  /** Lanes of incarnations that are over and have nothing left: fenced, or let go in an orderly way. */
  spentLanes(): { readonly transactionalId: string; readonly version: number }[] {
    const { records, observation, departures, fences } = this.#options;
    const live = this.liveIncarnations();
    const holding = this.holdingIncarnations();
    const clean = observation.cleanIncarnations();
    return [...records.lanes.entries.values()]
      .filter(({ value: { incarnation } }) => {
        if (holding.has(incarnation)) return false;
        const fenced = departures.doomed.has(incarnation) && fences.isFenced(incarnation);
        return fenced || (clean.has(incarnation) && !live.has(incarnation));
      })
      .map(({ value, version }) => ({ transactionalId: value.transactionalId, version }));
  }

  /** Empty nodes in place of unreadable ones whose worker cannot write any more: only then is it safe not to know what they held. */
  replacements(epoch: number): NodeChange[] {
    const { records, observation, departures, fences } = this.#options;
    const live = observation.live();
    const changes: NodeChange[] = [];
    for (const worker of records.assignments.unreadable.keys()) {
      if (records.live.unreadable.has(worker)) continue;
      const incarnation = live.get(worker)?.incarnation;
      // Born after the node became unreadable: it cannot be the one the node speaks to.
      const newcomer = incarnation !== undefined && !departures.doomed.has(incarnation) ? incarnation : undefined;
      const suspects = [...records.lanes.entries.values()].filter(
        ({ value }) => value.worker === worker && value.incarnation !== newcomer,
      );
      const isFenced = (suspect: string): boolean => departures.doomed.has(suspect) && fences.isFenced(suspect);
      if (!suspects.every(({ value }) => isFenced(value.incarnation))) continue;
      // Of an earlier reign, or lost with the node: above whatever the worker has applied, it is new to everybody.
      const generation = (records.reports.entries.get(worker)?.value.generation ?? 0) + 1;
      const assignment = {
        worker,
        incarnation: incarnation ?? '',
        epoch,
        generation,
        routes: [],
        items: [],
        limits: [],
      };
      changes.push({ worker, assignment, revoked: [], dropped: new Map(), added: [] });
    }
    return changes;
  }

  /** Living incarnations that hold something by their own last word while their worker has no node at all: it was lost, with the leader that knew it. */
  #withoutNode(): WorkerReport[] {
    const { records, observation } = this.#options;
    const { entries, unreadable } = records.assignments;
    const live = observation.live();
    return [...records.reports.entries.values()].flatMap(({ value }) => {
      const { worker, incarnation, held, doubtful } = value;
      const isLive = live.get(worker)?.incarnation === incarnation;
      const hasNode = entries.has(worker) || unreadable.has(worker);
      return isLive && !hasNode && held.length + doubtful.length > 0 ? [value] : [];
    });
  }

  #doomDuplicates(holders: ReadonlyMap<string, Holder>): void {
    const assignments = [...holders.values()].map((holder) => holder.assignment);
    const workers = new Set([...findDuplicates(assignments).values()].flat());
    for (const { worker, assignment } of holders.values()) {
      if (workers.has(worker)) this.#doom(worker, assignment.incarnation, 'duplicate');
    }
  }

  /** A node that never was readable to us: what its worker holds is unknown, so the worker has to stop before anything is given out. */
  #doomUnreadable(): void {
    const { observation, records } = this.#options;
    const live = observation.live();
    const { unreadable } = records.assignments;
    for (const worker of this.#suspects.keys()) if (!unreadable.has(worker)) this.#suspects.delete(worker);
    for (const worker of unreadable.keys()) {
      const incarnation = this.#suspects.get(worker) ?? live.get(worker)?.incarnation;
      if (incarnation === undefined) continue;
      this.#suspects.set(worker, incarnation);
      // Once it is gone for good there is nothing to doom; doing it again would never end.
      if (live.get(worker)?.incarnation === incarnation) this.#doom(worker, incarnation, 'corrupt');
    }
  }

  /** Also one that lives and never had a lane: it has written nothing, and there is no mark from which it could learn its fate. */
  #forgetSettled(): void {
    const { departures, fences, observation } = this.#options;
    const live = this.liveIncarnations();
    const holding = this.holdingIncarnations();
    const relieved = observation.relievedIncarnations();
    for (const incarnation of departures.doomed.keys()) {
      const over = !live.has(incarnation) || (relieved.has(incarnation) && !fences.hasBegun(incarnation));
      if (!over || holding.has(incarnation) || fences.lanesOf(incarnation).length > 0) continue;
      departures.forget(incarnation);
      fences.forget(incarnation);
    }
  }

  #doom(worker: string, incarnation: string, reason: DepartureReason): void {
    if (this.#options.departures.doom({ worker, incarnation, reason, silentSinceMs: undefined })) {
      this.#say(worker, incarnation, reason);
    }
  }

  #say(worker: string, incarnation: string, reason: DepartureReason): void {
    this.#options.logger.warn('worker.given-up', { worker, incarnation, reason });
  }
}
