import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CausewayError } from '../../../common/errors/error.js';
import type { PartitionMap } from '../../../common/model/offset-map.js';
import type { Route, TopicEntry } from '../../../common/model/route.js';
import { type Logger, silentLogger } from '../../../common/observability/logger.js';
import { Metrics } from '../../../common/observability/metrics.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { DEFAULT_GROUP_SYNC } from '../../../controller/groups/group-filter.js';
import { GroupSyncs, type PositionReader } from '../../../controller/groups/group-syncs.js';
import type { GroupReport } from '../../../controller/groups/route-groups.js';
import type { Term } from '../../../controller/loop/leader-works.js';
import type { ClusterClients } from '../../../controller/metadata/cluster-clients.js';
import { FakeGroups } from './fake-groups.js';
import { routeOf, until } from './kit.js';

const SYNCED = routeOf('synced', { groups: { ...DEFAULT_GROUP_SYNC, intervalMs: 100 } });

/** Of routes without topics no cluster is asked anything. */
function termOf(
  routes: () => readonly Route[],
  signal: AbortSignal,
  entries: (route: string) => readonly TopicEntry[] = () => [],
): Term {
  return {
    epoch: 1,
    signal,
    routes,
    entries,
    wanted: () => new Map(),
    isDenied: () => false,
    routeVersion: () => 1,
    write: () => Promise.resolve([]),
    lookAgain: () => Promise.resolve(),
  };
}

function syncsOf(
  reader: PositionReader | undefined,
  logger: Logger = silentLogger,
  client: (cluster: string) => unknown = () => ({}),
): GroupSyncs {
  return new GroupSyncs({
    clients: { of: client } as unknown as ClusterClients,
    maps: { read: (_route, _topic, partitions) => Promise.resolve(new Map(partitions.map((one) => [one, COPIED]))) },
    ...(reader === undefined ? {} : { reader }),
    fleet: 'f',
    clock: systemClock,
    logger,
    metrics: new Metrics({ version: 'test', role: 'controller' }),
  });
}

/** What is read at 10 stands at 110 at the target. */
const COPIED: PartitionMap = {
  timeline: 1,
  runs: [{ source: 0n, target: 100n, length: 1_000n }],
  head: { source: 1_000n, target: 1_100n },
};

const entryOf = (route: string, topic = 't'): TopicEntry => {
  return { route, topic, partitions: 'all', paused: false, skips: [], limits: {}, addedAt: '' };
};
const RETIRED = { retired: { by: 'failover-1', at: '' } };

/** East and north are copied to west; the group g reads t at all three. */
class Fleet {
  readonly clusters = { east: new FakeGroups(), north: new FakeGroups(), west: new FakeGroups() };
  readonly #stop = new AbortController();
  readonly syncs: GroupSyncs;
  #running: Promise<void> = Promise.resolve();

  constructor(logger?: Logger, unknown?: string) {
    const { clusters } = this;
    clusters.east.given('g', 't', [10]);
    clusters.north.given('g', 't', [60]);
    this.syncs = syncsOf(undefined, logger, (cluster) => {
      if (cluster === unknown) throw new CausewayError('CLUSTER_UNKNOWN', `nobody knows ${cluster}`);
      return clusters[cluster as keyof typeof clusters].client(cluster);
    });
  }

  run(routes: readonly Route[], entries: (route: string) => readonly TopicEntry[] = (route) => [entryOf(route)]): void {
    this.#running = this.syncs.run(termOf(() => routes, this.#stop.signal, entries));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async verdicts(route: string): Promise<string[]> {
    await until(() => this.syncs.latest(route) !== undefined);
    const { results } = this.syncs.latest(route) as GroupReport;
    return results.map(({ group, verdict }) => `${group}: ${verdict.kind} ${verdict.reason}`);
  }
}

const groups = { ...DEFAULT_GROUP_SYNC, intervalMs: 100 };
const EAST = routeOf('from-east', { groups, delivery: 'transactional' });
const NORTH = routeOf('from-north', { groups, delivery: 'transactional', source: 'north' });

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

