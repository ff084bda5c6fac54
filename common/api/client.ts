import type {
  ExclusionBody,
  ExclusionView,
  FreezeView,
  NewTopicBody,
  ResolveBody,
  ResolveView,
  RouteBody,
  RouteList,
  RoutePatch,
  RouteView,
  SkipBody,
  SkipView,
  TopicBody,
  TopicList,
  TopicPatch,
  TopicView,
  WorkerOrderBody,
  WorkerOrderView,
} from './desired-shapes.js';
import type {
  AssignmentView,
  ExpectedWorkersView,
  FleetStatus,
  PlanView,
  ProblemList,
  SimulateBody,
  SimulationView,
  TopicDetail,
  WorkerList,
} from './fleet-shapes.js';
import { type ClientOptions, RestTransport, routeUrl, topicUrl, type Versioned } from './rest-transport.js';
import type { DenialList, DenialView, SelectionBody, SelectionView } from './selection-shapes.js';
import type { FleetExport, ImportBody, ImportView } from './transfer-shapes.js';
import type { WhyView } from './why-shapes.js';

export interface Page {
  readonly limit?: number;
  readonly cursor?: string;
}

/** Of one part of an import; a record that is longer goes alone. */
const MAX_IMPORT_BYTES = 48 * 1024;
const MAX_IMPORT_NODES = 1_000;

/** Typed client of /api/v1, used by the CLI, the demo and tests. Larger parts have clients of their own over the same `transport`. */
export class CausewayClient {
  readonly transport: RestTransport;

  constructor(options: ClientOptions) {
    this.transport = new RestTransport(options);
  }

  listRoutes(page: Page = {}): Promise<RouteList> {
    return this.transport.json('GET', '/routes', { query: { ...page } });
  }

  getRoute(route: string): Promise<Versioned<RouteView>> {
    return this.transport.versioned('GET', routeUrl(route));
  }

  /**
   * Creates the route, or replaces it where `ifMatch` says which version is meant.
   * @param options.mayRename its topics may get other target topics; each of those is copied anew
   */
  putRoute(
    route: string,
    body: RouteBody,
    ifMatch?: string,
    options: { readonly mayRename?: boolean } = {},
  ): Promise<Versioned<RouteView>> {
    const query = options.mayRename === true ? { renames: 'allow' } : {};
    return this.transport.versioned('PUT', routeUrl(route), { body, ifMatch, query });
  }

  patchRoute(route: string, body: RoutePatch, ifMatch?: string): Promise<Versioned<RouteView>> {
    return this.transport.versioned('PATCH', routeUrl(route), { body, ifMatch });
  }

  async deleteRoute(route: string, ifMatch?: string): Promise<void> {
    await this.transport.send('DELETE', routeUrl(route), { ifMatch });
  }

  /** What the route's selection makes of the topics at the source; of another selection, where one is to be tried. */
  selection(route: string, tried?: SelectionBody): Promise<SelectionView> {
    const url = `${routeUrl(route)}/selection`;
    return tried === undefined
      ? this.transport.json('GET', url)
      : this.transport.json('POST', `${url}/preview`, { body: tried });
  }

  denials(route: string, page: Page = {}): Promise<DenialList> {
    return this.transport.json('GET', `${routeUrl(route)}/denials`, { query: { ...page } });
  }

  /** The route never selects the topic again; where it is mirrored it stops. */
  denyTopic(route: string, topic: string, reason = ''): Promise<DenialView> {
    return this.transport.json('PUT', denialUrl(route, topic), { body: { reason } });
  }

  async allowTopic(route: string, topic: string): Promise<void> {
    await this.transport.send('DELETE', denialUrl(route, topic), {});
  }

  listTopics(route: string, page: Page = {}): Promise<TopicList> {
    return this.transport.json('GET', `${routeUrl(route)}/topics`, { query: { ...page } });
  }

  /** @throws TOPIC_EXISTS, TOPIC_UNKNOWN_AT_SOURCE, TOPIC_NAME_ILLEGAL, TARGET_CONFLICT, CLUSTER_UNREACHABLE, ROUTE_UNKNOWN */
  addTopic(route: string, body: NewTopicBody): Promise<Versioned<TopicView>> {
    return this.transport.versioned('POST', `${routeUrl(route)}/topics`, { body });
  }

  getTopic(route: string, topic: string): Promise<Versioned<TopicView>> {
    return this.transport.versioned('GET', topicUrl(route, topic));
  }

  putTopic(route: string, topic: string, body: TopicBody, ifMatch?: string): Promise<Versioned<TopicView>> {
    return this.transport.versioned('PUT', topicUrl(route, topic), { body, ifMatch });
  }

  patchTopic(route: string, topic: string, body: TopicPatch, ifMatch?: string): Promise<Versioned<TopicView>> {
    return this.transport.versioned('PATCH', topicUrl(route, topic), { body, ifMatch });
  }

  async deleteTopic(route: string, topic: string, ifMatch?: string): Promise<void> {
    await this.transport.send('DELETE', topicUrl(route, topic), { ifMatch });
  }

