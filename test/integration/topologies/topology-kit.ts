import assert from 'node:assert/strict';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { AuditCluster } from '../../audit/audit-cluster.js';
import { compareClusters } from '../../audit/compare-clusters.js';
import { dumpPartition } from '../../audit/dump.js';
import { Load } from '../../audit/load.js';
import { type AuditRecord, differences } from '../../audit/record.js';
import { describeProblem, isClean } from '../../audit/report.js';
import { shapeNamed, type TopicShape } from '../../audit/shapes.js';
import { createTopics } from '../../audit/topics.js';
import { freePort } from '../../bed/free-port.js';
import { type KafkaClusterHandle, type KafkaClusterOptions, startKafkaCluster } from '../../bed/kafka.js';
import { waitUntil } from '../../bed/wait.js';
import { TcpProxy } from '../../proxy/tcp-proxy.js';
import type { TestCluster } from '../worker/thread-kit.js';

const PARTITIONS = 2;
let runs = 0;

/** A topic like the load's `orders`, with few partitions. */
export function shapeOf(topic: string): TopicShape {
  return { ...shapeNamed('orders'), topic, partitions: PARTITIONS, batchRecords: 50 };
}

interface Amount {
  /** In all. */
  readonly records?: number;
  readonly recordsPerS?: number;
}

/** Makes the topics, and begins to write into them. */
export async function writing(
  cluster: KafkaClusterHandle,
  topics: readonly string[],
  amount: Amount = {},
): Promise<Load> {
  await createTopics(cluster.bootstrapServers, topics.map(shapeOf));
  return writingMore(cluster, topics, amount);
}

export function writingMore(
  { bootstrapServers }: KafkaClusterHandle,
  topics: readonly string[],
  { records = 2_000, recordsPerS = 2_000 }: Amount = {},
): Load {
  runs += 1;
  return new Load({ bootstrapServers, shapes: topics.map(shapeOf), recordsPerS, run: runs, maxRecords: records });
}

/** Waits until all of it is written. */
export async function written(load: Load, records = 2_000): Promise<void> {
  try {
    await waitUntil(`${records} records are written`, () => load.written >= records, { timeoutMs: 120_000 });
  } finally {
    await load.stop();
  }
}

/**
 * Every record is at the target once, unchanged and in order.
 * @param loads all that was written into the topics
 * @throws naming the first problems
 */
export async function audit(
  source: KafkaClusterHandle,
  target: KafkaClusterHandle,
  loads: readonly Load[],
  targetTopic: (topic: string) => string = (topic) => topic,
): Promise<void> {
  const [load] = loads;
  const result = await compareClusters({
    source: source.bootstrapServers,
    target: target.bootstrapServers,
    topics: (load?.ledgers ?? []).map(({ shape }) => shape.topic),
    targetTopic,
  });
  assert.ok(isClean(result), result.firstProblems.map(describeProblem).join('\n'));
  assert.equal(
    result.records,
    loads.reduce((sum, { written: count }) => sum + count, 0),
  );
}

/** Records whose values say who wrote them, in batches of five. */
export async function writeSigned(
  cluster: TestCluster,
  topic: string,
  signature: string,
  range: { readonly from: number; readonly until: number },
): Promise<void> {
  for (let first = range.from; first < range.until; first += 5) {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const records = [0, 1, 2, 3, 4].map((i) => ({
        key: Buffer.from(`${i}`),
        value: Buffer.from(`${signature} ${partition} ${first + i}`),
        headers: [],
        timestamp: BigInt(Date.now()),
      }));
      await cluster.append(topic, partition, buildBatch(records));
    }
  }
}

/** What readers of committed records find in one partition. */
export async function recordsOf(cluster: KafkaClusterHandle, topic: string, partition: number): Promise<AuditRecord[]> {
  const reader = new AuditCluster(cluster.bootstrapServers);
  try {
    const layout = await reader.layout(topic);
    const range = layout === undefined ? undefined : (await reader.ranges(layout))[partition];
    if (layout === undefined || range === undefined) return [];
    const found: AuditRecord[] = [];
    for await (const some of dumpPartition(reader, { layout, partition, range })) found.push(...some);
    return found;
  } finally {
    await reader.close();
  }
}

/** Places at which two lists of records are not the same. */
export function differing(a: readonly AuditRecord[], b: readonly AuditRecord[]): readonly number[] {
  const places = Array.from({ length: Math.max(a.length, b.length) }, (_, i) => i);
  return places.filter((i) => {
    const [one, other] = [a[i], b[i]];
    return one === undefined || other === undefined || differences(one, other).length > 0;
  });
}

/** The topic has `count` records of each of these in every partition: none missing, none twice, each writer's in its order, and none else. */
export async function auditMerged(
  cluster: KafkaClusterHandle,
  topic: string,
  signatures: readonly string[],
  count: number,
): Promise<void> {
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const values = (await recordsOf(cluster, topic, partition)).map(({ value }) => String(value));
    for (const signature of signatures) {
      const expected = Array.from({ length: count }, (_, i) => `${signature} ${partition} ${i}`);
      const found = values.filter((value) => value.startsWith(`${signature} `));
      assert.deepEqual(found, expected, `${topic}-${partition} of ${signature}`);
    }
    assert.equal(values.length, signatures.length * count, `${topic}-${partition}`);
  }
}

/** A cluster, and the line on which clients reach it. */
export interface FarCluster {
  readonly handle: KafkaClusterHandle;
  /** Of each broker, in the order of their ids. */
  readonly lines: readonly TcpProxy[];
  /** For clients at the far end of the line. */
  readonly bootstrapServers: string;
  stop(): Promise<void>;
}

export async function startFarCluster(options: Omit<KafkaClusterOptions, 'far'>): Promise<FarCluster> {
  const listeners: { readonly port: number; readonly advertisedPort: number }[] = [];
  for (let i = 0; i < (options.brokers ?? 1); i++) {
    listeners.push({ port: await freePort(), advertisedPort: await freePort() });
  }
  const handle = await startKafkaCluster({
    ...options,
    far: (broker) => listeners[broker - 1] ?? { port: 0, advertisedPort: 0 },
  });
  const lines = await Promise.all(
    listeners.map(({ port, advertisedPort }) =>
      TcpProxy.start({ target: { host: '127.0.0.1', port }, port: advertisedPort }),
    ),
  );
  return {
    handle,
    lines,
    bootstrapServers: listeners.map(({ advertisedPort }) => `127.0.0.1:${advertisedPort}`).join(','),
    stop: async () => {
      await Promise.all(lines.map((line) => line.close()));
      await handle.stop();
    },
  };
}
