import { partitionKey } from '../../../model/topic-partition.js';
import {
  FETCH,
  FETCH_TOPIC_ID_VERSION,
  type FetchedPartition,
  type FetchPartition,
  type FetchRequest,
  type FetchResponse,
} from '../apis/fetch.js';
import type { BufferPool } from '../buffer-pool.js';
import { call } from '../call.js';
import type { ClusterClient } from '../cluster-client.js';
import { KafkaCode } from '../error-codes.js';
import { AGAIN, Gatherer, Gatherers } from '../gatherer.js';

/** Of one answer, over all its partitions; a first batch that is larger comes whole all the same (KIP-74). */
export const READ_BYTES = 4 << 20;
/** A partition that shares an answer with many gets this much at least. */
const MIN_SHARE_BYTES = 128 << 10;
const MAX_PARTITIONS = 500;
/** Length of a batch's base offset and length fields (KIP-98). */
const BATCH_HEAD_BYTES = 12;
const NO_BYTES = Buffer.alloc(0);

export type LogReadingClient = Pick<ClusterClient, 'cluster' | 'connection'>;

export interface LogReading {
  readonly client: LogReadingClient;
  readonly broker: number;
  /** Whoever reads for the same purpose shares a connection, and requests. */
  readonly purpose: string;
  readonly isolationLevel: 0 | 1;
  /** Of Fetch; the newest that both sides speak unless given. */
  readonly maxVersion?: number;
  /** Lends the memory of answers; the same for all of one purpose. */
  readonly pool?: BufferPool;
}

/** Where one log is read on; `maxBytes` is a wish that sharing cuts down to a part of `READ_BYTES`. */
export type LogQuestion = FetchPartition;

export interface LogAnswer {
  /** Kafka's, of the partition or of the whole answer. */
  readonly errorCode: number;
  /** undefined where the answer says nothing of it. */
  readonly fetched: FetchedPartition | undefined;
  /** Once, when nothing of the records is looked at any more. */
  release(): void;
}

const gatherers = new Gatherers<LogReadingClient, LogQuestion, LogAnswer>();

/**
 * Reads on in one partition's log, without a fetch session and without waiting for what is not there yet. Readers of the same broker that
 * want something at the same time share one request: a takeover of hundreds of partitions reads the ends of all their logs.
 * @throws what connecting and requests throw; UNSUPPORTED_BROKER
 */
export function readLog(reading: LogReading, question: LogQuestion): Promise<LogAnswer> {
  const { client, broker, purpose, isolationLevel } = reading;
  const nameOnly = question.topicId === null ? FETCH_TOPIC_ID_VERSION - 1 : Number.POSITIVE_INFINITY;
  const maxVersion = Math.min(reading.maxVersion ?? Number.POSITIVE_INFINITY, nameOnly);
  const name = `${broker}/${purpose}/${isolationLevel}/${maxVersion}`;
  const make = (): Gatherer<LogQuestion, LogAnswer> =>
    new Gatherer({
      ask: (questions) => askBroker({ ...reading, maxVersion }, questions),
      keyOf: ({ topic, partition }) => partitionKey(topic, partition),
      maxQuestions: MAX_PARTITIONS,
    });
  return gatherers.of(client, name, make).ask(question);
}

async function askBroker(
  { client, broker, purpose, isolationLevel, maxVersion, pool }: LogReading,
  questions: readonly LogQuestion[],
): Promise<(LogAnswer | typeof AGAIN)[]> {
  const connection = await client.connection(broker, purpose);
  const shareBytes = Math.max(MIN_SHARE_BYTES, Math.floor(READ_BYTES / questions.length));
  const request: FetchRequest = {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: Math.max(READ_BYTES, questions[0]?.maxBytes ?? 0),
    isolationLevel,
    sessionId: 0,
    sessionEpoch: -1,
    // The broker fills its answer in this order, and gives the first one batch at least.
    partitions: questions.map((question, i) => {
      // Asked for more than usual: its next batch is larger, and comes whole only if it is first.
      const isLarge = i === 0 && question.maxBytes > READ_BYTES;
      return isLarge ? question : { ...question, maxBytes: Math.min(question.maxBytes, shareBytes) };
    }),
    forgotten: [],
    // Without a rack the leader serves us itself.
    rackId: '',
  };
  let memory: Buffer = NO_BYTES;
  const api = {
    ...FETCH,
    decode: (version: number, bytes: Buffer): FetchResponse => {
      memory = bytes;
      return FETCH.decode(version, bytes);
    },
  };
  const response = await call(connection, api, request, {
    ...(pool === undefined ? {} : { pool }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
  });
  const byKey = new Map<string, FetchedPartition>();
  for (const { topic, topicId, partitions } of response.topics) {
    for (const fetched of partitions) byKey.set(partitionKey(topicId ?? topic, fetched.partition), fetched);
  }
  const lent = new Lent(pool, memory);
  const answers = questions.map((question, i) => {
    const { topic, topicId, partition } = question;
    const fetched =
      (topicId === null ? undefined : byKey.get(partitionKey(topicId, partition))) ??
      byKey.get(partitionKey(topic, partition));
    // Others filled the answer: it comes first in the next one.
    if (i > 0 && fetched !== undefined && wasLeftOut(question, fetched, isolationLevel)) return AGAIN;
    const errorCode = response.errorCode || (fetched?.errorCode ?? KafkaCode.UNKNOWN_SERVER_ERROR);
    return { errorCode, fetched, release: lent.retain() };
  });
  lent.release();
  return answers;
}

/** Something is there to be read, and not one batch of it came. */
function wasLeftOut({ fetchOffset }: LogQuestion, fetched: FetchedPartition, isolationLevel: 0 | 1): boolean {
  const end = isolationLevel === 1 ? fetched.lastStableOffset : fetched.highWatermark;
  if (fetched.errorCode !== KafkaCode.NONE || fetchOffset >= end) return false;
  const { records } = fetched;
  if (records === null || records.length < BATCH_HEAD_BYTES) return true;
  return records.readInt32BE(BATCH_HEAD_BYTES - 4) > records.length - BATCH_HEAD_BYTES;
}

/** The memory of one answer goes back with the last of those who read in it. */
class Lent {
  readonly #pool: BufferPool | undefined;
  readonly #memory: Buffer;
  #users = 1;

  constructor(pool: BufferPool | undefined, memory: Buffer) {
    this.#pool = pool;
    this.#memory = memory;
  }

  /** @returns what one more user lets go with, once */
  retain(): () => void {
    this.#users += 1;
    let isHeld = true;
    return () => {
      if (isHeld) this.release();
      isHeld = false;
    };
  }

  release(): void {
    this.#users -= 1;
    if (this.#users === 0) this.#pool?.give(this.#memory);
  }
}
