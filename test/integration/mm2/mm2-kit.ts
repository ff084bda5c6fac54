import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RouteBody } from '../../../common/api/desired-shapes.js';
import { readToEnd } from '../../../common/kafka/wire/operations/read-to-end.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { type Checkpoint, decodeCheckpoint, decodeOffsetSync, type OffsetSync } from '../../../common/mm2/records.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { waitUntil } from '../../bed/wait.js';
import { commit, committed } from '../groups/groups-kit.js';
import { SmallFleet } from '../worker/small-fleet.js';
import { numbered, TestCluster } from '../worker/thread-kit.js';

/** As MirrorConnectorsIntegrationBaseTest has them. */
export const PARTITIONS = 10;
export const RECORDS_PER_PARTITION = 10;
const LAG_MAX = 10;
const LOOK_MS = 300;
const LIMIT_MS = 40_000;

export type Alias = 'primary' | 'backup';

export const GROUPS = { include: ['consumer-group-.*'], intervalMs: LOOK_MS };
export const MM2 = {
  heartbeats: 'target',
  checkpoints: true,
  checkpointIntervalMs: LOOK_MS,
  offsetSyncs: 'off',
  offsetLagMax: LAG_MAX,
  offsetSyncIntervalMs: LOOK_MS,
} as const;

/** A route as the scenarios' `source->target.*` settings would have it. */
export function flow(source: Alias, target: Alias, settings: Partial<RouteBody> = {}): RouteBody {
  return { source, target, naming: { policy: 'default' }, mm2: MM2, ...settings };
}

/** Two clusters without topics, and one fleet between them. */
export class MirrorBed {
  readonly primary: TestCluster;
  readonly backup: TestCluster;
  readonly handles: Readonly<Record<Alias, KafkaClusterHandle>>;
  fleet: SmallFleet;
  readonly #parts: Parts;

  private constructor(parts: Parts, fleet: SmallFleet) {
    this.#parts = parts;
    this.handles = parts.handles;
    this.primary = new TestCluster(parts.handles.primary);
    this.backup = new TestCluster(parts.handles.backup);
    this.fleet = fleet;
  }

  static async start(routes: Record<string, RouteBody>): Promise<MirrorBed> {
    const [primary, backup] = await Promise.all([
      startKafkaCluster({ name: 'primary' }),
      startKafkaCluster({ name: 'backup' }),
    ]);
    const parts = { handles: { primary, backup }, routes, dir: await mkdtemp(join(tmpdir(), 'mirror-bed-')) };
    return new MirrorBed(parts, await fleetOf(parts));
  }

  cluster(alias: Alias): TestCluster {
    return alias === 'primary' ? this.primary : this.backup;
  }

  servers(alias: Alias): string {
    return this.handles[alias].bootstrapServers;
  }

