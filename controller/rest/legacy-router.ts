import { type Request, type RequestHandler, type Response, Router } from 'express';
import { isCausewayError, messageOf } from '../../common/errors/error.js';
import { bodyText } from '../../common/http/body.js';
import { MAX_PARTITIONS_PER_TOPIC } from '../../common/model/topic-partition.js';
import type { Health } from '../../common/observability/health.js';
import { on, param } from './endpoint.js';
import { clean, say } from './legacy-text.js';
import { legacyTopicView } from './legacy-view.js';
import type { RouteService } from './route-service.js';
import type { TopicService } from './topic-service.js';
import type { FleetViews } from './views.js';

/*
 * uReplicator's own paths for topics, with its replies to the letter (its spelling included): its users' scripts cut fixed positions
 * out of them. Writes are accepted on any controller, bodies under any content type.
 */

export interface LegacyOptions {
  readonly routes: RouteService;
  readonly topics: TopicService;
  readonly views: FleetViews;
  readonly health: Health;
}

const ANY_STATE = { ifMatch: undefined, ifNoneMatch: undefined } as const;

interface Order {
  readonly topic: string;
  /** Undefined: as many as the source has. */
  readonly partitions: number | undefined;
}

export function legacyRouter(options: LegacyOptions): Router {
  const router = Router();
  on(router, '/health', {
    get: (_request, response) => {
      const ready = options.health.ready();
      say(response, ready ? 200 : 503, ready ? 'OK\n' : 'Unhealthy\n');
    },
  });
  const post: RequestHandler = async (request, response) => await add(options, request, response);
  const put: RequestHandler = async (request, response) => await expand(options, request, response);
  on(router, '/topics', { get: async (_request, response) => await list(options, response), post, put });
  on(router, '/topics/:topic', {
    get: async (request, response) => await show(options, param(request, 'topic'), response),
    post,
    put,
    delete: async (request, response) => await remove(options, param(request, 'topic'), response),
  });
  return router;
}

async function list({ routes, topics }: LegacyOptions, response: Response): Promise<void> {
  const { route } = await routes.legacy();
  const names = await topics.names(route.name);
  const text =
    names.length === 0
      ? 'No topic is added in MirrorMaker Controller!'
      : `Current serving topics: [${names.join(', ')}]`;
  say(response, 200, text);
}

async function show({ routes, topics, views }: LegacyOptions, topic: string, response: Response): Promise<void> {
  const { route } = await routes.legacy();
  const stored = await topics.find(route.name, topic);
  if (stored === undefined) {
    return say(response, 404, `Failed to get ExternalView for topic: ${clean(topic)}, it is not existed!`);
  }
  const view = legacyTopicView(route.name, topic, await views.assignment());
  // uReplicator sends JSON under text/plain too.
  say(response, 200, JSON.stringify(view));
}

async function add({ routes, topics }: LegacyOptions, request: Request, response: Response): Promise<void> {
  const order = readOrder(request);
  if (order === undefined)
    return say(response, 500, 'Failed to add new topic, with exception: the body is not a topic');
  const { route } = await routes.legacy();
  const topic = clean(order.topic);
  try {
    const options = { lenientPartitions: true };
    if (order.partitions === undefined) {
      // What uReplicator looks up it writes down; here it is what follows the source.
      const { partitions } = await topics.source(route, order.topic);
      await topics.add(route.name, order.topic, { partitions: 'all', paused: false, limits: {} }, options);
      return say(response, 200, added(topic, partitions));
    }
    await topics.add(route.name, order.topic, { partitions: order.partitions, paused: false, limits: {} }, options);
    say(response, 200, added(topic, order.partitions));
  } catch (error) {
    if (isCausewayError(error, 'TOPIC_EXISTS')) {
      return say(response, 404, `Failed to add new topic: ${topic}, it is already existed!`);
    }
    if (isCausewayError(error, 'TOPIC_UNKNOWN_AT_SOURCE')) {
      return say(response, 400, `Failed to add new topic: ${topic}, it's not exsited in source kafka cluster!`);
    }
    refuse(response, `Failed to add new topic: ${topic}, with exception: `, error);
  }
}

function added(topic: string, partitions: number): string {
  return `Successfully add new topic: {topic: ${topic}, partition: ${partitions}, pipeline: null}`;
}

async function expand({ routes, topics }: LegacyOptions, request: Request, response: Response): Promise<void> {
  const order = readOrder(request);
  if (order?.partitions === undefined) {
    return say(response, 500, 'Failed to expand topic, with exception: the body is not a topic with numPartitions');
  }
  const { route } = await routes.legacy();
  const topic = clean(order.topic);
  try {
    const options = { lenientPartitions: true };
    await topics.patch(route.name, order.topic, { partitions: order.partitions }, ANY_STATE, options);
    say(response, 200, `Successfully expand topic: {topic: ${topic}, partition: ${order.partitions}, pipeline: null}`);
  } catch (error) {
    if (isCausewayError(error, 'TOPIC_UNKNOWN')) {
      return say(response, 404, `Failed to expand topic, topic: ${topic} is not existed!`);
    }
    refuse(response, 'Failed to expand topic, with exception: ', error);
  }
}

async function remove({ routes, topics }: LegacyOptions, name: string, response: Response): Promise<void> {
  const { route } = await routes.legacy();
  const topic = clean(name);
  try {
    await topics.remove(route.name, name, ANY_STATE);
    say(response, 200, `Successfully finished delete topic: ${topic}`);
  } catch (error) {
    if (!isCausewayError(error, 'TOPIC_UNKNOWN')) throw error;
    await topics.denyUnserved(route.name, name);
    say(response, 404, `Failed to delete not existed topic: ${topic}`);
  }
}

/** uReplicator knows 500 only; a refusal of ours keeps its words and says with the status whose fault it is. */
function refuse(response: Response, words: string, error: unknown): void {
  if (!isCausewayError(error)) throw error;
  const status = error.info.httpStatus === 422 ? 400 : error.info.httpStatus === 503 ? 503 : 500;
  say(response, status, `${words}${clean(messageOf(error))}`);
}

/** The body beats the path; numbers come as text or numbers. Undefined: not an order at all. */
function readOrder(request: Request): Order | undefined {
  const named = (request.params as Record<string, string | undefined>)['topic'];
  const text = bodyText(request);
  if (text.trim() === '') return named === undefined ? undefined : { topic: named, partitions: undefined };
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof body !== 'object' || body === null) return undefined;
  const { topic, numPartitions } = body as { topic?: unknown; numPartitions?: unknown };
  const partitions =
    typeof numPartitions === 'string' && /^\d{1,9}$/.test(numPartitions) ? Number(numPartitions) : numPartitions;
  const sound =
    Number.isSafeInteger(partitions) &&
    (partitions as number) >= 1 &&
    (partitions as number) <= MAX_PARTITIONS_PER_TOPIC;
  return typeof topic === 'string' && sound ? { topic, partitions: partitions as number } : undefined;
}
