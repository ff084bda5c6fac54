import assert from 'node:assert/strict';
import type { FetchedPartition } from '../../../../common/kafka/wire/apis/fetch.js';
import { BufferPool } from '../../../../common/kafka/wire/buffer-pool.js';
import { ClusterClient } from '../../../../common/kafka/wire/cluster-client.js';
import type { BrokerConnection } from '../../../../common/kafka/wire/connection.js';
import { scanBatches } from '../../../../common/kafka/wire/records/batch-scan.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import { systemRandom } from '../../../../common/runtime/random.js';
import { Leaders } from '../../../../worker/cluster/leaders.js';
import { ByteBudget } from '../../../../worker/core/byte-budget.js';
import type { FetchSettings } from '../../../../worker/fetch/broker-fetcher.js';
import type { Feed } from '../../../../worker/fetch/feed.js';
import type { ResponseBody } from '../../../../worker/fetch/response-body.js';
import { SourceReader } from '../../../../worker/fetch/source-reader.js';

/** Takes whatever comes next, and notes anything else. */
export class RecordingFeed implements Feed {
  readonly key: string;
  readonly errors: number[] = [];
  readonly arrivals: { readonly atMs: number; readonly next: number }[] = [];
  readonly gone: { readonly fromOffset: number; readonly leaderEpoch: number }[] = [];
  /** What a mirror must never see. */
  readonly violations: string[] = [];
  position = 0;
  leaderEpoch = -1;
  waiting = false;
  batches = 0;

  constructor(
    readonly topic: string,
    readonly partition: number,
    public topicId: string | null,
    readonly onError: () => void = () => undefined,
  ) {
    this.key = `${topic}-${partition}`;
  }

  wanted(): number | undefined {
    return this.waiting ? undefined : this.position;
  }

  quota(): number {
    return Number.POSITIVE_INFINITY;
  }

  accept(fetched: FetchedPartition, _body: ResponseBody): void {
    if (fetched.errorCode !== 0) {
      this.errors.push(fetched.errorCode);
      this.onError();
      return;
    }
    for (const batch = scanBatches(fetched.records ?? Buffer.alloc(0)); batch.next(); ) {
      if (batch.lastOffset < this.position)
        this.violations.push(`offset ${batch.lastOffset} again at ${this.position}`);
      if (batch.baseOffset > this.position) this.violations.push(`from ${this.position} to ${batch.baseOffset}`);
      this.position = batch.lastOffset + 1;
      this.batches += 1;
      this.arrivals.push({ atMs: performance.now(), next: this.position });
    }
  }

  confirmed(leaderEpoch: number): void {
    this.leaderEpoch = leaderEpoch;
  }

  truncated(fromOffset: number, leaderEpoch: number): void {
    this.gone.push({ fromOffset, leaderEpoch });
  }
}

export interface ReaderUnderTest {
  readonly reader: SourceReader;
  readonly leaders: Leaders;
  readonly client: ClusterClient;
  readonly budget: ByteBudget;
  /** Feeds for all partitions of the topic, being read. */
  feeds(topic: string, partitions: number): Promise<RecordingFeed[]>;
  /** Fails where a record was skipped or repeated. */
  close(): Promise<void>;
}

export function readerOf(
  bootstrap: readonly string[],
  overrides: Partial<FetchSettings> = {},
  budgetBytes = 32 << 20,
  seen: (broker: number, purpose: string, connection: BrokerConnection) => void = () => undefined,
): ReaderUnderTest {
  const common = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const cluster = { name: 'source', bootstrap, connectTimeoutMs: 1_000, requestTimeoutMs: 2_000 };
  const client = new ClusterClient({ ...common, cluster, clientId: 'test' });
  const leaders = new Leaders({ ...common, client, cluster: 'source' });
  const budget = new ByteBudget(budgetBytes);
  const settings: FetchSettings = {
    fetchMaxBytes: 8 << 20,
    fetchMaxPartitionBytes: 1 << 20,
    fetchMaxWaitMs: 100,
    fetchConnections: 1,
    rack: '',
    requestTimeoutMs: 1_000,
    ...overrides,
  };
  const pool = new BufferPool(8 << 20);
  const connection: ClusterClient['connection'] = async (broker, purpose) => {
    const opened = await client.connection(broker, purpose);
    seen(broker, purpose, opened);
    return opened;
  };
  const deps = { ...common, client: { connection }, leaders, settings, budget, pool };
  const made: RecordingFeed[] = [];
  const reader = new SourceReader({ ...deps, cluster: 'source', route: 'r', isolation: 'read_uncommitted' });
  return {
    reader,
    leaders,
    client,
    budget,
    feeds: async (topic, partitions) => {
      leaders.track(topic);
      await until('the topic is known', () => leaders.leader(topic, partitions - 1) !== undefined);
      const topicId = leaders.topic(topic)?.topicId ?? null;
      const feeds = Array.from(
        { length: partitions },
        (_, i) => new RecordingFeed(topic, i, topicId, () => leaders.refresh()),
      );
      for (const feed of feeds) reader.add(feed);
      made.push(...feeds);
      return feeds;
    },
    close: async () => {
      await Promise.all([client.close(), reader.close(), leaders.close()]);
      assert.deepEqual(
        made.flatMap(({ violations }) => violations),
        [],
      );
    },
  };
}

export async function until(what: string, holds: () => boolean, timeoutMs = 60_000): Promise<void> {
  const untilMs = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > untilMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await systemClock.sleep(5);
  }
}
