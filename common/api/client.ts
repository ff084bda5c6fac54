import { ERROR_CODES, type ErrorCode } from '../errors/codes.js';
import { CausewayError, messageOf } from '../errors/error.js';
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
import { problemBody } from './desired-shapes.js';
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
import type { DenialList, DenialView, SelectionBody, SelectionView } from './selection-shapes.js';
import type { FleetExport, ImportBody, ImportView } from './transfer-shapes.js';
import type { WhyView } from './why-shapes.js';

const DEFAULT_TIMEOUT_MS = 30_000;

export interface ClientOptions {
  /** `http://host:port` of any controller. */
  readonly baseUrl: string;
  readonly token?: string;
  /** Whole request; 30 s unless said. */
  readonly timeoutMs?: number;
}

/** A resource as read, with the ETag that a later write may demand. */
export interface Versioned<T> {
  readonly value: T;
  readonly etag: string;
}

export interface Page {
  readonly limit?: number;
  readonly cursor?: string;
}

interface Sent {
  readonly body?: unknown;
  readonly ifMatch?: string | undefined;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
}

/** Of one part of an import: a body may have 64 KiB. */
const MAX_IMPORT_BYTES = 48 * 1024;
const MAX_IMPORT_NODES = 1_000;

/**
 * Typed client of /api/v1, used by the CLI, the demo and tests. Failures are CausewayErrors with the code of the problem document;
 * CLUSTER... of the transport itself come as CONNECTION_LOST or REQUEST_TIMEOUT.
 */
