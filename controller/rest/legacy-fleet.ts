import { type Request, type RequestHandler, type Response, Router } from 'express';
import { isCausewayError } from '../../common/errors/error.js';
import type { Clock } from '../../common/runtime/clock.js';
import { on, param } from './endpoint.js';
import type { LeaderPlan } from './leader-plan.js';
import {
  instancesView,
  noProgressView,
  offsetsText,
  sourceValidationView,
  validationView,
  workloadView,
} from './legacy-reports.js';
import { clean, say } from './legacy-text.js';
import type { OrderService } from './order-service.js';
import type { RouteService } from './route-service.js';
import type { TopicService } from './topic-service.js';
import type { FleetViews } from './views.js';

/*
 * uReplicator's paths about instances, single partitions, balancing and progress, with its replies to the letter. Its partition blacklist
 * is our list of excluded partitions, its blacklisted instances are drained ones, its auto-balancing is off in a freeze.
 */

export interface LegacyFleetOptions {
  readonly routes: RouteService;
  readonly topics: TopicService;
  readonly orders: OrderService;
  readonly views: FleetViews;
  readonly plan: LeaderPlan;
  readonly clock: Clock;
}

const ORDERED_BY = 'ordered over uReplicator’s paths';

export function legacyFleetRouter(options: LegacyFleetOptions): Router {
  const router = Router();
  instancePaths(router, options);
  blacklistPaths(router, options);
  adminPaths(router, options);
  reportPaths(router, options);
  return router;
}

function json(response: Response, value: unknown): void {
  say(response, 200, JSON.stringify(value));
}

function instancePaths(router: Router, { views, routes, orders }: LegacyFleetOptions): void {
  const show = async (response: Response, only: string | undefined): Promise<void> => {
    const { route } = await routes.legacy();
    json(response, instancesView(await views.partitions(route.name), await views.workers(), only));
  };
  on(router, '/instances', {
    get: async (_request, response) => await show(response, undefined),
    // The leader balances all the time: there is nothing to set off.
    post: (_request, response) => say(response, 200, 'Cluster is rebalanced\n'),
    delete: (_request, response) => say(response, 200, 'Instance name is required to blacklist'),
  });
  on(router, '/instances/:worker', {
    get: async (request, response) => await show(response, param(request, 'worker')),
    post: async (request, response) => {
      const worker = param(request, 'worker');
      const order = await orders.worker(worker);
      // Routes it is dedicated to are another matter.
      if (order?.routes !== undefined) await orders.orderWorker(worker, { role: 'active', reason: ORDERED_BY });
      else if (order !== undefined) await orders.releaseWorker(worker);
      say(response, 200, `Instance ${clean(worker)} is whitelisted`);
    },
    delete: async (request, response) => {
      const worker = param(request, 'worker');
      await orders.orderWorker(worker, { role: 'drained', reason: ORDERED_BY });
      say(response, 200, `Instance ${clean(worker)} is blacklisted`);
    },
  });
}

function blacklistPaths(router: Router, options: LegacyFleetOptions): void {
  const { views, routes } = options;
  on(router, '/blacklist', {
    get: async (_request, response) => {
      const { route } = await routes.legacy();
      const excluded = await views.exclusions(route.name);
      const blacklist = excluded.flatMap(({ topic, partitions }) =>
        partitions.map((partition) => ({ partition, topic })),
      );
      json(response, { blacklist });
    },
    post: async (request, response) => await changeBlacklist(options, request, response),
  });
}

async function changeBlacklist(options: LegacyFleetOptions, request: Request, response: Response): Promise<void> {
  const { routes, views, orders } = options;
  const { topic, partition: text, opt } = request.query;
  if (typeof topic !== 'string' || typeof text !== 'string' || typeof opt !== 'string') {
    return say(response, 400, 'Parameter topic, partition and opt are required.');
  }
  if (opt !== 'blacklist' && opt !== 'whitelist') return say(response, 400, 'Invalid parameter opt');
  if (!/^[+-]?\d{1,9}$/.test(text)) return say(response, 400, 'Parameter partition should be Integer');
  const partition = Number(text);
  const place = `Topic ${clean(topic)}, partition ${partition}`;
  const { route } = await routes.legacy();
  const excluded = (await views.exclusions(route.name)).find((one) => one.topic === topic)?.partitions ?? [];
  if (!excluded.includes(partition) && !(await isMirrored(options, topic, partition))) {
    return say(response, 400, `${place} not exists in current route.`);
  }
  if (excluded.includes(partition) === (opt === 'blacklist')) {
    return say(response, 400, `${place} already set ${opt === 'blacklist' ? 'OFFLINE' : 'ONLINE'}`);
  }
  const change = opt === 'blacklist' ? { add: [partition], remove: [] } : { add: [], remove: [partition] };
  await orders.exclude(route.name, topic, { ...change, reason: ORDERED_BY });
  say(response, 200, 'OK');
}

