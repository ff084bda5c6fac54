import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { KafkaCode, kafkaError } from '../../common/kafka/wire/error-codes.js';
import { listOffsets, TIMESTAMP_EARLIEST, TIMESTAMP_LATEST } from '../../common/kafka/wire/operations/list-offsets.js';
import type { Isolation } from '../../common/model/route.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import { shuttingDown } from './drive.js';
import type { LogBounds } from './log-feed.js';
import { denied } from './log-place.js';
import type { ReadingDeps } from './log-reader.js';

const RETRY_BACKOFF = { initialMs: 100, maxMs: 1_000 } as const;

export interface BoundsQuestion {
  readonly client: ClusterClient;
  readonly topic: string;
  readonly partition: number;
  readonly isolation: Isolation;
}

/**
 * Where a log begins and ends now, as its leader says. A leader that cannot say yet, its high watermark behind (78), is asked again.
 * @throws KAFKA_ERROR, KAFKA_AUTH_FAILED; CLUSTER_UNREACHABLE and the like; SHUTTING_DOWN
 */
export async function logBounds(
  { client, topic, partition, isolation }: BoundsQuestion,
  { clock, random, signal, patienceMs }: Omit<ReadingDeps, 'pool'>,
): Promise<LogBounds> {
  const place = { cluster: client.cluster.name, topic, partition };
  const untilMs = clock.monotonicMs() + patienceMs;
  for (let attempt = 0; ; attempt += 1) {
    const [earliest, latest] = await listOffsets(client, isolation, [
      { topic, partition, timestamp: TIMESTAMP_EARLIEST },
      { topic, partition, timestamp: TIMESTAMP_LATEST },
    ]);
    if (signal.aborted) throw shuttingDown();
    const code = earliest?.errorCode || (latest?.errorCode ?? KafkaCode.UNKNOWN_SERVER_ERROR);
    if (code === KafkaCode.NONE && earliest !== undefined && latest !== undefined) {
      return { start: Number(earliest.offset), end: Number(latest.offset) };
    }
    if (code === KafkaCode.TOPIC_AUTHORIZATION_FAILED) throw denied(place, code);
    if (clock.monotonicMs() >= untilMs) throw kafkaError(code, place, 'list the log’s offsets');
    await clock.sleep(backoffMs(attempt, RETRY_BACKOFF, random), signal);
    if (signal.aborted) throw shuttingDown();
  }
}
