import { FREEZE } from '../../common/coordination/znodes.js';
import type { WorkerAssignment } from '../../common/model/assignment.js';
import { compareAssignments } from '../../common/model/assignment.js';
import type { Route, TopicEntry } from '../../common/model/route.js';
import type { LiveWorker, WorkerReport } from '../../common/model/worker.js';
import { byName, type ClusterIdentity } from '../core/cluster-identity.js';
import { type Desired, desiredTopics } from '../core/desired.js';
import { HeldTargets } from '../core/held-targets.js';
import type { Holder, HolderState } from '../core/holders.js';
import { type Roster, rosterOf } from '../core/roster.js';
import type { Standing } from '../core/selection.js';
import type { TopicFacts } from '../core/topic-facts.js';
import { isUnderWay, type JobParts, partsOf } from '../jobs/job-parts.js';
import type { Deliveries } from './deliveries.js';
import type { Departures, Presence } from './departures.js';
import type { FleetRecords } from './fleet-records.js';

interface Circumstances {
  readonly departures: Departures;
  readonly roster: Roster;
  readonly isFenced: (incarnation: string) => boolean;
}

/** Reads the records as values for the pure core. */
export class Observation {
  readonly #records: FleetRecords;
  readonly #maxActiveWorkers: number;
  readonly #wallMs: () => number;
  readonly #deliveries: Pick<Deliveries, 'of'>;

  /** @param wallMs the wall clock */
  constructor(
    records: FleetRecords,
    maxActiveWorkers: number,
    deliveries: Pick<Deliveries, 'of'>,
    wallMs: () => number,
  ) {
    this.#records = records;
    this.#wallMs = wallMs;
    this.#deliveries = deliveries;
    this.#maxActiveWorkers = maxActiveWorkers;
  }

