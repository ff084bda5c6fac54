import type { CausewayError } from '../../../errors/error.js';
import type { TopicConfigs } from '../../../model/topic-config.js';
import { ApiKey } from '../api-keys.js';
import { DELETE_BY_ID_VERSION, DELETE_TOPICS } from '../apis/delete-topics.js';
import { DESCRIBE_CONFIGS, TOPIC_CONFIG_SOURCE, TOPIC_RESOURCE } from '../apis/describe-configs.js';
import { type ConfigChange, INCREMENTAL_ALTER_CONFIGS } from '../apis/incremental-alter-configs.js';
import { call } from '../call.js';
import type { ClusterClient } from '../cluster-client.js';
import type { BrokerConnection } from '../connection.js';
import { KafkaCode, kafkaError } from '../error-codes.js';

const PURPOSE = 'admin';
/** Topics in one request: some 50 configs each. */
const MAX_TOPICS_PER_REQUEST = 100;

type AdminClient = Pick<ClusterClient, 'cluster' | 'anyConnection' | 'connection' | 'metadata'>;

/**
 * All configs of each topic, those that are the cluster's defaults as well. A topic that is not there is missing in the answer.
 * @throws KAFKA_ERROR for a topic that may not be described; CLUSTER_UNREACHABLE and the like
 */
export async function describeTopicConfigs(
  client: AdminClient,
  topics: readonly string[],
): Promise<ReadonlyMap<string, TopicConfigs>> {
  const found = new Map<string, TopicConfigs>();
  for (const batch of batchesOf(topics)) {
    const connection = await client.anyConnection();
    const resources = batch.map((name) => ({ type: TOPIC_RESOURCE, name, keys: null }));
    const { results } = await call(connection, DESCRIBE_CONFIGS, { resources }, timeoutOf(client));
    for (const { errorCode, errorMessage, name, configs } of results) {
      if (errorCode === KafkaCode.UNKNOWN_TOPIC_OR_PARTITION) continue;
      if (errorCode !== KafkaCode.NONE) {
        const place = { cluster: client.cluster.name, topic: name };
        throw kafkaError(errorCode, place, `describe the configs of topic ${name}`, errorMessage);
      }
      const entries = configs.map(({ source, ...config }) => ({ ...config, isOwn: source === TOPIC_CONFIG_SOURCE }));
      found.set(name, new Map(entries.map((config) => [config.name, config])));
    }
  }
  return found;
}

/**
 * Sets configs of topics, or takes their own values away; what is not named stays (KIP-339).
 * @returns those that failed
 * @throws CLUSTER_UNREACHABLE and the like: unknown which were changed; doing it again does no harm
 */
export async function alterTopicConfigs(
  client: AdminClient,
  topics: ReadonlyMap<string, readonly ConfigChange[]>,
): Promise<ReadonlyMap<string, CausewayError>> {
  const failed = new Map<string, CausewayError>();
  for (const batch of batchesOf([...topics.keys()])) {
    const connection = await controllerOf(client);
    const resources = batch.map((name) => ({ type: TOPIC_RESOURCE, name, changes: topics.get(name) ?? [] }));
    const { results } = await call(connection, INCREMENTAL_ALTER_CONFIGS, { resources }, timeoutOf(client));
    for (const { errorCode, errorMessage, name } of results) {
      if (errorCode === KafkaCode.NONE) continue;
      const place = { cluster: client.cluster.name, topic: name };
      failed.set(name, kafkaError(errorCode, place, `change the configs of topic ${name}`, errorMessage));
    }
  }
  return failed;
}

/**
 * Deletes this very incarnation of the topic; `absent`: it is there no more. Brokers that cannot name topics by their ids (before 2.8) are
 * asked for the name, just after they told that it has that id or none.
 * @throws KAFKA_ERROR when the cluster refuses
 */
export async function deleteTopicIncarnation(
  client: AdminClient,
  { topic, topicId }: { readonly topic: string; readonly topicId: string | null },
): Promise<'deleted' | 'absent'> {
  const connection = await controllerOf(client);
  const byId = topicId !== null && connection.requireVersion(ApiKey.DeleteTopics) >= DELETE_BY_ID_VERSION;
  const request = {
    topics: [{ name: topic, topicId: byId ? topicId : null }],
    timeoutMs: client.cluster.requestTimeoutMs,
  };
  const { results } = await call(connection, DELETE_TOPICS, request, timeoutOf(client));
  const code = results[0]?.errorCode ?? KafkaCode.UNKNOWN_SERVER_ERROR;
  if (code === KafkaCode.NONE) return 'deleted';
  if (code === KafkaCode.UNKNOWN_TOPIC_OR_PARTITION || code === KafkaCode.UNKNOWN_TOPIC_ID) return 'absent';
  throw kafkaError(code, { cluster: client.cluster.name, topic }, `delete topic ${topic}`, results[0]?.errorMessage);
}

/** With ZooKeeper only the controller takes these; in KRaft mode every broker passes them on, and names itself or another. */
async function controllerOf(client: AdminClient): Promise<BrokerConnection> {
  const { controllerId } = await client.metadata([]);
  return controllerId < 0 ? await client.anyConnection() : await client.connection(controllerId, PURPOSE);
}

function timeoutOf({ cluster }: AdminClient): { readonly timeoutMs: number } {
  return { timeoutMs: cluster.requestTimeoutMs };
}

function batchesOf(topics: readonly string[]): string[][] {
  const batches: string[][] = [];
  for (let from = 0; from < topics.length; from += MAX_TOPICS_PER_REQUEST) {
    batches.push(topics.slice(from, from + MAX_TOPICS_PER_REQUEST));
  }
  return batches;
}