export class CausewayClient {
  readonly #options: ClientOptions;
  readonly #base: string;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#base = `${options.baseUrl.replace(/\/+$/, '')}/api/v1`;
  }

  listRoutes(page: Page = {}): Promise<RouteList> {
    return this.#json('GET', '/routes', { query: { ...page } });
  }

  getRoute(route: string): Promise<Versioned<RouteView>> {
    return this.#versioned('GET', routeUrl(route));
  }

  /** Creates the route, or replaces it where `ifMatch` says which version is meant. */
  putRoute(route: string, body: RouteBody, ifMatch?: string): Promise<Versioned<RouteView>> {
    return this.#versioned('PUT', routeUrl(route), { body, ifMatch });
  }

  patchRoute(route: string, body: RoutePatch, ifMatch?: string): Promise<Versioned<RouteView>> {
    return this.#versioned('PATCH', routeUrl(route), { body, ifMatch });
  }

  async deleteRoute(route: string, ifMatch?: string): Promise<void> {
    await this.#send('DELETE', routeUrl(route), { ifMatch });
  }

  /** What the route's selection makes of the topics at the source; of another selection, where one is to be tried. */
  selection(route: string, tried?: SelectionBody): Promise<SelectionView> {
    const url = `${routeUrl(route)}/selection`;
    return tried === undefined ? this.#json('GET', url) : this.#json('POST', `${url}/preview`, { body: tried });
  }

  denials(route: string, page: Page = {}): Promise<DenialList> {
    return this.#json('GET', `${routeUrl(route)}/denials`, { query: { ...page } });
  }

  /** The route never selects the topic again; where it is mirrored it stops. */
  denyTopic(route: string, topic: string, reason = ''): Promise<DenialView> {
    return this.#json('PUT', denialUrl(route, topic), { body: { reason } });
  }

  async allowTopic(route: string, topic: string): Promise<void> {
    await this.#send('DELETE', denialUrl(route, topic), {});
  }

  listTopics(route: string, page: Page = {}): Promise<TopicList> {
    return this.#json('GET', `${routeUrl(route)}/topics`, { query: { ...page } });
  }

  /** @throws TOPIC_EXISTS, TOPIC_UNKNOWN_AT_SOURCE, TOPIC_NAME_ILLEGAL, TARGET_CONFLICT, CLUSTER_UNREACHABLE, ROUTE_UNKNOWN */
  addTopic(route: string, body: NewTopicBody): Promise<Versioned<TopicView>> {
    return this.#versioned('POST', `${routeUrl(route)}/topics`, { body });
  }

  getTopic(route: string, topic: string): Promise<Versioned<TopicView>> {
    return this.#versioned('GET', topicUrl(route, topic));
  }

  putTopic(route: string, topic: string, body: TopicBody, ifMatch?: string): Promise<Versioned<TopicView>> {
    return this.#versioned('PUT', topicUrl(route, topic), { body, ifMatch });
  }

  patchTopic(route: string, topic: string, body: TopicPatch, ifMatch?: string): Promise<Versioned<TopicView>> {
    return this.#versioned('PATCH', topicUrl(route, topic), { body, ifMatch });
  }

  async deleteTopic(route: string, topic: string, ifMatch?: string): Promise<void> {
    await this.#send('DELETE', topicUrl(route, topic), { ifMatch });
  }

  /** Leaves source records out for good. @throws TOPIC_UNKNOWN, PARTITIONS_BEYOND_SOURCE, INVALID_REQUEST */
  skip(route: string, topic: string, body: SkipBody): Promise<SkipView> {
    return this.#json('POST', `${topicUrl(route, topic)}/skip`, { body });
  }

  /** Lets go on what stopped because a topic is not what it was. @throws TOPIC_UNKNOWN, NOTHING_TO_RESOLVE */
  resolve(route: string, topic: string, body: ResolveBody): Promise<ResolveView> {
    return this.#json('POST', `${topicUrl(route, topic)}/resolve`, { body });
  }

  exclusions(route: string, topic: string): Promise<ExclusionView> {
    return this.#json('GET', `${topicUrl(route, topic)}/exclusions`);
  }

  /** @throws ROUTE_UNKNOWN, TOPIC_NAME_ILLEGAL, INVALID_REQUEST */
  exclude(route: string, topic: string, body: ExclusionBody): Promise<ExclusionView> {
    return this.#json('PATCH', `${topicUrl(route, topic)}/exclusions`, { body });
  }

  /** What is ordered about a worker, whether it lives or not. */
  workerOrder(worker: string): Promise<WorkerOrderView> {
    return this.#json('GET', orderUrl(worker));
  }

  /** @throws ROUTE_UNKNOWN, INVALID_REQUEST */
  orderWorker(worker: string, body: WorkerOrderBody): Promise<WorkerOrderView> {
    return this.#json('PATCH', orderUrl(worker), { body });
  }

  async releaseWorker(worker: string): Promise<void> {
    await this.#send('DELETE', orderUrl(worker), {});
  }

  /** The topic with state, lag and worker of each partition. */
  describeTopic(route: string, topic: string): Promise<TopicDetail> {
    return this.#json('GET', `${topicUrl(route, topic)}/status`);
  }

  /** What keeps a partition from being copied, if anything does. @throws TOPIC_UNKNOWN */
  why(route: string, topic: string, partition: number): Promise<WhyView> {
    return this.#json('GET', `${topicUrl(route, topic)}/partitions/${partition}/why`);
  }

  assignment(): Promise<AssignmentView> {
    return this.#json('GET', '/assignment');
  }

  workers(): Promise<WorkerList> {
    return this.#json('GET', '/workers');
  }

  status(): Promise<FleetStatus> {
    return this.#json('GET', '/status');
  }

  /** What this controller knows as leader; NO_LEADER from one that does not lead. */
  problems(): Promise<ProblemList> {
    return this.#json('GET', '/problems');
  }

  /** The leader's latest plan, from any controller. @throws NO_LEADER */
  plan(options: { readonly own?: boolean } = {}): Promise<PlanView> {
    return this.#json('GET', '/plan', { query: options.own === true ? { own: 'true' } : {} });
  }

  /** @throws NO_LEADER */
  expectedWorkers(options: { readonly own?: boolean } = {}): Promise<ExpectedWorkersView> {
    return this.#json('GET', '/plan/expected-workers', { query: options.own === true ? { own: 'true' } : {} });
  }

  /** What would move; nothing is done. @throws NO_LEADER, INVALID_REQUEST */
  simulate(body: SimulateBody, options: { readonly own?: boolean } = {}): Promise<SimulationView> {
    return this.#json('POST', '/plan/simulate', { body, query: options.own === true ? { own: 'true' } : {} });
  }

  freeze(reason = ''): Promise<FreezeView> {
    return this.#json('PUT', '/plan/freeze', { body: { reason } });
  }

  /** The desired state as one document. */
  export(): Promise<FleetExport> {
    return this.#json('GET', '/export');
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
      const view = await this.#json<ImportView>('POST', '/import', { body });
      written += view.written;
      if (last) return { written, epoch: view.epoch };
      from = to;
    }
  }

  frozen(): Promise<FreezeView> {
    return this.#json('GET', '/plan/freeze');
  }

  async thaw(): Promise<void> {
    await this.#send('DELETE', '/plan/freeze', {});
  }

  openapi(): Promise<Record<string, unknown>> {
    return this.#json('GET', '/openapi.json');
  }

  async #json<T>(method: string, path: string, sent: Sent = {}): Promise<T> {
    const response = await this.#send(method, path, sent);
    return (await this.#read(response)) as T;
  }

  async #versioned<T>(method: string, path: string, sent: Sent = {}): Promise<Versioned<T>> {
    const response = await this.#send(method, path, sent);
    return { value: (await this.#read(response)) as T, etag: response.headers.get('etag') ?? '' };
  }

  async #read(response: Response): Promise<unknown> {
    try {
      return await response.json();
    } catch (error) {
      throw this.#transportError(error);
    }
  }

  async #send(method: string, path: string, { body, ifMatch, query = {} }: Sent): Promise<Response> {
    const url = new URL(`${this.#base}${path}`);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const { token, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options;
    const headers: Record<string, string> = { accept: 'application/json' };
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (ifMatch !== undefined) headers['if-match'] = ifMatch;
    let response: Response;
    try {
      const init: RequestInit = { method, headers, signal: AbortSignal.timeout(timeoutMs), redirect: 'error' };
      response = await fetch(url, body === undefined ? init : { ...init, body: JSON.stringify(body) });
    } catch (error) {
      throw this.#transportError(error);
    }
    if (!response.ok) throw await failureOf(response);
    return response;
  }

  #transportError(error: unknown): CausewayError {
    const address = this.#options.baseUrl;
    if (error instanceof Error && error.name === 'TimeoutError') {
      return new CausewayError('REQUEST_TIMEOUT', 'the controller did not answer in time', {
        place: { address },
        cause: error,
      });
    }
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    return new CausewayError('CONNECTION_LOST', `the controller cannot be reached: ${messageOf(cause)}`, {
      place: { address },
      fix: 'Check the address and whether the controller runs.',
      cause: error,
    });
  }
}

function routeUrl(route: string): string {
  return `/routes/${encodeURIComponent(route)}`;
}

function topicUrl(route: string, topic: string): string {
  return `${routeUrl(route)}/topics/${encodeURIComponent(topic)}`;
}

function denialUrl(route: string, topic: string): string {
  return `${routeUrl(route)}/denials/${encodeURIComponent(topic)}`;
}

function orderUrl(worker: string): string {
  return `/workers/${encodeURIComponent(worker)}/order`;
}

async function failureOf(response: Response): Promise<CausewayError> {
  const text = await response.text().catch(() => '');
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  const problem = problemBody.safeParse(body);
  if (!problem.success || !(problem.data.code in ERROR_CODES)) {
    return new CausewayError('INTERNAL_INVARIANT', `the answer ${response.status} is not one of a controller`);
  }
  const { code, detail, errors, fix } = problem.data;
  const faults = errors.map((fault) => `${fault.pointer === '' ? '' : `${fault.pointer}: `}${fault.detail}`).join('; ');
  const message = faults === '' ? detail : `${detail}: ${faults}`;
  return new CausewayError(code as ErrorCode, message, fix === undefined ? {} : { fix });
}
