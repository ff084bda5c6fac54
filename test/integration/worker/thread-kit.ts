import { FETCH } from '../../../common/kafka/wire/apis/fetch.js';
import { PRODUCE } from '../../../common/kafka/wire/apis/produce.js';
import { call } from '../../../common/kafka/wire/call.js';
import { ClusterClient } from '../../../common/kafka/wire/cluster-client.js';
import {
  BASE_SEQUENCE_AT,
  maxTimestampMs,
  PRODUCER_EPOCH_AT,
  PRODUCER_ID_AT,
} from '../../../common/kafka/wire/records/batch-header.js';
import { scanBatches } from '../../../common/kafka/wire/records/batch-scan.js';
import {
  type DecodedRecord,
  decodeBatches,
  type KafkaRecord,
} from '../../../common/kafka/wire/records/record-codec.js';
import type { AssignmentItem } from '../../../common/model/assignment.js';
import type { ClusterConnection } from '../../../common/model/cluster.js';
import type { Route } from '../../../common/model/route.js';
import { createLogger, silentLogger } from '../../../common/observability/logger.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';
import { LEASE_BYTES } from '../../../worker/core/lease.js';
import { DataThread } from '../../../worker/thread/data-thread.js';
import type { FromThread, ThreadSettings, ToThread } from '../../../worker/thread/protocol.js';
import { createTopics } from '../../audit/topics.js';
import type { KafkaClusterHandle } from '../../bed/kafka.js';
import { waitUntil } from '../../bed/wait.js';
import { ownedItem } from '../../unit/model/samples.js';

const logger = process.env['DEBUG_THREADS'] === undefined ? silentLogger : createLogger({ level: 'debug', base: {} });

/** UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER, UNKNOWN_TOPIC_ID: the broker that leads a new topic has not heard of it yet. */
const NOT_LEADER_YET: ReadonlySet<number> = new Set([3, 6, 100]);
const LEADER_PATIENCE_MS = 30_000;

export function connectionTo(cluster: KafkaClusterHandle): ClusterConnection {
  return {
    name: cluster.name,
    bootstrap: cluster.bootstrapServers.split(','),
    connectTimeoutMs: 5_000,
    requestTimeoutMs: 3_000,
  };
}

/** A cluster as a test sees it: topics made, batches written and read without the code under test. */
export class TestCluster {
  readonly connection: ClusterConnection;
  readonly client: ClusterClient;

  constructor(handle: KafkaClusterHandle) {
    this.connection = connectionTo(handle);
    // The tests' own questions may take longer than what is under test may.
    const cluster = { ...this.connection, requestTimeoutMs: 10_000 };
    this.client = new ClusterClient({
      cluster,
      clientId: 'test',
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
    });
  }

  async createTopic(topic: string, partitions: number, configs: Record<string, string> = {}): Promise<void> {
    await createTopics(this.connection.bootstrap.join(','), [{ topic, partitions, configs }]);
  }

  async topicId(topic: string): Promise<string | null> {
    return (await this.client.metadata([topic])).topics.get(topic)?.topicId ?? null;
  }

  /** Appends one batch; gives its base offset. */
  async append(topic: string, partition: number, batch: Buffer): Promise<number> {
    const connection = await this.#leader(topic, partition);
    const request = {
      transactionalId: null,
      acks: -1,
      timeoutMs: 5_000,
      partitions: [{ topic, partition, records: [batch] }],
    } as const;
    const untilMs = systemClock.monotonicMs() + LEADER_PATIENCE_MS;
    for (;;) {
      const answer = (await call(connection, PRODUCE, request)).topics[0]?.partitions[0];
      if (answer?.errorCode === 0) return answer.baseOffset;
      const isSettling = NOT_LEADER_YET.has(answer?.errorCode ?? 0) && systemClock.monotonicMs() < untilMs;
      if (!isSettling) throw new Error(`append failed with ${answer?.errorCode}`);
      await systemClock.sleep(50);
    }
  }

  /** Everything a read_committed reader would see, control and aborted data not filtered. */
  async read(topic: string, partition: number): Promise<DecodedRecord[]> {
    const batches = (await this.raw(topic, partition)).flatMap((records) => decodeBatches(records));
    return batches.filter((batch) => !batch.control).flatMap((batch) => batch.records);
  }

