import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Route } from '../../../common/model/route.js';
import { type Logger, silentLogger } from '../../../common/observability/logger.js';
import { Metrics } from '../../../common/observability/metrics.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { DEFAULT_GROUP_SYNC } from '../../../controller/groups/group-filter.js';
import { GroupSyncs, type PositionReader } from '../../../controller/groups/group-syncs.js';
import type { Term } from '../../../controller/loop/leader-works.js';
import type { ClusterClients } from '../../../controller/metadata/cluster-clients.js';
import { routeOf, until } from './kit.js';

const SYNCED = routeOf('synced', { groups: { ...DEFAULT_GROUP_SYNC, intervalMs: 100 } });

/** Routes without topics: no cluster is asked anything. */
function termOf(routes: () => readonly Route[], signal: AbortSignal): Term {
  return {
    epoch: 1,
    signal,
    routes,
    entries: () => [],
    wanted: () => new Map(),
    isDenied: () => false,
    routeVersion: () => 1,
    write: () => Promise.resolve([]),
    lookAgain: () => Promise.resolve(),
  };
}

function syncsOf(reader: PositionReader, logger: Logger = silentLogger): GroupSyncs {
  return new GroupSyncs({
    clients: { of: () => ({}) } as unknown as ClusterClients,
    maps: { read: () => Promise.resolve(new Map()) },
    reader,
    fleet: 'f',
    clock: systemClock,
    logger,
    metrics: new Metrics({ version: 'test', role: 'controller' }),
  });
}

describe('the leader’s passes over groups', () => {
  test('come at the interval of each route, those included that only checkpoints want; a route that goes is not looked at any more', async () => {
    const seen: string[] = [];
    const reader: PositionReader = {
      intervalMs: ({ name }) => (name === 'read' ? 100 : undefined),
      take: ({ name }) => Promise.resolve(void seen.push(name)),
      forget: () => void seen.push('forget'),
    };
    let routes: readonly Route[] = [SYNCED, routeOf('read'), routeOf('neither')];
    const stop = new AbortController();
    const syncs = syncsOf(reader);
    assert.equal(syncs.isLeading, false);
    await assert.rejects(syncs.syncNow('synced', { takeover: false }), { code: 'NO_LEADER' });
    const running = syncs.run(termOf(() => routes, stop.signal));
    const times = (name: string): number => seen.filter((each) => each === name).length;
    await until(() => times('synced') > 2 && times('read') > 2);
    assert.deepEqual([seen[0], times('neither')], ['forget', 0]);
    assert.deepEqual((await syncs.report('synced')).results, []);
    routes = [SYNCED];
    await until(() => times('synced') > 5);
    const before = times('read');
    await until(() => times('synced') > 8);
    assert.equal(times('read'), before);
    await assert.rejects(syncs.syncNow('nowhere', { takeover: false }), { code: 'ROUTE_UNKNOWN' });
    stop.abort();
    await running;
    assert.equal(syncs.isLeading, false);
  });

  test('go on where whoever reads along fails, which is said once', async () => {
    const said: string[] = [];
    const logger = Object.assign(Object.create(silentLogger) as Logger, {
      warn: (event: string) => void said.push(event),
    });
    let takes = 0;
    const reader: PositionReader = {
      intervalMs: () => undefined,
      take: () => {
        takes += 1;
        return Promise.reject(new Error('its topic cannot be made'));
      },
      forget: () => undefined,
    };
    const stop = new AbortController();
    const syncs = syncsOf(reader, logger);
    const running = syncs.run(termOf(() => [SYNCED], stop.signal));
    await until(() => takes > 3);
    assert.deepEqual((await syncs.report('synced')).results, []);
    stop.abort();
    await running;
    assert.deepEqual(said, ['mm2.failed']);
  });
});
