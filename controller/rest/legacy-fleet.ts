import { type Request, type Response, Router } from 'express';
import { isCausewayError } from '../../common/errors/error.js';
import type { Clock } from '../../common/runtime/clock.js';
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
  router.get('/instances', async (_request, response) => await show(response, undefined));
  router.get('/instances/:worker', async (request, response) => await show(response, request.params.worker));
  // The leader balances all the time: there is nothing to set off.
  router.post('/instances', (_request, response) => say(response, 200, 'Cluster is rebalanced\n'));
  router.post('/instances/:worker', async (request, response) => {
    const { worker } = request.params;
    const order = await orders.worker(worker);
    // Routes it is dedicated to are another matter.
    if (order?.routes !== undefined) await orders.orderWorker(worker, { role: 'active', reason: ORDERED_BY });
    else if (order !== undefined) await orders.releaseWorker(worker);
    say(response, 200, `Instance ${clean(worker)} is whitelisted`);
  });
  router.delete('/instances', (_request, response) => say(response, 200, 'Instance name is required to blacklist'));
  router.delete('/instances/:worker', async (request, response) => {
    const { worker } = request.params;
    await orders.orderWorker(worker, { role: 'drained', reason: ORDERED_BY });
    say(response, 200, `Instance ${clean(worker)} is blacklisted`);
  });
}

function blacklistPaths(router: Router, options: LegacyFleetOptions): void {
  const { views, routes } = options;
  router.get('/blacklist', async (_request, response) => {
    const { route } = await routes.legacy();
    const excluded = await views.exclusions(route.name);
    const blacklist = excluded.flatMap(({ topic, partitions }) =>
      partitions.map((partition) => ({ partition, topic })),
    );
    json(response, { blacklist });
  });
  router.post('/blacklist', async (request, response) => await changeBlacklist(options, request, response));
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

function adminPaths(router: Router, { orders, views, routes, plan, clock }: LegacyFleetOptions): void {
  const noSuch = (_request: Request, response: Response): void => json(response, { opt: 'No valid input!' });
  router.get('/admin/autobalancing_status', async (_request, response) => {
    json(response, { auto_balancing: (await orders.frozen()) === undefined });
  });
  router.get('/admin/workloadinfo', async (_request, response) => {
    const { route } = await routes.legacy();
    const view = workloadView({
      partitions: await views.partitions(route.name),
      workers: await views.workers(),
      autoBalancing: (await orders.frozen()) === undefined,
      expectedWorkers: (await plan.expectedWorkers(false)).expected,
      nowMs: clock.wallMs(),
    });
    json(response, view);
  });
  router.get('/admin/:opt', noSuch);
  router.post('/admin/disable_autobalancing', async (_request, response) => {
    if ((await orders.frozen()) === undefined) await orders.freeze(ORDERED_BY);
    json(response, { opt: 'disable_autobalancing', auto_balancing: false });
  });
  router.post('/admin/enable_autobalancing', async (_request, response) => {
    await orders.thaw();
    json(response, { opt: 'enable_autobalancing', auto_balancing: true });
  });
  router.post('/admin/:opt', noSuch);
}

function reportPaths(router: Router, { routes, topics, views }: LegacyFleetOptions): void {
  const partitions = async () => await views.partitions((await routes.legacy()).route.name);
  router.get('/noprogress', async (_request, response) => json(response, noProgressView(await partitions())));
  router.get('/offset', async (_request, response) => say(response, 200, offsetsText(await partitions())));
  router.get('/offset/:topic/:partition', async (request, response) => {
    const { topic, partition } = request.params;
    if (!/^\d{1,9}$/.test(partition)) return say(response, 500, 'Parameter partition should be Integer');
    const found = (await partitions()).find((one) => one.topic === topic && one.partition === Number(partition));
    if (found?.lagRecords !== null && found !== undefined) return say(response, 200, String(found.lagRecords));
    say(response, 404, `No lag is known of topic: ${clean(topic)}, partition: ${partition}`);
  });
  router.get('/validation/srcKafka', async (_request, response) => {
    const { route } = await routes.legacy();
    const assigned = await views.partitions(route.name);
    const excluded = new Map((await views.exclusions(route.name)).map((one) => [one.topic, one.partitions.length]));
    const atSource = await topics.partitionsAtSource(route);
    const compared = [...atSource].map(([topic, count]) => {
      const mirrored = assigned.filter((one) => one.topic === topic).length + (excluded.get(topic) ?? 0);
      return { topic, mirrored, atSource: count };
    });
    json(response, sourceValidationView(compared));
  });
  const validate = async (_request: Request, response: Response): Promise<void> => {
    json(response, validationView((await routes.legacy()).route.name, await views.assignment()));
  };
  router.get('/validation', validate);
  router.get('/validation/:any', validate);
}