/** By the entry and the source; where that does not answer, by what is assigned. */
async function isMirrored(
  { routes, topics, views }: LegacyFleetOptions,
  topic: string,
  partition: number,
): Promise<boolean> {
  const { route } = await routes.legacy();
  const stored = await topics.find(route.name, topic);
  if (stored === undefined || partition < 0) return false;
  if (stored.entry.partitions !== 'all') return partition < stored.entry.partitions;
  try {
    return partition < (await topics.source(route, topic)).partitions;
  } catch (error) {
    if (!isCausewayError(error)) throw error;
    const assigned = await views.partitions(route.name);
    return assigned.some((one) => one.topic === topic && one.partition === partition);
  }
}

/** Whatever it does not know under /admin it answers with 200, so that a path that is known takes both methods. */
function adminPaths(router: Router, { orders, views, routes, plan, clock }: LegacyFleetOptions): void {
  const noSuch: RequestHandler = (_request, response) => json(response, { opt: 'No valid input!' });
  on(router, '/admin/autobalancing_status', {
    get: async (_request, response) => json(response, { auto_balancing: (await orders.frozen()) === undefined }),
    post: noSuch,
  });
  on(router, '/admin/workloadinfo', {
    get: async (_request, response) => {
      const { route } = await routes.legacy();
      const view = workloadView({
        partitions: await views.partitions(route.name),
        workers: await views.workers(),
        autoBalancing: (await orders.frozen()) === undefined,
        expectedWorkers: (await plan.expectedWorkers(false)).expected,
        nowMs: clock.wallMs(),
      });
      json(response, view);
    },
    post: noSuch,
  });
  on(router, '/admin/disable_autobalancing', {
    get: noSuch,
    post: async (_request, response) => {
      if ((await orders.frozen()) === undefined) await orders.freeze(ORDERED_BY);
      json(response, { opt: 'disable_autobalancing', auto_balancing: false });
    },
  });
  on(router, '/admin/enable_autobalancing', {
    get: noSuch,
    post: async (_request, response) => {
      await orders.thaw();
      json(response, { opt: 'enable_autobalancing', auto_balancing: true });
    },
  });
  on(router, '/admin/:opt', { get: noSuch, post: noSuch });
}

function reportPaths(router: Router, { routes, topics, views }: LegacyFleetOptions): void {
  const partitions = async () => await views.partitions((await routes.legacy()).route.name);
  on(router, '/noprogress', {
    get: async (_request, response) => json(response, noProgressView(await partitions())),
  });
  on(router, '/offset', {
    get: async (_request, response) => say(response, 200, offsetsText(await partitions())),
  });
  on(router, '/offset/:topic/:partition', {
    get: async (request, response) => {
      const [topic, partition] = [param(request, 'topic'), param(request, 'partition')];
      if (!/^\d{1,9}$/.test(partition)) return say(response, 500, 'Parameter partition should be Integer');
      const found = (await partitions()).find((one) => one.topic === topic && one.partition === Number(partition));
      if (found?.lagRecords !== null && found !== undefined) return say(response, 200, String(found.lagRecords));
      say(response, 404, `No lag is known of topic: ${clean(topic)}, partition: ${partition}`);
    },
  });
  on(router, '/validation/srcKafka', {
    get: async (_request, response) => {
      const { route } = await routes.legacy();
      const assigned = await views.partitions(route.name);
      const excluded = new Map((await views.exclusions(route.name)).map((one) => [one.topic, one.partitions.length]));
      const atSource = await topics.partitionsAtSource(route);
      const compared = [...atSource].map(([topic, count]) => {
        const mirrored = assigned.filter((one) => one.topic === topic).length + (excluded.get(topic) ?? 0);
        return { topic, mirrored, atSource: count };
      });
      json(response, sourceValidationView(compared));
    },
  });
  const validate: RequestHandler = async (_request, response) =>
    json(response, validationView((await routes.legacy()).route.name, await views.assignment()));
  on(router, '/validation', { get: validate });
  on(router, '/validation/:any', { get: validate });
}
