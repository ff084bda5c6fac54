import type { CausewayError } from '../../errors/error.js';
import { offsetMapTopic } from '../../model/offset-map.js';
import type { Logger } from '../../observability/logger.js';
import { backoffMs } from '../../runtime/backoff.js';
import { FETCH, FETCH_TOPIC_ID_VERSION, type FetchedPartition, type FetchRequest } from '../wire/apis/fetch.js';
import { call, isTransient } from '../wire/call.js';
import type { ClusterClient, TopicMetadata } from '../wire/cluster-client.js';
import { isRetriable, KafkaCode, kafkaError } from '../wire/error-codes.js';
import { listOffsets, TIMESTAMP_EARLIEST } from '../wire/operations/list-offsets.js';
import { scanBatches } from '../wire/records/batch-scan.js';
import { loadCodecs } from '../wire/records/compression.js';
import { type DecodedRecord, decodeBatch } from '../wire/records/record-codec.js';
import { TxnFilter } from '../wire/records/txn-filter.js';
import { MapIndex } from './map-index.js';

const PURPOSE = 'offset-map';
/** Of one answer and partition: some ten milliseconds of decoding at a time, and no less than the largest batch that is written there. */
const FETCH_BYTES = 1024 * 1024;
/** Leaders that move, or a topic that is just being made, are waited for this long. */
const PATIENCE_MS = 10_000;
const RETRY_BACKOFF = { initialMs: 50, maxMs: 1_000 } as const;
const BY_NAME_VERSION = FETCH_TOPIC_ID_VERSION - 1;

export interface MapTailDeps {
  readonly client: ClusterClient;
  readonly fleet: string;
  readonly logger: Logger;
  readonly maxRuns?: number;
  /** Only this part of the topic. */
  readonly only?: number;
  /** Gets what is read instead of the index. */
  readonly sink?: MapSink;
}

/** What becomes of the records of the map topic, in the order of each part. */
export interface MapSink {
  take(part: number, record: DecodedRecord): void;
  /** The part is read from its beginning again. */
  clear(part: number): void;
}

/** Where reading of one partition of the map topic has come to. */
interface Part {
  readonly partition: number;
  position: number;
  readonly filter: TxnFilter;
}

/** Follows one target's map topic, asked for and no more often than its readers ask; only what transactions have committed counts. */
export class MapTail {
  readonly index: MapIndex;
  readonly #deps: MapTailDeps;
  readonly #sink: MapSink;
  readonly #topic: string;
  #parts = new Map<number, Part>();
  #topicId: string | null | undefined;
  #refreshing: Promise<void> | undefined;
  #refreshedAtMs = Number.NEGATIVE_INFINITY;

  constructor(deps: MapTailDeps) {
    this.#deps = deps;
    this.#topic = offsetMapTopic(deps.fleet);
    const cluster = deps.client.cluster.name;
    this.index = new MapIndex({
      ...(deps.maxRuns === undefined ? {} : { maxRuns: deps.maxRuns }),
      unreadable: (msg) => deps.logger.warn('offset-map.unreadable', { cluster, msg }),
    });
    this.#sink = deps.sink ?? this.index;
  }

  monotonicMs(): number {
    return this.#deps.client.clock.monotonicMs();
  }

