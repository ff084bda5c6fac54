import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StoreOp } from '../../../common/coordination/ports.js';
import type { ConfigChange } from '../../../common/kafka/wire/apis/incremental-alter-configs.js';
import type { PlanItem } from '../../../common/model/plan-item.js';
import { type Route, type TopicEntry, targetTopicOf } from '../../../common/model/route.js';
import type { TopicConfigs } from '../../../common/model/topic-config.js';
import type { TopicProgress } from '../../../common/model/topic-progress.js';
import { DEFAULT_TOPIC_SYNC, type TopicSync } from '../../../common/model/topic-sync.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { Metrics } from '../../../common/observability/metrics.js';
import { type Clock, systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';
import { byName } from '../../../controller/core/cluster-identity.js';
import type { Term } from '../../../controller/loop/leader-works.js';
import { TopicPart } from '../../../controller/sync/topic-part.js';
import type { TopicAdmin, TopicWorld } from '../../../controller/sync/topic-ports.js';
import { TopicSyncWork } from '../../../controller/sync/topic-sync-work.js';
import { VanishedTopics } from '../../../controller/sync/vanished-topics.js';
import { FakeKafka } from './fake-kafka.js';
import { routeOf, until } from './kit.js';

const START_MS = Date.parse('2026-05-01T00:00:00Z');
const DELAY_MS = 3_600_000;
/** What holds where a topic sets nothing. */
const DEFAULTS: Readonly<Record<string, string>> = { 'cleanup.policy': 'delete', 'retention.ms': '-1' };

function routeWith(name: string, sync: Partial<TopicSync['deletion']>, settings: Partial<Route> = {}): Route {
  const topicSync = {
    configs: { ...DEFAULT_TOPIC_SYNC.configs, intervalMs: 1 },
    deletion: { ...DEFAULT_TOPIC_SYNC.deletion, policy: 'delete', delayMs: DELAY_MS, ...sync },
  } as const;
  return routeOf(name, { topicSync, ...settings });
}

/** A leader's work over clusters that are only metadata; one ms of sleep, a wall clock that is set. */
class Bench {
  readonly kafka = new FakeKafka();
  readonly metrics = new Metrics({ version: 'test', role: 'controller' });
  readonly altered: [string, readonly ConfigChange[]][] = [];
  readonly deleted: string[] = [];
  /** By `route/topic`. */
  readonly entries = new Map<string, TopicEntry>();
  readonly #nodes = new Map<string, { data: Buffer; version: number }>();
  readonly #routes: readonly Route[];
  #end = new AbortController();
  #running: Promise<void> = Promise.resolve();
  wallMs = START_MS;

  constructor(...routes: Route[]) {
    this.#routes = routes;
  }

  /** A topic of the route, at both ends: made where it is missing. Configs are the source's. */
  mirrored(route: string, topic: string, configs: Record<string, string> = {}, entry: Partial<TopicEntry> = {}): void {
    const of = this.#routes.find(({ name }) => name === route) as Route;
    for (const [cluster, name] of [
      [of.source, topic],
      [of.target, targetTopicOf(of, topic)],
    ] as const) {
      if (this.kafka.topic(cluster, name) === undefined) this.kafka.addTopic(cluster, name, 1);
    }
    Object.assign(this.configsAt(of.source, topic), configs);
    const plain = { partitions: 'all', paused: false, skips: [], limits: {}, addedAt: '' } as const;
    this.entries.set(`${route}/${topic}`, { route, topic, ...plain, ...entry });
  }

  /** As they are set on the topic; may be changed. */
  configsAt(cluster: string, topic: string): Record<string, string> {
    return this.kafka.topic(cluster, topic)?.configs as Record<string, string>;
  }

  /** A new reign, over what was written. */
  begin(): void {
    const end = new AbortController();
    this.#end = end;
    const clock: Clock = {
      wallMs: () => this.wallMs,
      monotonicMs: () => systemClock.monotonicMs(),
      after: (delayMs, callback) => systemClock.after(delayMs, callback),
      sleep: (_delayMs, signal) => systemClock.sleep(1, signal),
    };
    const common = { clock, random: systemRandom, logger: silentLogger, metrics: this.metrics };
    const vanished = new VanishedTopics({ get: (path) => Promise.resolve(this.#nodes.get(path) as never) }, clock);
    const work = new TopicSyncWork({ ...common, part: this.#part(), vanished, metadata: this.kafka });
    const term = {
      signal: end.signal,
      routes: () => this.#routes,
      entries: (route: string) => this.#entriesOf(route),
      write: (ops: readonly StoreOp[]) => this.#write(ops),
    };
    this.#running = work.run(term as unknown as Term);
  }

  /** What an operator would be shown. */
  async plan(name: string): Promise<readonly PlanItem[]> {
    const route = this.#routes.find((one) => one.name === name) as Route;
    return (await this.#part().plan({ route, entries: this.#entriesOf(name) })).map(({ item }) => item);
  }

  async end(): Promise<void> {
    this.#end.abort();
    await this.#running;
  }

  /** So many times every route has been compared anew: both ends are listed each time. */
  async rounds(count: number): Promise<void> {
    const before = this.kafka.lists;
    await until(() => this.kafka.lists >= before + 3 * count * this.#routes.length);
  }

  async gauge(name: string): Promise<number> {
    const line = (await this.metrics.text()).split('\n').find((text) => text.startsWith(`${name}{`));
    return Number(line?.split(' ').at(-1));
  }

  #entriesOf(route: string): TopicEntry[] {
    return [...this.entries.values()].filter((entry) => entry.route === route);
  }

  #part(): TopicPart {
    const configsOf = (cluster: string, topic: string): TopicConfigs | undefined => {
      const own = this.kafka.topic(cluster, topic)?.configs;
      if (own === undefined) return undefined;
      const of = (name: string) => {
        const plain = { name, isReadOnly: false, isSensitive: false };
        return { ...plain, value: own[name] ?? DEFAULTS[name] ?? null, isOwn: name in own };
      };
      return new Map(Object.keys(DEFAULTS).map((name) => [name, of(name)]));
    };
    const topics: TopicAdmin = {
      configs: async (cluster, names) => {
        await this.kafka.describe(cluster, []);
        const found = names.map((topic) => [topic, configsOf(cluster, topic)] as const);
        return new Map(found.flatMap(([topic, configs]) => (configs === undefined ? [] : [[topic, configs] as const])));
      },
      alterConfigs: (cluster, changes) => {
        this.altered.push(...changes);
        for (const [topic, values] of changes) {
          const own = this.configsAt(cluster, topic);
          for (const { name, value } of values) {
            if (value === null) delete own[name];
            else own[name] = value;
          }
        }
        return Promise.resolve(new Map());
      },
      deleteTopic: (cluster, { topic }) => {
        this.deleted.push(topic);
        this.kafka.deleteTopic(cluster, topic);
        return Promise.resolve('deleted');
      },
    };
    const progress = (route: string, topic: string): TopicProgress => {
      const { target } = this.#routes.find(({ name }) => name === route) as Route;
      const targetTopicId = this.kafka.topic(target, topic)?.topicId ?? null;
      const names = { route, topic, sourceTopicId: 's', targetTopic: topic, targetTopicId };
      return { ...names, timeline: 1, started: [0], initialPartitions: 1 };
    };
    const world: TopicWorld = {
      routes: () => Promise.resolve(this.#routes),
      entry: (route, topic) => Promise.resolve(this.entries.get(`${route}/${topic}`)),
      entries: (route) => Promise.resolve(this.#entriesOf(route)),
      names: (route) => Promise.resolve(this.#entriesOf(route).map(({ topic }) => topic)),
      remembered: (route) => Promise.resolve(this.#entriesOf(route).map(({ topic }) => topic)),
      progress: (route, topic) => Promise.resolve(progress(route, topic)),
      forget: (route, topic) => {
        this.entries.delete(`${route}/${topic}`);
        return Promise.resolve();
      },
    };
    const identities = { learn: () => Promise.resolve(byName) };
    return new TopicPart({ metadata: this.kafka, admin: this.kafka, topics, world, identities });
  }

  #write(ops: readonly StoreOp[]): Promise<never[]> {
    for (const op of ops) {
      if (op.type === 'remove') this.#nodes.delete(op.path);
      else if (op.type === 'create' || op.type === 'set') {
        const version = (this.#nodes.get(op.path)?.version ?? -1) + 1;
        this.#nodes.set(op.path, { data: op.data, version });
      }
    }
    return Promise.resolve([]);
  }
}

async function withBench(routes: readonly Route[], use: (bench: Bench) => Promise<void>): Promise<void> {
  const bench = new Bench(...routes);
  try {
    await use(bench);
  } finally {
    await bench.end();
  }
}

describe('the leader’s work on topics', () => {
  test('changes what differs, and not on a route whose metadata is manual', async () => {
    await withBench(
      [routeWith('a', {}), routeWith('m', {}, { metadata: 'manual', target: 'north' })],
      async (bench) => {
        bench.mirrored('a', 't', { 'retention.ms': '5' });
        bench.mirrored('m', 'u', { 'retention.ms': '5' });
        bench.begin();
        await until(() => bench.altered.length > 0);
        await bench.rounds(3);
        assert.deepEqual(new Set(bench.altered.map(([topic]) => topic)), new Set(['t']));
        assert.deepEqual(bench.altered[0]?.[1], [{ name: 'retention.ms', value: '5' }]);
      },
    );
  });

  test('a cluster that does not answer keeps its own routes from being compared, and nothing else', async () => {
    await withBench([routeWith('a', {}), routeWith('b', {}, { source: 'north' })], async (bench) => {
      bench.mirrored('a', 't', { 'retention.ms': '5' });
      bench.mirrored('b', 'u', { 'retention.ms': '5' });
      bench.kafka.unreachable.add('north');
      bench.begin();
      await until(() => bench.altered.some(([topic]) => topic === 't'));
      assert.equal(
        bench.altered.some(([topic]) => topic === 'u'),
        false,
      );
    });
  });

  test('a copy goes when its source has been gone for the delay, over reigns; an outage is not a deletion', async () => {
    await withBench([routeWith('a', {})], async (bench) => {
      for (const topic of ['t', 'u', 'v', 'w', 'x', 'y']) bench.mirrored('a', topic);
      bench.begin();
      await bench.rounds(2);
      bench.kafka.unreachable.add('east');
      bench.wallMs += 2 * DELAY_MS;
      await systemClock.sleep(30);
      bench.kafka.unreachable.delete('east');
      bench.kafka.deleteTopic('east', 't');
      await bench.rounds(3);
      await bench.end();
      assert.equal(bench.deleted.length, 0);
      bench.wallMs += DELAY_MS - 1;
      bench.begin();
      await bench.rounds(3);
      assert.equal(bench.deleted.length, 0);
      bench.wallMs += 1;
      await until(() => bench.deleted.length === 1);
      await bench.rounds(3);
      assert.deepEqual(bench.deleted, ['t']);
      assert.equal(bench.entries.has('a/t'), false);
    });
  });

  test('a source that comes back in time begins anew to be gone', async () => {
    await withBench([routeWith('a', {})], async (bench) => {
      bench.mirrored('a', 't');
      bench.mirrored('a', 'u');
      bench.begin();
      bench.kafka.deleteTopic('east', 't');
      await bench.rounds(3);
      bench.wallMs += DELAY_MS - 1;
      bench.kafka.addTopic('east', 't', 1);
      await bench.rounds(3);
      bench.kafka.deleteTopic('east', 't');
      await bench.rounds(3);
      bench.wallMs += DELAY_MS - 1;
      await bench.rounds(3);
      assert.deepEqual(bench.deleted, []);
    });
  });

  test('many at once are held and told; another cluster under the source’s name deletes nothing either', async () => {
    await withBench([routeWith('a', { maxTopics: 2, maxPercent: 100 })], async (bench) => {
      for (const topic of ['t', 'u', 'v', 'w']) bench.mirrored('a', topic);
      bench.begin();
      await bench.rounds(2);
      for (const topic of ['t', 'u', 'v']) bench.kafka.deleteTopic('east', topic);
      await bench.rounds(3);
      bench.wallMs += DELAY_MS;
      await until(async () => (await bench.gauge('causeway_deletions_held')) === 3);
      assert.deepEqual(bench.deleted, []);
      bench.kafka.addTopic('east', 'v', 1);
      bench.kafka.clusterIds.set('east', 'another');
      await bench.rounds(4);
      // Two are few enough, and are gone from this cluster since now.
      assert.deepEqual(bench.deleted, []);
      bench.wallMs += DELAY_MS;
      await until(() => bench.deleted.length === 2);
    });
  });

  test('alert tells, ignore does not even delete what an operator would', async () => {
    await withBench([routeWith('a', { policy: 'alert', delayMs: 0 })], async (bench) => {
      bench.mirrored('a', 't');
      bench.mirrored('a', 'u');
      bench.begin();
      bench.kafka.deleteTopic('east', 't');
      await until(async () => (await bench.gauge('causeway_source_topics_gone')) === 1);
      await bench.rounds(2);
      assert.deepEqual(bench.deleted, []);
    });
  });
});

const WEEK = { 'retention.ms': '604800000' };
const DAY = { 'retention.ms': '86400000' };

function configsMode(name: string, configs: Partial<TopicSync['configs']>, settings: Partial<Route> = {}): Route {
  const route = routeWith(name, {}, settings);
  const { configs: plain, deletion } = route.topicSync as TopicSync;
  return { ...route, topicSync: { configs: { ...plain, ...configs }, deletion } };
}

/** Two routes that merge into `west/clicks`. */
interface Merge {
  readonly paris?: Partial<Route>;
  readonly parisConfigs?: Partial<TopicSync['configs']>;
  readonly parisEntry?: Partial<TopicEntry>;
  readonly tokyo?: Partial<Route>;
}

function withMerge(
  { paris = {}, parisConfigs = {}, parisEntry = {}, tokyo = {} }: Merge,
  tokyoHas: Record<string, string>,
  use: (bench: Bench) => Promise<void>,
): Promise<void> {
  const routes = [
    configsMode('paris', parisConfigs, { source: 'east', delivery: 'transactional', ...paris }),
    configsMode('tokyo', {}, { source: 'north', delivery: 'transactional', ...tokyo }),
  ];
  return withBench(routes, async (bench) => {
    bench.mirrored('tokyo', 'clicks', tokyoHas);
    bench.mirrored('paris', 'clicks', WEEK, parisEntry);
    await use(bench);
  });
}

describe('configs of a topic that several write into', () => {
  for (const [what, tokyoHas] of [
    ['has another value', DAY],
    ['sets nothing', {}],
    ['has another cleanup.policy as well', { ...DAY, 'cleanup.policy': 'compact' }],
  ] as const) {
    test(`merged: the first route’s value is set once and stays, where the second’s source ${what}`, async () => {
      await withMerge({}, tokyoHas, async (bench) => {
        bench.begin();
        await bench.rounds(10);
        await bench.end();
        bench.begin();
        await bench.rounds(3);
        assert.deepEqual(bench.altered, [['clicks', [{ name: 'retention.ms', value: WEEK['retention.ms'] }]]]);
        assert.deepEqual(bench.configsAt('west', 'clicks'), WEEK);
      });
    });
  }

  const silent: readonly (readonly [string, Merge, ((bench: Bench) => void)?])[] = [
    ['only reports', { parisConfigs: { mode: 'report' } }],
    ['does not look', { parisConfigs: { mode: 'off' } }],
    ['leaves this config out', { parisConfigs: { exclude: ['retention[.]ms'] } }],
    ['waits for an operator', { paris: { metadata: 'manual' } }],
    ['has the topic retired', { parisEntry: { retired: { by: 'p', at: '' } } }],
    ['has no source topic any more', {}, ({ kafka }) => kafka.deleteTopic('east', 'clicks')],
    ['writes into another cluster', { paris: { target: 'south' } }],
    ['writes into another topic', { paris: { naming: { policy: 'default', separator: '.' } } }],
  ];
  for (const [what, merge, prepare] of silent) {
    test(`merged: the second route’s value is set where the first ${what}`, async () => {
      await withMerge(merge, DAY, async (bench) => {
        prepare?.(bench);
        bench.begin();
        await until(() => bench.configsAt('west', 'clicks')['retention.ms'] === DAY['retention.ms']);
        await bench.rounds(5);
        assert.deepEqual(bench.configsAt('west', 'clicks'), DAY);
      });
    });
  }

  test('merged: the word is not lost by an outage of the source, nor by a pause', async () => {
    await withMerge({ parisEntry: { paused: true } }, DAY, async (bench) => {
      bench.begin();
      await until(() => bench.altered.length > 0);
      bench.kafka.unreachable.add('east');
      await bench.rounds(5);
      assert.equal(bench.altered.length, 1);
      assert.deepEqual(bench.configsAt('west', 'clicks'), WEEK);
    });
  });

  test('merged: a second route that waits for an operator is told, and offered nothing to apply', async () => {
    await withMerge({ tokyo: { metadata: 'manual' } }, DAY, async (bench) => {
      bench.begin();
      await until(() => bench.altered.length > 0);
      const [item, more] = await bench.plan('tokyo');
      assert.equal(more, undefined);
      assert.deepEqual([item?.kind, item?.applies], ['config', false]);
      assert.match(item?.reason ?? '', /topic clicks of route paris .* has the word; .*configs\.mode of route paris/);
    });
  });

  test('two clusters that mirror a name into each other: the first route’s source has the word, the second undoes nothing', async () => {
    const guarded = { provenance: true, targetTopics: { create: true, shared: true } } as const;
    const routes = [
      routeWith('east-west', {}, guarded),
      routeWith('west-east', {}, { ...guarded, source: 'west', target: 'east' }),
    ];
    await withBench(routes, async (bench) => {
      bench.mirrored('west-east', 'accounts', WEEK);
      // A new reign compares both at once.
      bench.mirrored('east-west', 'accounts', DAY);
      bench.begin();
      await bench.rounds(10);
      assert.deepEqual(bench.altered, [['accounts', [{ name: 'retention.ms', value: DAY['retention.ms'] }]]]);
      Object.assign(bench.configsAt('west', 'accounts'), WEEK);
      await until(() => bench.altered.length === 2);
      await bench.rounds(5);
      assert.equal(bench.altered.length, 2);
      assert.deepEqual(bench.configsAt('west', 'accounts'), DAY);
      assert.deepEqual(bench.configsAt('east', 'accounts'), DAY);
    });
  });

  test('one route that merges topics: the first topic’s value is set once and stays', async () => {
    const naming = { policy: 'map', topics: { t: 'all', u: 'all' }, otherwise: { policy: 'identity' } } as const;
    const merging = { naming, partitionMapping: { to: 'merge' }, delivery: 'transactional' } as const;
    await withBench([routeWith('a', {}, merging)], async (bench) => {
      bench.mirrored('a', 'u', DAY);
      bench.mirrored('a', 't', WEEK);
      bench.begin();
      await bench.rounds(10);
      assert.deepEqual(bench.altered, [['all', [{ name: 'retention.ms', value: WEEK['retention.ms'] }]]]);
    });
  });
});