  /** `base offset, records, producer id/epoch/first sequence` of every batch in the log: who wrote what, for messages of failed tests. */
  async writers(topic: string, partition: number): Promise<string[]> {
    const lines: string[] = [];
    for (const records of await this.raw(topic, partition)) {
      for (const batch = scanBatches(records); batch.next(); ) {
        const { buffer, start } = batch;
        const id = buffer.readBigInt64BE(start + PRODUCER_ID_AT);
        const epoch = buffer.readInt16BE(start + PRODUCER_EPOCH_AT);
        const producer = `${id}/${epoch}/${buffer.readInt32BE(start + BASE_SEQUENCE_AT)}`;
        lines.push(`${batch.baseOffset}, ${batch.recordCount}, ${producer}`);
      }
    }
    return lines;
  }

  /** The records with the time at which a topic with `message.timestamp.type=LogAppendTime` took them, ms since 1970. */
  async appended(topic: string, partition: number): Promise<(DecodedRecord & { readonly appendedMs: number })[]> {
    const found: (DecodedRecord & { readonly appendedMs: number })[] = [];
    for (const records of await this.raw(topic, partition)) {
      for (const batch = scanBatches(records); batch.next(); ) {
        const { buffer, start, length } = batch;
        const appendedMs = maxTimestampMs(buffer, start);
        const decoded = decodeBatches(buffer.subarray(start, start + length)).filter(({ control }) => !control);
        for (const record of decoded.flatMap((each) => each.records)) found.push({ ...record, appendedMs });
      }
    }
    return found;
  }

  /** The log as fetched, response by response. */
  async raw(topic: string, partition: number): Promise<Buffer[]> {
    let connection = await this.#leader(topic, partition);
    let topicId = await this.topicId(topic);
    const responses: Buffer[] = [];
    const untilMs = systemClock.monotonicMs() + LEADER_PATIENCE_MS;
    let fetchOffset = 0;
    for (;;) {
      const asked = { topic, topicId, partition, fetchOffset, currentLeaderEpoch: -1, maxBytes: 16 << 20 };
      const session = { sessionId: 0, sessionEpoch: -1, forgotten: [], rackId: '' };
      const limits = { maxWaitMs: 0, minBytes: 0, maxBytes: 16 << 20, isolationLevel: 0 } as const;
      const answer = await call(connection, FETCH, { ...limits, ...session, partitions: [asked] });
      const fetched = answer.topics[0]?.partitions[0];
      if (fetched === undefined || fetched.errorCode !== 0) {
        const isSettling = NOT_LEADER_YET.has(fetched?.errorCode ?? 0) && systemClock.monotonicMs() < untilMs;
        if (!isSettling) throw new Error(`read failed with ${fetched?.errorCode}`);
        await systemClock.sleep(50);
        connection = await this.#leader(topic, partition);
        topicId = await this.topicId(topic);
        continue;
      }
      const batches = decodeBatches(fetched.records ?? Buffer.alloc(0));
      const last = batches.at(-1);
      if (last === undefined) return responses;
      responses.push(fetched.records ?? Buffer.alloc(0));
      fetchOffset = Number(last.lastOffset) + 1;
    }
  }

  close(): Promise<void> {
    return this.client.close();
  }

  async #leader(topic: string, partition: number): ReturnType<ClusterClient['connection']> {
    const untilMs = systemClock.monotonicMs() + LEADER_PATIENCE_MS;
    while (systemClock.monotonicMs() < untilMs) {
      const found = (await this.client.metadata([topic])).topics
        .get(topic)
        ?.partitions.find((p) => p.partition === partition);
      if (found !== undefined && found.leader >= 0) return this.client.connection(found.leader, 'test');
      await systemClock.sleep(100);
    }
    throw new Error(`${topic}-${partition} has no leader`);
  }
}

/**
 * Records of today: a broker judges by the records' own timestamps whether a producer is long gone, and forgets it at a restart when they
 * are older than producer.id.expiration.ms. It then stores a repeat as if it were new.
 */
const RUN_STARTED_MS = Date.now();

export function numbered(from: number, count: number, size = 20): KafkaRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    key: Buffer.from(`key-${from + i}`),
    value: Buffer.alloc(size, `value-${from + i};`),
    headers: [
      [Buffer.from('n'), Buffer.from(String(from + i))],
      [Buffer.from('n'), null],
    ],
    timestamp: BigInt(RUN_STARTED_MS + from + i),
  }));
}

