import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StoreOp } from '../../../common/coordination/ports.js';
import { CausewayError } from '../../../common/errors/error.js';
import type { Mm2Settings } from '../../../common/model/mm2.js';
import type { Route, TopicEntry } from '../../../common/model/route.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { Metrics } from '../../../common/observability/metrics.js';
import { systemClock } from '../../../common/runtime/clock.js';
import type { Term } from '../../../controller/loop/leader-works.js';
import type { Mm2Deps } from '../../../controller/mm2/deps.js';
import { HeartbeatTopics } from '../../../controller/mm2/heartbeat-topics.js';
import { routeOf, until } from './kit.js';

const MM2: Mm2Settings = {
  heartbeats: 'target',
  heartbeatIntervalMs: 1_000,
  checkpoints: false,
  checkpointIntervalMs: 1_000,
  offsetSyncs: 'off',
  offsetLagMax: 100,
  offsetSyncIntervalMs: 1_000,
};
const PREFIXED = routeOf('r', { naming: { policy: 'default', separator: '.' }, mm2: MM2 });

interface World {
  readonly routes?: readonly Route[];
  readonly entries?: readonly Pick<TopicEntry, 'route' | 'topic'>[];
  readonly denied?: readonly string[];
  /** The first write finds no parent. */
  readonly isFirst?: boolean;
}

/** Which topics of the source get an entry in the first look, as `route/topic`; and how many writes that took. */
async function taken(topics: readonly string[], world: World = {}): Promise<{ taken: string[]; writes: number }> {
  const { routes = [PREFIXED], entries = [], denied = [], isFirst = false } = world;
  const stop = new AbortController();
  const found: string[] = [];
  let looks = 0;
  let writes = 0;
  const client = {
    metadata: () => {
      looks += 1;
      return Promise.resolve({ topics: new Map(topics.map((topic) => [topic, {}])) });
    },
  };
  const term: Term = {
    epoch: 1,
    signal: stop.signal,
    routes: () => routes,
    entries: (route) => entries.filter((entry) => entry.route === route) as TopicEntry[],
    wanted: () => new Map(),
    isDenied: (route, topic) => denied.includes(`${route}/${topic}`),
    routeVersion: () => 3,
    lookAgain: () => Promise.resolve(),
    write: (ops: readonly StoreOp[]) => {
      writes += 1;
      assert.deepEqual(ops[0], { type: 'check', path: '/routes/r', version: 3 });
      if (isFirst && writes === 1) return Promise.reject(new CausewayError('NODE_MISSING', 'no parent'));
      found.push(ops.at(-1)?.path.replace('/topics/', '') ?? '');
      return Promise.resolve([]);
    },
  };
  const deps = {
    clients: { of: () => client },
    clock: systemClock,
    logger: silentLogger,
    metrics: new Metrics({ version: 'test', role: 'controller' }),
  } as unknown as Mm2Deps;
  const running = new HeartbeatTopics(deps).run(term);
  if (routes.some(({ mm2 }) => mm2 !== undefined && mm2.heartbeats !== 'off')) await until(() => looks > 0);
  await new Promise((resolve) => setTimeout(resolve, 20));
  stop.abort();
  await running;
  return { taken: found.sort(), writes };
}

describe('heartbeats of the source', () => {
  test('are mirrored hop by hop, whatever the route selects, and never back to where they were', async () => {
    const topics = [
      'heartbeats',
      'north.heartbeats',
      'west.heartbeats',
      'north.west.heartbeats',
      'orders',
      'my-heartbeats',
    ];
    assert.deepEqual((await taken(topics)).taken, ['r/heartbeats', 'r/north.heartbeats']);
  });

  test('of Causeway’s own they are none', async () => {
    assert.deepEqual((await taken(['causeway.fleet.heartbeats'])).taken, []);
  });

  test('are left alone where they are mirrored already, denied, or mirrored into the same name by another route', async () => {
    const other = { ...PREFIXED, name: 'other' };
    const mine = [{ route: 'r', topic: 'heartbeats' }];
    const theirs = [{ route: 'other', topic: 'heartbeats' }];
    assert.deepEqual((await taken(['heartbeats'], { entries: mine })).taken, []);
    assert.deepEqual((await taken(['heartbeats'], { denied: ['r/heartbeats'] })).taken, []);
    const quiet = { ...other, mm2: { ...MM2, heartbeats: 'off' as const } };
    assert.deepEqual((await taken(['heartbeats'], { routes: [PREFIXED, quiet], entries: theirs })).taken, []);
  });

  test('are not mirrored under a naming that no reader would understand, nor where the route has none of it', async () => {
    const named = routeOf('r', { naming: { policy: 'template', template: '{topic}.copy' }, mm2: MM2 });
    assert.deepEqual((await taken(['heartbeats'], { routes: [named] })).taken, []);
    const identity = routeOf('r', { naming: { policy: 'identity' }, mm2: MM2 });
    assert.deepEqual((await taken(['heartbeats'], { routes: [identity] })).taken, ['r/heartbeats']);
    assert.deepEqual((await taken(['heartbeats'], { routes: [routeOf('r')] })).taken, []);
  });

  test('the first topic of a route brings the parent of its topics', async () => {
    assert.deepEqual(await taken(['heartbeats'], { isFirst: true }), { taken: ['r/heartbeats'], writes: 2 });
  });
});
