import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedEngine } from '../../../common/coordination/embedded/engine.js';
import type { CoordinationStore } from '../../../common/coordination/ports.js';
import type { ClusterConnection } from '../../../common/model/cluster.js';
import type { Route } from '../../../common/model/route.js';
import type { SchemaPolicy } from '../../../common/model/schema-policy.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { Metrics } from '../../../common/observability/metrics.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';
import { openRegistry } from '../../../common/schemas/open-registry.js';
import type { RegistryClient } from '../../../common/schemas/registry-client.js';
import { type SchemasRoom, schemasRoom } from '../../../controller/schemas/schemas-room.js';

export function policyOf(changes: Partial<SchemaPolicy> = {}): SchemaPolicy {
  return { mode: 'api', subjects: { include: ['.*'], exclude: [] }, topic: '_schemas', intervalMs: 1_000, ...changes };
}

export function schemaRoute(changes: Partial<SchemaPolicy> = {}, name = 'east-west'): Route {
  return {
    name,
    source: 'east',
    target: 'west',
    naming: { policy: 'identity' },
    delivery: 'exactly-once',
    start: 'earliest',
    isolation: 'read_committed',
    targetTopics: { create: true },
    compression: 'source',
    onRefusedRecord: 'pause',
    limits: {},
    schemas: policyOf(changes),
  };
}

export function clusterWith(name: string, url: string): ClusterConnection {
  const schemaRegistry = { url, requestTimeoutMs: 20_000 };
  return { name, bootstrap: ['127.0.0.1:1'], connectTimeoutMs: 100, requestTimeoutMs: 100, schemaRegistry };
}

export function clientOf(url: string, settings: object = {}): RegistryClient {
  const connection = { url, requestTimeoutMs: 20_000, ...settings };
  return openRegistry({ cluster: 'west', connection, clock: systemClock });
}

export interface SchemaBed {
  readonly room: SchemasRoom;
  readonly store: CoordinationStore;
  readonly metrics: Metrics;
  close(): Promise<void>;
}

/** The room over a store of its own. */
export async function openSchemaBed(east: string, west: string, routes: readonly Route[] = []): Promise<SchemaBed> {
  const dir = await mkdtemp(join(tmpdir(), 'causeway-schemas-'));
  const parts = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const engine = await openEmbeddedEngine({ dir, ...parts });
  const store = engine.connect();
  await store.ready();
  const metrics = new Metrics({ version: 'test', role: 'controller' });
  const clusters = new Map(
    [clusterWith('east', east), clusterWith('west', west)].map((cluster) => [cluster.name, cluster]),
  );
  const room = schemasRoom({
    ...parts,
    store,
    clusters,
    metrics,
    metadata: { describe: () => Promise.resolve({ clusterId: null, brokers: 1, topics: new Map() }) },
    world: { routes: () => Promise.resolve(routes), entries: () => Promise.resolve([]) },
  });
  return {
    room,
    store,
    metrics,
    close: async () => {
      await store.close();
      await engine.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export const avro = (name: string, ...fields: readonly string[]): string =>
  JSON.stringify({
    type: 'record',
    name,
    fields: fields.map((field) => ({ name: field, type: ['null', 'string'], default: null })),
  });
