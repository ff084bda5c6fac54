import type { CoordinationStore, StoreNode } from '../../common/coordination/ports.js';
import { assignmentParts, decodeAssignment } from '../../common/coordination/records/assignment.js';
import { decodeRoute, decodeTopicEntry, decodeTopicProgress } from '../../common/coordination/records/desired.js';
import { decodeJob } from '../../common/coordination/records/job.js';
import { decodeExclusion, decodeFreeze, decodeWorkerOrder } from '../../common/coordination/records/orders.js';
import { decodeDenial, decodeSelectionProgress } from '../../common/coordination/records/selection.js';
import { decodeLane, decodeLiveWorker, decodeReport } from '../../common/coordination/records/worker.js';
import {
  ASSIGNMENTS,
  DENIALS,
  EXCLUSIONS,
  JOBS,
  LANES,
  LIVE,
  ORDERS,
  PROGRESS,
  REPORTS,
  ROUTES,
  SELECTIONS,
  TOPICS,
  WORKERS,
} from '../../common/coordination/znodes.js';
import { CausewayError } from '../../common/errors/error.js';
import type { WorkerAssignment } from '../../common/model/assignment.js';
import { isJobRoute, type Job, jobRouteName } from '../../common/model/job.js';
import type { Exclusion, FreezeOrder, WorkerOrder } from '../../common/model/orders.js';
import type { Route, TopicEntry } from '../../common/model/route.js';
import type { Denial, SelectionProgress } from '../../common/model/selection.js';
import type { TopicProgress } from '../../common/model/topic-progress.js';
import type { LaneRecord, LiveWorker, WorkerReport } from '../../common/model/worker.js';
import type { Logger } from '../../common/observability/logger.js';
import { type AreaOptions, RecordArea } from './record-area.js';
import type { RemovalRule } from './removal-proof.js';

/** An assignment as it stands in the store. */
export interface StoredAssignment {
  readonly assignment: WorkerAssignment;
  /** Part nodes that exist below the node (`p1`...): tells a write what to create, replace and remove. */
  readonly partNodes: readonly string[];
}

export type AreaName =
  | 'routes'
  | 'topics'
  | 'exclusions'
  | 'denials'
  | 'jobs'
  | 'workers'
  | 'orders'
  | 'progress'
  | 'selections'
  | 'assignments'
  | 'live'
  | 'lanes'
  | 'reports';

/** Everything the store holds about the fleet, area by area, read only where something may have changed. */
export class FleetRecords {
  readonly routes: RecordArea<Route>;
  /** Keyed `route/topic`, as are exclusions and progress. */
  readonly topics: RecordArea<TopicEntry>;
  readonly exclusions: RecordArea<Exclusion>;
  readonly denials: RecordArea<Denial>;
  readonly jobs: RecordArea<Job>;
  readonly workers: RecordArea<WorkerOrder>;
  readonly orders: RecordArea<FreezeOrder>;
  readonly progress: RecordArea<TopicProgress>;
  readonly selections: RecordArea<SelectionProgress>;
  readonly assignments: RecordArea<StoredAssignment>;
  readonly live: RecordArea<LiveWorker>;
  readonly lanes: RecordArea<LaneRecord>;
  readonly reports: RecordArea<WorkerReport>;
  readonly #store: CoordinationStore;