  /** As they are delivered now. */
  routes(): Map<string, Route> {
    return new Map([...this.wantedRoutes()].map(([name, route]) => [name, this.#deliveries.of(route)]));
  }

  /** As operators want them, those of jobs among them. */
  wantedRoutes(): Map<string, Route> {
    const routes = [...this.#records.routes.entries].map(([name, { value }]): [string, Route] => [name, value]);
    const ofJobs = this.#jobs().map(({ parts: { route } }): [string, Route] => [route.name, route]);
    return new Map([...routes, ...ofJobs]);
  }

  /** All that is to be copied, jobs' topics included. */
  entries(): { readonly entry: TopicEntry; readonly order: bigint }[] {
    const topics = [...this.#records.topics.entries.values()];
    const ofJobs = this.#jobs().flatMap(({ parts, order }) => parts.entries.map((entry) => ({ entry, order })));
    return [...topics.map(({ value, createdAt }) => ({ entry: value, order: createdAt })), ...ofJobs];
  }

  #jobs(): { readonly parts: JobParts; readonly order: bigint }[] {
    return [...this.#records.jobs.entries.values()].flatMap(({ value, createdAt }) =>
      isUnderWay(value) ? [{ parts: partsOf(value), order: createdAt }] : [],
    );
  }

  #exclusions(): Map<string, readonly number[]> {
    const exclusions = [...this.#records.exclusions.entries];
    return new Map([
      ...exclusions.map(([key, { value }]): [string, readonly number[]] => [key, value.partitions]),
      ...this.#jobs().flatMap(({ parts }) => [...parts.excluded]),
    ]);
  }

  /** An operator wants everything to stay where it is. An order that cannot be read is one. */
  get isFrozen(): boolean {
    const { entries, unreadable } = this.#records.orders;
    return entries.has(FREEZE) || unreadable.has(FREEZE);
  }

  /** Workers whose announced restart is being waited for. */
  get awaited(): Set<string> {
    return new Set(this.#announced().map(({ worker }) => worker));
  }

  /** In how many ms the next announcement of a restart ends; undefined: there is none. */
  get restartEndsInMs(): number | undefined {
    const ends = this.#announced().map(({ leftMs }) => leftMs);
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  /** By the wall clock: whoever announces it need not be on this machine. */
  #announced(): { readonly worker: string; readonly leftMs: number }[] {
    const nowMs = this.#wallMs();
    return [...this.#records.workers.entries.values()].flatMap(({ value: { worker, restartUntil } }) => {
      const leftMs = restartUntil === undefined ? 0 : Date.parse(restartUntil) - nowMs;
      return leftMs > 0 ? [{ worker, leftMs }] : [];
    });
  }

  live(): Map<string, LiveWorker> {
    return new Map([...this.#records.live.entries].map(([worker, { value }]) => [worker, value]));
  }

  assignments(): WorkerAssignment[] {
    return [...this.#records.assignments.entries.values()].map(({ value }) => value.assignment);
  }

  desired(
    facts: (route: Route, topic: string, targetTopic: string) => TopicFacts,
    standings: ReadonlyMap<string, Standing>,
    identity?: ClusterIdentity,
  ): Desired {
    const { routes, topics, exclusions, progress } = this.#records;
    let held: HeldTargets | undefined;
    return desiredTopics({
      routes: this.routes(),
      unreadableRoutes: new Set(routes.unreadable.keys()),
      entries: this.entries(),
      unreadableEntries: new Set(topics.unreadable.keys()),
      exclusions: this.#exclusions(),
      unreadableExclusions: new Set(exclusions.unreadable.keys()),
      progress: new Map([...progress.entries].map(([key, { value }]) => [key, value])),
      unreadableProgress: new Set(progress.unreadable.keys()),
      standings,
      facts,
      ...(identity === undefined ? {} : { identity }),
      held: () => {
        held ??= new HeldTargets(this.assignments(), identity ?? byName);
        return held;
      },
    });
  }

  /** @param gone incarnations whose process is over though their live node is still there */
  presence(nowMs: number, gone: ReadonlySet<string>): Presence {
    return {
      nowMs,
      live: new Map([...this.live()].filter(([, { incarnation }]) => !gone.has(incarnation))),
      gone,
      unreadableLive: new Set(this.#records.live.unreadable.keys()),
      assignments: this.assignments(),
      lanes: [...this.#records.lanes.entries.values()].map(({ value }) => value),
      clean: this.cleanIncarnations(),
      isFrozen: this.isFrozen,
      awaited: this.awaited,
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
    const roster = this.roster(departures);
    const holders = new Map<string, Holder>();
    for (const assignment of this.assignments()) {
      const { worker, incarnation } = assignment;
      const current = live.get(worker);
      const report = this.#records.reports.entries.get(worker)?.value;
      holders.set(worker, {
        worker,
        assignment,
        state: this.#stateOf(assignment, current, { departures, roster, isFenced }),
        live: current,
        report: report?.incarnation === incarnation ? report : undefined,
      });
    }
    return holders;
  }

  #stateOf(
    { incarnation, items }: WorkerAssignment,
    live: LiveWorker | undefined,
    { departures, roster, isFenced }: Circumstances,
  ): HolderState {
    if (departures.doomed.has(incarnation)) return items.length === 0 || isFenced(incarnation) ? 'fenced' : 'doomed';
    if (live?.incarnation !== incarnation) return items.length === 0 ? 'fenced' : 'absent';
    if (live.leaving) return 'leaving';
    return roster.accepting.has(live.worker) || roster.keeping.has(live.worker) ? 'serving' : 'drained';
  }

  /** Which of the living workers may be given partitions, and which keep what they have. */
  roster(departures: Departures): Roster {
    const { workers } = this.#records;
    const present = [...this.live().values()].filter(
      ({ leaving, incarnation }) => !leaving && !departures.doomed.has(incarnation),
    );
    const holding = this.assignments().filter(({ items }) => items.length > 0);
    return rosterOf({
      present,
      orders: new Map([...workers.entries].map(([worker, { value }]) => [worker, value])),
      unreadable: new Set(workers.unreadable.keys()),
      holding: new Set(holding.map(({ worker }) => worker)),
      maxActiveWorkers: this.#maxActiveWorkers,
      isFrozen: this.isFrozen,
    });
  }
}