describe('a topic of the target that others write, too', () => {
  const firstRetired = (route: string) => [{ ...entryOf(route), ...(route === 'from-east' ? RETIRED : {}) }];
  for (const [what, delivery, entries] of [
    ['two transactional routes copy into it', 'transactional', (route: string) => [entryOf(route)]],
    ['one of them was retired, and what it copied is still there', 'transactional', firstRetired],
    ['the one that copied it exactly once was retired before the other began', 'exactly-once', firstRetired],
  ] as const) {
    test(`has no position for a group, whoever orders it: ${what}`, async (t) => {
      const fleet = new Fleet();
      t.after(() => fleet.stop());
      const routes = [EAST, NORTH].map((route) => ({ ...route, delivery }));
      fleet.run(routes, entries);
      for (const { name } of routes) {
        assert.deepEqual(await fleet.verdicts(name), ['g: refuse merged']);
        const { results } = await fleet.syncs.syncNow(name, { takeover: true });
        assert.deepEqual(
          results.map(({ verdict, translated }) => [verdict.reason, translated]),
          [['merged', null]],
        );
        assert.match(
          results[0]?.detail ?? '',
          /topic t of route from-(east|north) is copied into the target topic, too/,
        );
      }
      await fleet.stop();
      assert.deepEqual(fleet.clusters.west.commits, []);
    });
  }

  test('is not led from the other side where a group lives at both ends of a pair under one name', async (t) => {
    const pair = { groups, delivery: 'transactional', provenance: true } as const;
    const shared = { targetTopics: { create: true, shared: true } } as const;
    const fleet = new Fleet();
    t.after(() => fleet.stop());
    fleet.clusters.west.given('g', 't', [1]);
    fleet.run([
      routeOf('there', { ...pair, ...shared }),
      routeOf('back', { ...pair, ...shared, source: 'west', target: 'east' }),
    ]);
    assert.deepEqual(await fleet.verdicts('there'), ['g: refuse merged']);
    assert.deepEqual(await fleet.verdicts('back'), ['g: refuse merged']);
    await fleet.stop();
    assert.deepEqual([fleet.clusters.west.commits, fleet.clusters.east.commits], [[], []]);
  });

  test('counts only where both are copied: a topic of another name, another target, or a route that stays in conflict harm none', async (t) => {
    const fleet = new Fleet();
    t.after(() => fleet.stop());
    const { delivery } = EAST;
    const apart = routeOf('apart', { source: 'north', delivery, naming: { policy: 'default', separator: '.' } });
    const elsewhere = routeOf('elsewhere', { source: 'west', delivery, target: 'north' });
    const inConflict = routeOf('in-conflict', { source: 'north', delivery: 'exactly-once' });
    fleet.run([EAST, apart, elsewhere, inConflict]);
    assert.doesNotMatch((await fleet.verdicts('from-east')).join(), /merged/);
    await until(() => fleet.clusters.west.offset('g', 't') === 110n);
    await fleet.stop();
  });
});

describe('a route with a cluster that this controller does not know', () => {
  test('fails for itself, which is said once; the others go on', async (t) => {
    const said: string[] = [];
    const logger = Object.assign(Object.create(silentLogger) as Logger, {
      warn: (event: string, { route }: { readonly route: string }) => void said.push(`${event} ${route}`),
      debug: () => undefined,
    });
    const fleet = new Fleet(logger, 'mars');
    t.after(() => fleet.stop());
    fleet.run([routeOf('from-mars', { groups, source: 'mars' }), EAST]);
    await fleet.verdicts('from-east');
    const { east, west } = fleet.clusters;
    for (const at of [20, 30, 40]) {
      east.given('g', 't', [at]);
      await until(() => west.offset('g', 't') === BigInt(at + 100));
    }
    await assert.rejects(fleet.syncs.syncNow('from-mars', { takeover: false }), { code: 'CLUSTER_UNKNOWN' });
    await fleet.stop();
    assert.deepEqual(said, ['groups.failed from-mars']);
  });
});
