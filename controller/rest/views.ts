import type {
  AssignmentView,
  FleetStatus,
  PlacedPartition,
  ProblemView,
  StoreAlarmView,
  TopicDetail,
  TopicStatusView,
  WorkerList,
} from '../../common/api/fleet-shapes.js';
import type { WhyView } from '../../common/api/why-shapes.js';
import type { CoordinationStore, StoreNode } from '../../common/coordination/ports.js';
import {
  type ControllerRecord,
  decodeController,
  decodeEpoch,
  decodeFleet,
} from '../../common/coordination/records/control.js';
import { CONTROLLERS, controllerPath, EPOCH, FLEET, LEADER } from '../../common/coordination/znodes.js';
import { isCausewayError } from '../../common/errors/error.js';
import type { Exclusion } from '../../common/model/orders.js';
import type { Route, TopicEntry } from '../../common/model/route.js';
import type { ThreadStatus, WorkerStatus } from '../../common/model/status.js';
import type { LiveWorker } from '../../common/model/worker.js';
import { silentLogger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import { mapLimited } from '../../common/runtime/map-limited.js';
import { dutyOf } from '../core/roster.js';
import { type AreaName, FleetRecords } from '../loop/fleet-records.js';
import type { StoreAlarms } from '../loop/store-alarms.js';
import { workerAssignment } from './assignment-view.js';
import { foldTopic, sumOrNull } from './fold.js';
import type { LeaderProblems } from './leader-problems.js';
import { headOf, partitionView, placedItems, problemsByTopic } from './topic-views.js';
import { why } from './why.js';
import type { WorkerStatuses } from './worker-statuses.js';

const MAX_ALARMS = 100;

export interface ViewsOptions {
  readonly store: CoordinationStore;
  readonly fleet: string;
  readonly clock: Clock;
  readonly statuses: WorkerStatuses;
  readonly problems: LeaderProblems;
  readonly alarms: Pick<StoreAlarms, 'current'>;
}

/** What REST shows, read from the store at each request (any controller may answer) and from the workers over HTTP. */
export class FleetViews {
  readonly #options: ViewsOptions;

  constructor(options: ViewsOptions) {
    this.#options = options;
  }

  async assignment(): Promise<AssignmentView> {
    const records = await this.#read(['assignments', 'reports', 'live']);
    const workers = [...records.assignments.entries].map(([worker, { value }]) =>
      workerAssignment(
        value.assignment,
        records.reports.entries.get(worker)?.value,
        records.live.entries.get(worker)?.value,
      ),
    );
    return { workers, unreadable: [...records.assignments.unreadable.keys()] };
  }

  async workers(): Promise<WorkerList> {
    const records = await this.#read(['assignments', 'live', 'workers']);
    const live = [...records.live.entries.values()].map(({ value }) => value);
    const statuses = await this.#options.statuses.ask(live);
    return {
      workers: live.map((worker) => {
        const { role, routes } = dutyOf(worker, records.workers.entries.get(worker.worker)?.value);
        const assignment = records.assignments.entries.get(worker.worker)?.value.assignment;
        const mine = assignment?.incarnation === worker.incarnation ? assignment.items.length : 0;
        const partitions = statuses.get(worker.worker)?.partitions;
        return {
          ...withoutDuty(worker),
          role,
          routes: [...routes],
          partitions: mine,
          lagRecords: sumOrNull(partitions?.map((partition) => partition.lagRecords)),
          recordsPerS: sumOrNull(partitions?.map((partition) => partition.recordsPerS)),
          bytesPerS: sumOrNull(partitions?.map((partition) => partition.bytesPerS)),
          threads: statuses.get(worker.worker)?.threads.map(threadView) ?? null,
        };
      }),
    };
  }

  async status(): Promise<FleetStatus> {
    const records = await this.#read(['routes', 'topics', 'exclusions', 'assignments', 'live']);
    const { leader, epoch, fleetId, controllers } = await this.#control();
    const live = [...records.live.entries.values()].map(({ value }) => value);
    const statuses = await this.#options.statuses.ask(live);
    const problems = await this.#options.problems.read(leader?.http);
    const topics = this.#topics(records, statuses, problems ?? []);
    return {
      fleet: this.#options.fleet,
      fleetId,
      leader: leader === undefined ? null : { controller: leader.controller, http: leader.http, epoch: leader.epoch },
      epoch,
      controllers: controllers.map(({ controller, http, startedAt }) => ({ controller, http, startedAt })),
      counts: {
        routes: records.routes.entries.size,
        topics: records.topics.entries.size,
        assigned: topics.reduce((sum, topic) => sum + topic.assigned, 0),
        workers: live.length,
        answeringWorkers: statuses.size,
      },
      topics,
      problems: problems === undefined ? null : [...problems],
      alarms: this.#alarms(records),
    };
  }

  /** What every worker that answers says now. */
  async statuses(): Promise<ReadonlyMap<string, WorkerStatus>> {
    const { live } = await this.#read(['live']);
    return await this.#options.statuses.ask([...live.entries.values()].map(({ value }) => value));
  }

  /** Why topics of a route wait; undefined: the leader cannot be asked. */
  async problemsOf(route: string): Promise<readonly ProblemView[] | undefined> {
    const { leader } = await this.#control();
    return (await this.#options.problems.read(leader?.http))?.filter((problem) => problem.route === route);
  }

  /** Every assigned partition of a route. */
  async partitions(route: string): Promise<readonly PlacedPartition[]> {
    const records = await this.#read(['assignments', 'live']);
    const live = [...records.live.entries.values()].map(({ value }) => value);
    const placed = placedItems(records, await this.#options.statuses.ask(live));
    return [...placed.values()]
      .flat()
      .filter(({ item }) => item.route === route && item.state === 'own')
      .map((one) => ({ topic: one.item.topic, ...partitionView(one) }));
  }

  /** Partitions of a route that nobody is to copy, by topic. */
  async exclusions(route: string): Promise<readonly Pick<Exclusion, 'topic' | 'partitions'>[]> {
    const { exclusions } = await this.#read(['exclusions']);
    return [...exclusions.entries.values()].flatMap(({ value }) => (value.route === route ? [value] : []));
  }

  async topic(route: Route, entry: TopicEntry): Promise<TopicDetail> {
    const records = await this.#read(['exclusions', 'assignments', 'live']);
    const live = [...records.live.entries.values()].map(({ value }) => value);
    const statuses = await this.#options.statuses.ask(live);
    const { leader } = await this.#control();
    const problems = await this.#options.problems.read(leader?.http);
    const placed = placedItems(records, statuses).get(`${route.name}/${entry.topic}`) ?? [];
    const head = headOf(route, entry, records, problemsByTopic(problems ?? []));
    return { ...foldTopic(head, placed), partitions: placed.map(partitionView) };
  }

  async why(route: Route, entry: TopicEntry, partition: number): Promise<WhyView> {
    const [detail, { workers }, { leader }] = await Promise.all([
      this.topic(route, entry),
      this.workers(),
      this.#control(),
    ]);
    return why({ partition, detail, workers, leader: leader?.controller ?? null });
  }

  #topics(
    records: FleetRecords,
    statuses: ReadonlyMap<string, WorkerStatus>,
    problems: readonly ProblemView[],
  ): TopicStatusView[] {
    const placed = placedItems(records, statuses);
    const waiting = problemsByTopic(problems);
    return [...records.topics.entries].flatMap(([key, { value: entry }]) => {
      const route = records.routes.entries.get(entry.route)?.value;
      return route === undefined ? [] : [foldTopic(headOf(route, entry, records, waiting), placed.get(key) ?? [])];
    });
  }

  /** What this controller watches over, and what came to light now. */
  #alarms(records: FleetRecords): StoreAlarmView[] {
    const known = this.#options.alarms.current;
    const paths = new Set(known.map(({ path }) => path));
    const since = new Date(this.#options.clock.wallMs()).toISOString();
    const found = records.faults().slice(0, MAX_ALARMS);
    const news = found.map(({ code, place, message, fix }) => ({ code, path: place.path ?? '/', message, fix, since }));
    return [
      ...known,
      ...news.filter(({ path }) => !paths.has(path)).map((alarm) => ({ ...alarm, fix: alarm.fix ?? null })),
    ];
  }

  async #read(areas: readonly AreaName[]): Promise<FleetRecords> {
    const { store } = this.#options;
    const records = new FleetRecords(store, silentLogger);
    for (const area of areas) await records[area].refresh();
    return records;
  }

  async #control(): Promise<{
    leader: ControllerRecord | undefined;
    epoch: number;
    fleetId: string | null;
    controllers: readonly ControllerRecord[];
  }> {
    const { store } = this.#options;
    const [leader, epoch, fleet, names] = await Promise.all([
      store.get(LEADER),
      store.get(EPOCH),
      store.get(FLEET),
      store.children(CONTROLLERS),
    ]);
    const nodes = await mapLimited(names ?? [], 8, (name) => store.get(controllerPath(name)));
    return {
      leader: readable(leader, (data) => decodeController(data, LEADER)),
      epoch: readable(epoch, (data) => decodeEpoch(data, EPOCH).epoch) ?? 0,
      fleetId: readable(fleet, (data) => decodeFleet(data, FLEET).fleetId) ?? null,
      controllers: nodes.flatMap((node) => readable(node, (data) => decodeController(data, CONTROLLERS)) ?? []),
    };
  }
}

/** Undefined where there is no node, or one that says nothing: the status is wanted most when the store is damaged. */
function readable<T>(node: StoreNode | undefined, decode: (data: Buffer) => T): T | undefined {
  try {
    return node === undefined ? undefined : decode(node.data);
  } catch (error) {
    if (isCausewayError(error, 'NODE_CORRUPT')) return undefined;
    throw error;
  }
}

function withoutDuty({ standby: _, routes: __, ...worker }: LiveWorker): Omit<LiveWorker, 'standby' | 'routes'> {
  return worker;
}

function threadView({ thread, partitions, utilization, loopDelayMs }: ThreadStatus) {
  return { thread, partitions, utilization, loopDelayMs };
}
