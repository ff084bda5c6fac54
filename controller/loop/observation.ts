import type { WorkerAssignment } from '../../common/model/assignment.js';
import { compareAssignments } from '../../common/model/assignment.js';
import type { Route } from '../../common/model/route.js';
import type { LiveWorker, WorkerReport } from '../../common/model/worker.js';
import { type Desired, desiredTopics, type TopicFacts } from '../core/desired.js';
import type { Holder, HolderState } from '../core/holders.js';
import type { Departures, Presence } from './departures.js';
import type { FleetRecords } from './fleet-records.js';

/** Reads the records as values for the pure core. */
export class Observation {
  readonly #records: FleetRecords;

  constructor(records: FleetRecords) {
    this.#records = records;
  }

  routes(): Map<string, Route> {
    return new Map([...this.#records.routes.entries].map(([name, { value }]) => [name, value]));
  }

  live(): Map<string, LiveWorker> {
    return new Map([...this.#records.live.entries].map(([worker, { value }]) => [worker, value]));
  }

  assignments(): WorkerAssignment[] {
    return [...this.#records.assignments.entries.values()].map(({ value }) => value.assignment);
  }

  desired(facts: (route: Route, topic: string, targetTopic: string) => TopicFacts): Desired {
    const { routes, topics, progress } = this.#records;
    return desiredTopics({
      routes: this.routes(),
      unreadableRoutes: new Set(routes.unreadable.keys()),
      entries: [...topics.entries.values()].map(({ value, createdAt }) => ({ entry: value, order: createdAt })),
      unreadableEntries: new Set(topics.unreadable.keys()),
      progress: new Map([...progress.entries].map(([key, { value }]) => [key, value])),
      unreadableProgress: new Set(progress.unreadable.keys()),
      facts,
    });
  }

  presence(nowMs: number): Presence {
    return {
      nowMs,
      live: this.live(),
      unreadableLive: new Set(this.#records.live.unreadable.keys()),
      assignments: this.assignments(),
      lanes: [...this.#records.lanes.entries.values()].map(({ value }) => value),
      clean: this.cleanIncarnations(),
    };
  }

  /** Incarnations with an empty node whose own last word was that they hold nothing: there is nothing to fence. */
  cleanIncarnations(): Set<string> {
    return new Set(this.#empty().map(({ assignment }) => assignment.incarnation));
  }

  /** Those of them that know that their node is empty: they take nothing up before they are told to. */
  relievedIncarnations(): Set<string> {
    const relieved = this.#empty().filter(({ assignment, report }) => compareAssignments(report, assignment) >= 0);
    return new Set(relieved.map(({ assignment }) => assignment.incarnation));
  }

  #empty(): { readonly assignment: WorkerAssignment; readonly report: WorkerReport }[] {
    return this.assignments().flatMap((assignment) => {
      const report = this.#records.reports.entries.get(assignment.worker)?.value;
      if (assignment.items.length > 0 || report?.incarnation !== assignment.incarnation) return [];
      return report.held.length + report.doubtful.length === 0 ? [{ assignment, report }] : [];
    });
  }

  holders(departures: Departures, isFenced: (incarnation: string) => boolean): Map<string, Holder> {
    const live = this.live();
    const holders = new Map<string, Holder>();
    for (const assignment of this.assignments()) {
      const { worker, incarnation } = assignment;
      const current = live.get(worker);
      const report = this.#records.reports.entries.get(worker)?.value;
      holders.set(worker, {
        worker,
        assignment,
        state: this.#stateOf(assignment, current, departures, isFenced),
        live: current,
        report: report?.incarnation === incarnation ? report : undefined,
      });
    }
    return holders;
  }

  #stateOf(
    { incarnation, items }: WorkerAssignment,
    live: LiveWorker | undefined,
    departures: Departures,
    isFenced: (incarnation: string) => boolean,
  ): HolderState {
    if (departures.doomed.has(incarnation)) return items.length === 0 || isFenced(incarnation) ? 'fenced' : 'doomed';
    if (live?.incarnation !== incarnation) return items.length === 0 ? 'fenced' : 'absent';
    return live.leaving ? 'leaving' : 'serving';
  }

  /** Living workers that may be given partitions. */
  accepting(departures: Departures): Map<string, LiveWorker> {
    const accepting = this.live();
    for (const [worker, live] of accepting) {
      if (live.leaving || departures.doomed.has(live.incarnation)) accepting.delete(worker);
    }
    return accepting;
  }
}