  constructor(store: CoordinationStore, logger: Logger, onCorrupt: () => void = () => {}) {
    this.#store = store;
    const said = (path: string, error: unknown): void => {
      logger.error('coordination.node-corrupt', { path, err: error });
      onCorrupt();
    };
    const area = <T>(
      root: string,
      depth: 1 | 2,
      decode: (data: Buffer, path: string) => T,
      removal?: RemovalRule<T>,
    ): RecordArea<T> => {
      const options: AreaOptions<T> = {
        store,
        root,
        depth,
        decode: (node, path) => decode(node.data, path),
        onCorrupt: said,
        ...(removal === undefined ? {} : { removal }),
      };
      return new RecordArea(options);
    };
    const counted = { kind: 'counted' } as const;
    // A route goes with the parent of its topics; one made anew is younger than the parent of its predecessor's.
    const mayLoseParent = (route: string, createdAt: bigint): boolean => {
      const node = this.routes.entries.get(route);
      return !this.routes.unreadable.has(route) && (node === undefined || node.createdAt > createdAt);
    };
    this.routes = area(ROUTES, 1, decodeRoute, counted);
    this.topics = area(TOPICS, 2, decodeTopicEntry, { kind: 'counted', mayLoseParent });
    this.exclusions = area(EXCLUSIONS, 2, decodeExclusion, counted);
    this.denials = area(DENIALS, 2, decodeDenial, counted);
    this.jobs = area(JOBS, 1, decodeJob, counted);
    this.workers = area(WORKERS, 1, decodeWorkerOrder, counted);
    this.orders = area(ORDERS, 1, decodeFreeze, counted);
    // Nobody ever removes what has started, but of a job that is gone.
    const isOfGoneJob = (route: string): boolean => {
      const { entries, unreadable } = this.jobs;
      // One that cannot be read may be any.
      if (!isJobRoute(route) || unreadable.size > 0) return false;
      return ![...entries.values()].some(({ value }) => jobRouteName(value) === route);
    };
    this.progress = area(PROGRESS, 2, decodeTopicProgress, {
      kind: 'kept',
      while: ({ route }) => !isOfGoneJob(route),
    });
    this.selections = area(SELECTIONS, 1, decodeSelectionProgress, { kind: 'kept', while: () => true });
    this.live = area(LIVE, 1, decodeLiveWorker);
    this.lanes = area(LANES, 1, decodeLane);
    this.reports = area(REPORTS, 1, decodeReport);
    this.assignments = new RecordArea({
      store,
      root: ASSIGNMENTS,
      depth: 1,
      decode: (node, path) => readAssignment(store, node, path),
      onCorrupt: said,
      // A retired worker's node is removed when nothing is left in it.
      removal: { kind: 'kept', while: ({ assignment }) => assignment.items.length > 0 },
    });
  }

  /** Re-reads what is marked; `all` marks everything first. */
  async refresh(all = false): Promise<void> {
    if (all) this.invalidateAll();
    for (const area of this.#areas()) await area.refresh();
  }

  /** Everything that is wrong with what was read. */
  faults(): CausewayError[] {
    return this.#areas().flatMap((area) => area.faults);
  }

  /** @throws STORE_DAMAGED when an area is not there without which nothing may be decided */
  checkWhole(): void {
    const { routes, topics, exclusions, workers, orders, progress, assignments } = this;
    for (const area of [routes, topics, exclusions, workers, orders, progress, assignments]) {
      if (area.isRootMissing) throw area.faults[0];
    }
  }

  invalidateAll(): void {
    for (const area of this.#areas()) area.invalidate();
  }

  /** The same text means that nothing at all is different. */
  revision(): string {
    return this.#areas()
      .map((area) => area.revision)
      .join('.');
  }

  /** Watches every area; a hint marks it and calls back. Returns the removal. */
  watch(onHint: () => void): () => void {
    const roots: Record<AreaName, string> = {
      routes: ROUTES,
      topics: TOPICS,
      exclusions: EXCLUSIONS,
      denials: DENIALS,
      jobs: JOBS,
      workers: WORKERS,
      orders: ORDERS,
      progress: PROGRESS,
      selections: SELECTIONS,
      assignments: ASSIGNMENTS,
      live: LIVE,
      lanes: LANES,
      reports: REPORTS,
    };
    const removals = (Object.entries(roots) as [AreaName, string][]).map(([name, root]) =>
      this.#store.watch(root, (changed) => {
        this[name].invalidate(changed);
        onHint();
      }),
    );
    return () => {
      for (const remove of removals) remove();
    };
  }

  #areas(): readonly Pick<RecordArea<unknown>, 'refresh' | 'invalidate' | 'revision' | 'faults'>[] {
    // Reports before assignments: a report read first can only be older than the assignment beside it, which is the safe side.
    // Denials after topics: who sees that a topic was removed sees that it is not to be selected again.
    // Jobs before progress: what is remembered of them goes with them.
    const { reports, live, lanes, routes, topics, denials, jobs, exclusions, workers, orders } = this;
    const { progress, selections, assignments } = this;
    return [
      reports,
      live,
      lanes,
      routes,
      topics,
      denials,
      jobs,
      exclusions,
      workers,
      orders,
      progress,
      selections,
      assignments,
    ];
  }
}

async function readAssignment(store: CoordinationStore, node: StoreNode, path: string): Promise<StoredAssignment> {
  const parts = assignmentParts(node.data, path);
  const partNodes = parts === 1 && node.version === 0 ? [] : ((await store.children(path)) ?? []);
  const buffers = [node.data];
  for (let part = 1; part < parts; part++) {
    const child = await store.get(`${path}/p${part}`);
    if (child === undefined) throw new CausewayError('NODE_CORRUPT', `part ${part} is missing`, { place: { path } });
    buffers.push(child.data);
  }
  return { assignment: decodeAssignment(buffers, path), partNodes };
}
