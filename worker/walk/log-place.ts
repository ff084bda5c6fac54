import { CausewayError } from '../../common/errors/error.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { KafkaCode, kafkaError } from '../../common/kafka/wire/error-codes.js';
import type { Isolation } from '../../common/model/route.js';

/** One partition's log at one cluster. */
export interface LogPlace {
  readonly role: 'source' | 'target';
  readonly client: Pick<ClusterClient, 'cluster' | 'metadata' | 'connection'>;
  readonly topic: string;
  /** The incarnation that is meant; null: the one that is there. */
  readonly topicId: string | null;
  readonly partition: number;
  readonly isolation: Isolation;
}

/** Who serves the log now, and under which id its topic is asked for. */
export interface LogLeader {
  readonly broker: number;
  readonly epoch: number;
  readonly topicId: string | null;
}

/**
 * The log's leader.
 * @throws SOURCE_TOPIC_RECREATED, TARGET_TOPIC_RECREATED: the topic is another one; SOURCE_TOPIC_MISSING, TARGET_TOPIC_MISSING: at the moment
 * there is none, or it has no leader; CLUSTER_UNREACHABLE and the like
 */
export async function findLeader({ role, client, topic, topicId, partition }: LogPlace): Promise<LogLeader> {
  const place = { cluster: client.cluster.name, topic, partition };
  const found = (await client.metadata([topic])).topics.get(topic);
  const missing = (what: string): CausewayError =>
    new CausewayError(role === 'source' ? 'SOURCE_TOPIC_MISSING' : 'TARGET_TOPIC_MISSING', what, { place });
  if (found?.errorCode === KafkaCode.TOPIC_AUTHORIZATION_FAILED) throw denied(place, found.errorCode);
  if (found === undefined || found.errorCode !== KafkaCode.NONE)
    throw missing('the topic does not exist at the moment');
  if (topicId !== null && found.topicId !== null && found.topicId !== topicId) {
    const code = role === 'source' ? 'SOURCE_TOPIC_RECREATED' : 'TARGET_TOPIC_RECREATED';
    throw new CausewayError(code, `the topic now has id ${found.topicId}, not ${topicId}`, { place });
  }
  const leading = found.partitions.find((candidate) => candidate.partition === partition);
  if (leading === undefined || leading.leader < 0) throw missing('the partition has no leader at the moment');
  return { broker: leading.leader, epoch: leading.leaderEpoch, topicId: found.topicId };
}

export function denied(place: { cluster: string; topic: string; partition: number }, code: number): CausewayError {
  const fix = 'Grant READ on the topic to the principal that Causeway connects as.';
  return new CausewayError('KAFKA_AUTH_FAILED', 'READ on the topic is denied', {
    place,
    fix,
    kafkaCode: code,
    cause: kafkaError(code, place, 'fetch'),
  });
}