  /** Controllers and worker end and begin again, over the same store. */
  async restartFleet(controllers = 1): Promise<void> {
    await this.fleet.close();
    this.fleet = await fleetOf(this.#parts, controllers);
  }

  async produce(alias: Alias, topic: string, count = RECORDS_PER_PARTITION, partitions = PARTITIONS): Promise<void> {
    const numbers = Array.from({ length: partitions }, (_, partition) => partition);
    const batch = buildBatch(numbered(0, count));
    await Promise.all(numbers.map((partition) => this.cluster(alias).append(topic, partition, batch)));
  }

  /** Waits until the partitions hold so many records each. */
  async arrived(alias: Alias, topic: string, counts: readonly number[]): Promise<void> {
    const held = (): Promise<number[]> =>
      Promise.all(counts.map(async (_, partition) => (await this.cluster(alias).read(topic, partition)).length));
    const isThere = async (): Promise<boolean> => {
      const { topics } = await this.cluster(alias).client.metadata([topic]);
      if ((topics.get(topic)?.partitions.length ?? 0) < counts.length) return false;
      return (await held()).every((count, partition) => count >= (counts[partition] as number));
    };
    await waitUntil(`${topic} has arrived at ${alias}`, isThere, { timeoutMs: LIMIT_MS });
    assert.deepEqual(await held(), counts, topic);
  }

  commit(alias: Alias, group: string, topic: string, offsets: readonly number[]): Promise<void> {
    const wanted = Object.fromEntries(offsets.map((offset, partition) => [partition, BigInt(offset)]));
    return commit(this.cluster(alias), group, wanted, { topic });
  }

  /** The group's offsets of the topic, by partition; -1: none. */
  async offsets(alias: Alias, group: string, topic: string, partitions = PARTITIONS): Promise<number[]> {
    const found = await committed(this.cluster(alias), group);
    return Array.from({ length: partitions }, (_, partition) => Number(found[`${topic}/${partition}`]?.[0] ?? -1n));
  }

  async reaches(alias: Alias, group: string, topic: string, wanted: readonly number[]): Promise<void> {
    let last: number[] = [];
    await waitUntil(
      `${group} stands at ${wanted.join(',')} of ${topic} at ${alias}`,
      async () => {
        last = await this.offsets(alias, group, topic, wanted.length);
        return last.every((offset, partition) => offset === wanted[partition]);
      },
      { timeoutMs: LIMIT_MS },
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}; it stands at ${last.join(',')}`);
    });
  }

  /** Everything in the checkpoints topic, in order. */
  async checkpoints(alias: Alias, topic: string): Promise<Checkpoint[]> {
    const found: Checkpoint[] = [];
    await readRecords(this.cluster(alias), topic, (record) => found.push(decodeCheckpoint(record)));
    return found;
  }

  async offsetSyncs(alias: Alias, topic: string): Promise<OffsetSync[]> {
    const found: OffsetSync[] = [];
    await readRecords(this.cluster(alias), topic, (record) => found.push(decodeOffsetSync(record)));
    return found;
  }

  async topics(alias: Alias): Promise<string[]> {
    return [...(await this.cluster(alias).client.metadata('all')).topics.keys()].sort();
  }

  async close(): Promise<void> {
    await this.fleet.close();
    await Promise.all([this.primary.client.close(), this.backup.client.close()]);
    await Promise.all(Object.values(this.handles).map((handle) => handle.stop()));
    await rm(this.#parts.dir, { recursive: true, force: true });
  }
}

interface Parts {
  readonly handles: Readonly<Record<Alias, KafkaClusterHandle>>;
  readonly routes: Readonly<Record<string, RouteBody>>;
  /** Of the store. */
  readonly dir: string;
}

function fleetOf({ handles, routes, dir }: Parts, controllers = 1): Promise<SmallFleet> {
  const { primary, backup } = handles;
  return SmallFleet.start({
    clusters: { primary: primary.bootstrapServers, backup: backup.bootstrapServers },
    routes: routes as Record<string, Record<string, unknown>>,
    controllers,
    workers: 1,
    worker: { checkpointIntervalMs: 200 },
    dir,
  });
}

async function readRecords(
  cluster: TestCluster,
  topic: string,
  visit: (record: { key: Buffer; value: Buffer }) => void,
): Promise<void> {
  const { topics } = await cluster.client.metadata([topic]);
  if (topics.get(topic)?.errorCode !== 0) return;
  await readToEnd(cluster.client, { topic, partition: 0 }, ({ key, value }) => {
    assert.ok(key !== null && value !== null, `${topic} has a tombstone or a record without a key`);
    visit({ key, value });
  });
}

/** Downstream offsets of a group's partition never go back (the base test's assertMonotonicCheckpoints). */
export function assertMonotonic(checkpoints: readonly Checkpoint[]): void {
  const last = new Map<string, bigint>();
  for (const { group, topic, partition, downstreamOffset } of checkpoints) {
    const key = `${group} ${topic}-${partition}`;
    const before = last.get(key);
    assert.ok(
      before === undefined || downstreamOffset >= before,
      `${key} went back from ${before} to ${downstreamOffset}`,
    );
    last.set(key, downstreamOffset);
  }
}

/** One number for each of the ten partitions. */
export function each(value: number): number[] {
  return Array<number>(PARTITIONS).fill(value);
}
