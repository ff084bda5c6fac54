import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedEngine, openEmbeddedEngine } from '../../../common/coordination/embedded/engine.js';
import type { CoordinationStore } from '../../../common/coordination/ports.js';
import type { AclBinding } from '../../../common/model/acl.js';
import type { ClusterConnection } from '../../../common/model/cluster.js';
import type { AclPolicy } from '../../../common/model/rights-policy.js';
import type { Route, TopicEntry } from '../../../common/model/route.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { Metrics } from '../../../common/observability/metrics.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';
import { KafkaRights } from '../../../controller/metadata/acls/kafka-rights.js';
import { rightsRoom } from '../../../controller/metadata/acls/rights-room.js';
import { ClusterClients } from '../../../controller/metadata/cluster-clients.js';
import type { SyncStep, SyncSubject } from '../../../controller/sync/ports.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import type { KafkaVersion } from '../../bed/kafka-set.js';
import { clientOf, connectionTo } from '../kafka/wire-kit.js';

/** Causeway's own name. */
export const CAUSEWAY = 'causeway';
/** May log in, and nothing else. */
export const WEAK = 'weak';
export const password = (user: string): string => `${user}-secret`;

/** A broker with ACLs and passwords. Whoever comes by the plaintext listener may do everything. */
export function startGuardedCluster(
  name: string,
  version: KafkaVersion,
  users: readonly string[],
): Promise<KafkaClusterHandle> {
  return startKafkaCluster({
    name,
    version,
    security: {
      protocol: 'SASL_PLAINTEXT',
      mechanisms: ['PLAIN', 'SCRAM-SHA-512'],
      users: users.map((username) => ({ username, password: password(username) })),
    },
    config: {
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS',
    },
  });
}

/** The cluster as this user sees it. */
export function loggedIn(handle: KafkaClusterHandle, username: string): ClusterConnection {
  return connectionTo(handle, { sasl: { mechanism: 'scram-sha-512', username, password: password(username) } });
}

/** The cluster by its plaintext listener. */
export function unguarded(handle: KafkaClusterHandle): ClusterConnection {
  return connectionTo(handle, { bootstrap: handle.plaintextBootstrapServers.split(',') });
}

export function rightsOf(...clusters: readonly ClusterConnection[]): KafkaRights {
  const known = new Map(clusters.map((cluster) => [cluster.name, cluster]));
  return new KafkaRights(new ClusterClients(known, clientOf));
}

export function acl(changes: Partial<AclBinding> = {}): AclBinding {
  return {
    resource: 'topic',
    pattern: 'literal',
    name: 'orders',
    principal: 'User:alice',
    host: '*',
    operation: 'read',
    permission: 'allow',
    ...changes,
  };
}

export const POLICY: AclPolicy = {
  mode: 'mirror',
  topics: true,
  groups: true,
  write: 'omit',
  wildcard: 'report',
  principals: { map: [], exclude: ['User:(causeway|weak)'] },
  remove: 'created',
  maxRemovals: 10,
  maxRemovalsPercent: 5,
  intervalMs: 1_000,
};

export function subjectOf(settings: Partial<Route>, topics: readonly string[] = ['orders', 'payments']): SyncSubject {
  const route: Route = {
    name: 'east-west',
    source: 'east',
    target: 'west',
    naming: { policy: 'default', separator: '.' },
    delivery: 'at-least-once',
    start: 'earliest',
    isolation: 'read_committed',
    targetTopics: { create: true },
    compression: 'source',
    onRefusedRecord: 'pause',
    limits: {},
    ...settings,
  };
  const entries = topics.map((topic): TopicEntry => {
    const rest = { partitions: 'all', paused: false, skips: [], limits: {}, addedAt: '2026-01-01T00:00:00Z' } as const;
    return { route: route.name, topic, ...rest };
  });
  return { route, entries };
}

/** The parts and the leader's work over a store of their own. */
export class RightsBed {
  readonly metrics = new Metrics({ version: 'test', role: 'controller' });
  /** What the leader's work sees. */
  subjects: readonly SyncSubject[] = [];
  readonly #dir: string;
  readonly #engine: EmbeddedEngine;
  readonly #rights: KafkaRights;
  readonly #room: ReturnType<typeof rightsRoom>;
  readonly #stop = new AbortController();
  #working: Promise<void> | undefined;

  private constructor(
    dir: string,
    engine: EmbeddedEngine,
    store: CoordinationStore,
    clusters: readonly ClusterConnection[],
  ) {
    this.#dir = dir;
    this.#engine = engine;
    this.#rights = rightsOf(...clusters);
    this.#room = rightsRoom({
      store,
      clusters: new Map(clusters.map((cluster) => [cluster.name, cluster])),
      rights: this.#rights,
      world: {
        routes: () => Promise.resolve(this.subjects.map(({ route }) => route)),
        entries: (name) => Promise.resolve(this.#entries(name)),
      },
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      metrics: this.metrics,
    });
  }

  static async open(clusters: readonly ClusterConnection[]): Promise<RightsBed> {
    const dir = await mkdtemp(join(tmpdir(), 'causeway-rights-'));
    const engine = await openEmbeddedEngine({ dir, clock: systemClock, random: systemRandom, logger: silentLogger });
    const store = engine.connect();
    await store.ready();
    return new RightsBed(dir, engine, store, clusters);
  }

  /** What a plan says of a subject. */
  async steps(part: 'acls' | 'quotas' | 'users', subject: SyncSubject): Promise<readonly SyncStep[]> {
    const found = this.#room.parts.find(({ name }) => name === part);
    return (await found?.plan(subject, this.#stop.signal)) ?? [];
  }

  /** As `apply` does. */
  async apply(part: 'acls' | 'quotas', subject: SyncSubject): Promise<void> {
    for (const { run } of await this.steps(part, subject)) await run?.(this.#stop.signal);
  }

  /** As a leader does from now on. */
  lead(): void {
    const term = {
      epoch: 1,
      signal: this.#stop.signal,
      routes: () => this.subjects.map(({ route }) => route),
      entries: (name: string) => this.#entries(name),
      wanted: () => new Map(),
      isDenied: () => false,
      routeVersion: () => undefined,
      write: () => Promise.reject(new Error('nothing is written as the leader')),
      lookAgain: () => Promise.resolve(),
    };
    this.#working = this.#room.work.run(term);
  }

  #entries(name: string): readonly TopicEntry[] {
    return this.subjects.find(({ route }) => route.name === name)?.entries ?? [];
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#working;
    await this.#rights.close();
    await this.#engine.close();
    await rm(this.#dir, { recursive: true, force: true });
  }
}