export function testRoute(source: string, target: string): Route {
  return {
    name: 'r',
    source,
    target,
    naming: { policy: 'identity' },
    delivery: 'at-least-once',
    start: 'earliest',
    isolation: 'read_committed',
    targetTopics: { create: true },
    compression: 'source',
    onRefusedRecord: 'pause',
    limits: {},
  };
}

/** One that has not begun. */
export function item(topic: string, partition: number, extra: Partial<AssignmentItem> = {}): AssignmentItem {
  return ownedItem(topic, partition, { started: false, ...extra });
}

/** A worker's settings as its threads get them, quick about everything. */
export function threadSettings(overrides: Partial<ThreadSettings['settings']> = {}): ThreadSettings['settings'] {
  return {
    id: 'w',
    zone: '',
    capacity: 1,
    standby: false,
    routes: [],
    threads: 1,
    maxInflightBytes: 64 << 20,
    fetchMaxBytes: 8 << 20,
    fetchMaxPartitionBytes: 1 << 20,
    fetchMaxWaitMs: 200,
    fetchConnections: 1,
    crcCheckEvery: 100,
    limits: {},
    produceConnections: 2,
    checkpointIntervalMs: 200,
    checkpointRefreshMs: 600_000,
    stallAfterMs: 30_000,
    onCoordinationLoss: 'stop',
    shutdownTimeoutMs: 5_000,
    ...overrides,
  };
}

/** A data thread in this process, with a supervisor that only remembers what it is told. */
export class ThreadUnderTest {
  readonly lease = new SharedArrayBuffer(LEASE_BYTES);
  readonly thread: DataThread;
  readonly messages: FromThread[] = [];
  #generation = 0;

  constructor(
    clusters: readonly ClusterConnection[],
    incarnation: string,
    overrides: Partial<ThreadSettings['settings']> = {},
    more: Pick<ThreadSettings, 'laneRenewalMs' | 'ruleSecrets'> = {},
  ) {
    new Float64Array(this.lease).fill(Number.POSITIVE_INFINITY);
    const settings: ThreadSettings = {
      thread: 0,
      life: 0,
      fleet: 'test',
      worker: 'w',
      http: 'http://127.0.0.1:1',
      incarnation,
      clusters,
      settings: threadSettings(overrides),
      memory: {
        guaranteedBytes: overrides.maxInflightBytes ?? 64 << 20,
        sharedBytes: 0,
        taken: new SharedArrayBuffer(8),
      },
      logLevel: 'silent' as ThreadSettings['logLevel'],
      lease: this.lease,
      ...more,
    };
    this.thread = new DataThread({
      settings,
      post: (message) => this.#posted(message),
      clock: systemClock,
      random: systemRandom,
      logger,
    });
  }

  assign(
    routes: readonly Route[],
    items: readonly AssignmentItem[],
    limits: Extract<ToThread, { type: 'assign' }>['limits'] = [],
  ): void {
    this.#generation += 1;
    const generation = this.#generation;
    this.thread.receive({ type: 'assign', epoch: 1, generation, order: generation, routes, items, limits });
  }

  /** Ends as a process does that is killed: a transaction that is open is left as it is, and nobody waits for its answers. */
  die(): void {
    this.thread.stop().catch(() => undefined);
  }

  /** What the thread last said it holds. */
  held(): Extract<FromThread, { type: 'held' }> | undefined {
    return this.messages.findLast((message) => message.type === 'held') as ReturnType<ThreadUnderTest['held']>;
  }

  status(): Extract<FromThread, { type: 'stats' }>['stats']['partitions'] {
    const last = this.messages.findLast((message) => message.type === 'stats');
    return last?.type === 'stats' ? last.stats.partitions : [];
  }

  #posted(message: FromThread): void {
    this.messages.push(message);
    if (message.type === 'register-lane') {
      const { transactionalId } = message.lane;
      queueMicrotask(() => this.thread.receive({ type: 'lane-registered', transactionalId }));
    }
  }
}

/** Waits, a minute at least, until it holds; what it throws before that (a leader that is being elected) is only told in the end. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  await waitUntil(what, holds, { timeoutMs });
}
