import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { kafkaError } from '../../common/kafka/wire/error-codes.js';
import { listOffsets, TIMESTAMP_EARLIEST, TIMESTAMP_LATEST } from '../../common/kafka/wire/operations/list-offsets.js';
import { scanLog } from '../../common/kafka/wire/operations/scan-log.js';
import type { DecodedRecord } from '../../common/kafka/wire/records/record-codec.js';
import type { Isolation } from '../../common/model/route.js';
import type { ClusterQuestions } from '../metadata/cluster-clients.js';

/** Who asks waits. */
const TIMEOUT_MS = 20_000;
/** Of keys, values and headers, over all partitions of one question. */
const MAX_BYTES = 16 << 20;

export interface SampleQuestion {
  readonly cluster: string;
  readonly topic: string;
  readonly partitions: readonly number[];
  /** Absent: so that the newest are read. */
  readonly from?: bigint;
  /** Records of each partition. */
  readonly limit: number;
  readonly isolation: Isolation;
}

export interface PartitionSample {
  readonly partition: number;
  readonly records: readonly DecodedRecord[];
  /** More lies behind them. */
  readonly isCutOff: boolean;
}

/** Reads some real records of a cluster. */
export interface RecordSamples {
  /** @throws CLUSTER_UNREACHABLE and the like, KAFKA_ERROR */
  read(question: SampleQuestion): Promise<readonly PartitionSample[]>;
}

export class KafkaRecordSamples implements RecordSamples {
  readonly #questions: ClusterQuestions;

  constructor(questions: ClusterQuestions) {
    this.#questions = questions;
  }

  read(question: SampleQuestion): Promise<readonly PartitionSample[]> {
    const { cluster, topic } = question;
    const asked = { cluster, timeoutMs: TIMEOUT_MS, wanted: 'the records', place: { topic } };
    return this.#questions.ask(asked, (client, signal) => sampled(client, question, signal));
  }
}

async function sampled(
  client: ClusterClient,
  { topic, partitions, from, limit, isolation }: SampleQuestion,
  signal: AbortSignal,
): Promise<readonly PartitionSample[]> {
  const samples: PartitionSample[] = [];
  let bytes = 0;
  for (const partition of partitions) {
    const start = from ?? (await newestFrom(client, { topic, partition }, isolation, limit));
    const records: DecodedRecord[] = [];
    const visit = (batch: readonly DecodedRecord[]): boolean => {
      for (const record of batch) {
        if (records.length === limit || bytes > MAX_BYTES) return false;
        bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0);
        for (const [name, value] of record.headers) bytes += name.length + (value?.length ?? 0);
        records.push(record);
      }
      return records.length < limit;
    };
    const { end } = await scanLog(client, { place: { topic, partition }, from: start, isolation, signal, visit });
    const next = (records.at(-1)?.offset ?? start - 1n) + 1n;
    samples.push({ partition, records, isCutOff: next < end });
  }
  return samples;
}

async function newestFrom(
  client: ClusterClient,
  place: { readonly topic: string; readonly partition: number },
  isolation: Isolation,
  limit: number,
): Promise<bigint> {
  const [earliest, latest] = await Promise.all(
    [TIMESTAMP_EARLIEST, TIMESTAMP_LATEST].map(async (timestamp) => {
      const [answer] = await listOffsets(client, isolation, [{ ...place, timestamp }]);
      if (answer === undefined || answer.errorCode !== 0) {
        throw kafkaError(answer?.errorCode ?? -1, place, 'ask where the log begins and ends');
      }
      return answer.offset;
    }),
  );
  const wanted = (latest ?? 0n) - BigInt(limit);
  return wanted > (earliest ?? 0n) ? wanted : (earliest ?? 0n);
}