  /** Leaves source records out for good. @throws TOPIC_UNKNOWN, PARTITIONS_BEYOND_SOURCE, INVALID_REQUEST */
  skip(route: string, topic: string, body: SkipBody): Promise<SkipView> {
    return this.transport.json('POST', `${topicUrl(route, topic)}/skip`, { body });
  }

  /** Lets go on what stopped because a topic is not what it was. @throws TOPIC_UNKNOWN, NOTHING_TO_RESOLVE */
  resolve(route: string, topic: string, body: ResolveBody): Promise<ResolveView> {
    return this.transport.json('POST', `${topicUrl(route, topic)}/resolve`, { body });
  }

  exclusions(route: string, topic: string): Promise<ExclusionView> {
    return this.transport.json('GET', `${topicUrl(route, topic)}/exclusions`);
  }

  /** @throws ROUTE_UNKNOWN, TOPIC_NAME_ILLEGAL, INVALID_REQUEST */
  exclude(route: string, topic: string, body: ExclusionBody): Promise<ExclusionView> {
    return this.transport.json('PATCH', `${topicUrl(route, topic)}/exclusions`, { body });
  }

  /** What is ordered about a worker, whether it lives or not. */
  workerOrder(worker: string): Promise<WorkerOrderView> {
    return this.transport.json('GET', orderUrl(worker));
  }

  /** @throws ROUTE_UNKNOWN, INVALID_REQUEST */
  orderWorker(worker: string, body: WorkerOrderBody): Promise<WorkerOrderView> {
    return this.transport.json('PATCH', orderUrl(worker), { body });
  }

  async releaseWorker(worker: string): Promise<void> {
    await this.transport.send('DELETE', orderUrl(worker), {});
  }

  /** The topic with state, lag and worker of each partition. */
  describeTopic(route: string, topic: string): Promise<TopicDetail> {
    return this.transport.json('GET', `${topicUrl(route, topic)}/status`);
  }

  /** What keeps a partition from being copied, if anything does. @throws TOPIC_UNKNOWN */
  why(route: string, topic: string, partition: number): Promise<WhyView> {
    return this.transport.json('GET', `${topicUrl(route, topic)}/partitions/${partition}/why`);
  }

  assignment(): Promise<AssignmentView> {
    return this.transport.json('GET', '/assignment');
  }

  workers(): Promise<WorkerList> {
    return this.transport.json('GET', '/workers');
  }

  status(): Promise<FleetStatus> {
    return this.transport.json('GET', '/status');
  }

  /** What this controller knows as leader; NO_LEADER from one that does not lead. */
  problems(): Promise<ProblemList> {
    return this.transport.json('GET', '/problems');
  }

  /** The leader's latest plan, from any controller. @throws NO_LEADER */
  plan(options: { readonly own?: boolean } = {}): Promise<PlanView> {
    return this.transport.json('GET', '/plan', { query: options.own === true ? { own: 'true' } : {} });
  }

  /** @throws NO_LEADER */
  expectedWorkers(options: { readonly own?: boolean } = {}): Promise<ExpectedWorkersView> {
    return this.transport.json('GET', '/plan/expected-workers', { query: options.own === true ? { own: 'true' } : {} });
  }

  /** What would move; nothing is done. @throws NO_LEADER, INVALID_REQUEST */
  simulate(body: SimulateBody, options: { readonly own?: boolean } = {}): Promise<SimulationView> {
    return this.transport.json('POST', '/plan/simulate', { body, query: options.own === true ? { own: 'true' } : {} });
  }

  freeze(reason = ''): Promise<FreezeView> {
    return this.transport.json('PUT', '/plan/freeze', { body: { reason } });
  }

  /** The desired state as one document. */
  export(): Promise<FleetExport> {
    return this.transport.json('GET', '/export');
  }

  /** Puts an export into the store, part by part, and begins a new reign; may be repeated. @throws INVALID_REQUEST, PRECONDITION_FAILED */
  async import({ fleet, fleetId, epoch, nodes }: FleetExport): Promise<ImportView> {
    let written = 0;
    for (let from = 0; ; ) {
      let to = from;
      for (let bytes = 0; to < nodes.length && to - from < MAX_IMPORT_NODES; to++) {
        bytes += Buffer.byteLength(JSON.stringify(nodes[to]));
        if (to > from && bytes > MAX_IMPORT_BYTES) break;
      }
      const last = to === nodes.length;
      const body: ImportBody = { fleet, fleetId, epoch, nodes: nodes.slice(from, to), last };
      const view = await this.transport.json<ImportView>('POST', '/import', { body });
      written += view.written;
      if (last) return { written, epoch: view.epoch };
      from = to;
    }
  }

  frozen(): Promise<FreezeView> {
    return this.transport.json('GET', '/plan/freeze');
  }

  async thaw(): Promise<void> {
    await this.transport.send('DELETE', '/plan/freeze', {});
  }

  openapi(): Promise<Record<string, unknown>> {
    return this.transport.json('GET', '/openapi.json');
  }
}

function denialUrl(route: string, topic: string): string {
  return `${routeUrl(route)}/denials/${encodeURIComponent(topic)}`;
}

function orderUrl(worker: string): string {
  return `/workers/${encodeURIComponent(worker)}/order`;
}