  /**
   * Brings the index to where the topic is now, or was at most `maxAgeMs` ago. A topic that is not there is an empty one.
   * @throws CLUSTER_UNREACHABLE and the like, KAFKA_AUTH_FAILED, KAFKA_ERROR
   */
  async refresh(maxAgeMs: number): Promise<void> {
    const { clock } = this.#deps.client;
    const sinceMs = clock.monotonicMs() - maxAgeMs;
    // One under way may have begun before what is looked for was written.
    if (this.#refreshing !== undefined) await this.#refreshing.catch(() => undefined);
    if (this.#refreshedAtMs >= sinceMs) return;
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  async #refresh(): Promise<void> {
    const { clock, random } = this.#deps.client;
    await loadCodecs();
    const beganMs = clock.monotonicMs();
    const done = new Set<Part>();
    for (let attempt = 0; ; attempt += 1) {
      const metadata = await this.#describe();
      if (metadata === undefined) break;
      const open = [...this.#parts.values()].filter((part) => !done.has(part));
      const waiting = new Set(await this.#read(metadata, open));
      if (waiting.size === 0) break;
      if (clock.monotonicMs() - beganMs >= PATIENCE_MS) throw this.#fault(KafkaCode.LEADER_NOT_AVAILABLE);
      for (const part of open) if (!waiting.has(part)) done.add(part);
      await clock.sleep(backoffMs(attempt, RETRY_BACKOFF, random));
    }
    this.#refreshedAtMs = beganMs;
  }

  /** Undefined: the topic is not there. */
  async #describe(): Promise<TopicMetadata | undefined> {
    const topic = (await this.#deps.client.metadata([this.#topic])).topics.get(this.#topic);
    const code = topic?.errorCode ?? KafkaCode.UNKNOWN_TOPIC_OR_PARTITION;
    if (code === KafkaCode.UNKNOWN_TOPIC_OR_PARTITION || topic === undefined) {
      this.#forget();
      return undefined;
    }
    if (code !== KafkaCode.NONE && !isRetriable(code)) throw this.#fault(code);
    if (this.#topicId !== undefined && topic.topicId !== this.#topicId) this.#forget();
    this.#topicId = topic.topicId;
    const { only } = this.#deps;
    for (const { partition } of topic.partitions) {
      if (only !== undefined && partition !== only) continue;
      if (!this.#parts.has(partition)) this.#parts.set(partition, { partition, position: 0, filter: new TxnFilter() });
    }
    return topic;
  }

  /** @returns those that have to be asked again, their leader being elsewhere or nowhere */
  async #read(metadata: TopicMetadata, parts: readonly Part[]): Promise<readonly Part[]> {
    const byLeader = new Map<number, Part[]>();
    for (const part of parts) {
      const leader = metadata.partitions.find(({ partition }) => partition === part.partition)?.leader ?? -1;
      byLeader.set(leader, [...(byLeader.get(leader) ?? []), part]);
    }
    const waiting = await Promise.all(
      [...byLeader].map(([leader, own]) => (leader < 0 ? own : this.#readFrom(leader, metadata.topicId, own))),
    );
    return waiting.flat();
  }

  async #readFrom(leader: number, topicId: string | null, parts: readonly Part[]): Promise<readonly Part[]> {
    const again: Part[] = [];
    let open = parts;
    while (open.length > 0) {
      const answers = await this.#fetch(leader, topicId, open);
      if (answers === undefined) return [...again, ...open];
      const behind: Part[] = [];
      for (const part of open) {
        const fetched = answers.find(({ partition }) => partition === part.partition);
        const state = fetched === undefined ? 'again' : await this.#take(part, fetched);
        if (state === 'again') again.push(part);
        else if (state === 'behind') behind.push(part);
      }
      open = behind;
    }
    return again;
  }

  async #fetch(
    leader: number,
    topicId: string | null,
    parts: readonly Part[],
  ): Promise<readonly FetchedPartition[] | undefined> {
    const { client } = this.#deps;
    const topic = this.#topic;
    const partitions = parts.map(({ partition, position }) => {
      return { topic, topicId, partition, fetchOffset: position, currentLeaderEpoch: -1, maxBytes: FETCH_BYTES };
    });
    const request: FetchRequest = {
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: FETCH_BYTES * parts.length,
      isolationLevel: 1,
      sessionId: 0,
      sessionEpoch: -1,
      partitions,
      forgotten: [],
      rackId: '',
    };
    try {
      const options = topicId === null ? { maxVersion: BY_NAME_VERSION } : {};
      const answer = await call(await client.connection(leader, PURPOSE), FETCH, request, options);
      if (answer.errorCode !== KafkaCode.NONE && !isRetriable(answer.errorCode)) throw this.#fault(answer.errorCode);
      return answer.topics[0]?.partitions ?? [];
    } catch (error) {
      if (!isTransient(error)) throw error;
      return undefined;
    }
  }

  async #take(part: Part, fetched: FetchedPartition): Promise<'again' | 'behind' | 'done'> {
    const { errorCode, records, abortedTransactions, lastStableOffset } = fetched;
    if (errorCode === KafkaCode.OFFSET_OUT_OF_RANGE) {
      await this.#startOver(part);
      return 'again';
    }
    if (errorCode !== KafkaCode.NONE) {
      if (!isRetriable(errorCode)) throw this.#fault(errorCode);
      return 'again';
    }
    const before = part.position;
    this.#index(part, records ?? Buffer.alloc(0), abortedTransactions);
    // Other work of the process has its turn.
    await this.#deps.client.clock.sleep(0);
    return part.position > before && part.position < lastStableOffset ? 'behind' : 'done';
  }

  #index(part: Part, records: Buffer, aborted: FetchedPartition['abortedTransactions']): void {
    const cursor = scanBatches(records);
    part.filter.reset(aborted);
    while (cursor.next()) {
      const isAborted = part.filter.isAborted(cursor);
      const { buffer, start, length, lastOffset } = cursor;
      if (lastOffset < part.position) continue;
      const batch = decodeBatch(buffer.subarray(start, start + length));
      if (!isAborted && !batch.control) {
        for (const record of batch.records) if (record.offset >= part.position) this.#sink.take(part.partition, record);
      }
      part.position = lastOffset + 1;
    }
  }

  /** Its log begins behind the position, or ends before it. */
  async #startOver(part: Part): Promise<void> {
    const place = { topic: this.#topic, partition: part.partition, timestamp: TIMESTAMP_EARLIEST };
    const [listed] = await listOffsets(this.#deps.client, 'read_uncommitted', [place]);
    this.#sink.clear(part.partition);
    part.position = listed?.errorCode === KafkaCode.NONE ? Number(listed.offset) : 0;
  }

  #forget(): void {
    for (const partition of this.#parts.keys()) this.#sink.clear(partition);
    this.#parts = new Map();
    this.#topicId = undefined;
  }

  #fault(code: number): CausewayError {
    return kafkaError(code, { cluster: this.#deps.client.cluster.name, topic: this.#topic }, 'read the offset map');
  }
}
