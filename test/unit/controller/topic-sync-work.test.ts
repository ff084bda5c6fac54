import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StoreOp } from '../../../common/coordination/ports.js';
import type { ConfigChange } from '../../../common/kafka/wire/apis/incremental-alter-configs.js';
import type { Route, TopicEntry } from '../../../common/model/route.js';
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
  readonly entries = new Map<string, TopicEntry>();
  readonly #nodes = new Map<string, { data: Buffer; version: number }>();
  readonly #routes: readonly Route[];
  #end = new AbortController();
  #running: Promise<void> = Promise.resolve();
  wallMs = START_MS;

  constructor(...routes: Route[]) {
    this.#routes = routes;
  }

  /** A topic of the route, at both ends. */
  mirrored(route: string, topic: string, configs: Record<string, string> = {}): void {
    const { source, target } = this.#routes.find(({ name }) => name === route) as Route;
    this.kafka.addTopic(source, topic, 1, configs);
    this.kafka.addTopic(target, topic, 1);
    this.entries.set(topic, { route, topic, partitions: 'all', paused: false, skips: [], limits: {}, addedAt: '' });
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
      entries: (route: string) => [...this.entries.values()].filter((entry) => entry.route === route),
      write: (ops: readonly StoreOp[]) => this.#write(ops),
    };
    this.#running = work.run(term as unknown as Term);
  }

  async end(): Promise<void> {
    this.#end.abort();
    await this.#running;
  }

  /** So many times everything has been compared anew. */
  async rounds(count: number): Promise<void> {
    const before = this.kafka.lists;
    await until(() => this.kafka.lists >= before + 3 * count);
  }

  async gauge(name: string): Promise<number> {
    const line = (await this.metrics.text()).split('\n').find((text) => text.startsWith(`${name}{`));
    return Number(line?.split(' ').at(-1));
  }

  #part(): TopicPart {
    const configsOf = (cluster: string, topic: string): TopicConfigs | undefined => {
      const own = this.kafka.topic(cluster, topic)?.configs;
      if (own === undefined) return undefined;
      const of = (name: string) => {
        const plain = { name, isReadOnly: false, isSensitive: false };
        return { ...plain, value: own[name] ?? '-1', isOwn: name in own };
      };
      return new Map(['retention.ms'].map((name) => [name, of(name)]));
    };
    const topics: TopicAdmin = {
      configs: async (cluster, names) => {
        await this.kafka.describe(cluster, []);
        const found = names.map((topic) => [topic, configsOf(cluster, topic)] as const);
        return new Map(found.flatMap(([topic, configs]) => (configs === undefined ? [] : [[topic, configs] as const])));
      },
      alterConfigs: (_cluster, changes) => {
        this.altered.push(...changes);
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
      entry: (_route, topic) => Promise.resolve(this.entries.get(topic)),
      entries: (route) => Promise.resolve([...this.entries.values()].filter((entry) => entry.route === route)),
      remembered: () => Promise.resolve([...this.entries.keys()]),
      progress: (route, topic) => Promise.resolve(progress(route, topic)),
      forget: (_route, topic) => {
        this.entries.delete(topic);
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
      assert.equal(bench.entries.has('t'), false);
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
