import { backoffMs } from '../../../runtime/backoff.js';
import { DESCRIBE_GROUPS } from '../apis/describe-groups.js';
import { LIST_GROUPS, type ListedGroup } from '../apis/list-groups.js';
import { call } from '../call.js';
import type { ClusterClient } from '../cluster-client.js';
import { isRetriable, KafkaCode, kafkaError } from '../error-codes.js';
import { askCoordinators } from './ask-coordinators.js';

export interface GroupListing {
  readonly group: string;
  /** `consumer`, `connect`...; '' where nobody ever joined: its offsets were committed from outside. */
  readonly protocolType: string;
  /** Empty, Stable, PreparingRebalance, CompletingRebalance, Assigning, Reconciling, Dead... */
  readonly state: string;
  /** classic, consumer (KIP-848), share...; `classic` where brokers do not tell (before Kafka 3.8). */
  readonly type: string;
}

const PURPOSE = 'coordinator';
const GROUPS_PER_REQUEST = 100;
const BACKOFF = { initialMs: 50, maxMs: 1_000 } as const;
/** A coordinator that only now takes over, or has just been made, reads its groups first: for so long it is asked again. */
const PATIENCE_MS = 5_000;

/**
 * All groups of the cluster that we may see, from each broker those that it coordinates: one request a broker.
 * Brokers before Kafka 2.6 list no states: those of the groups that `wanted` picks are asked for then.
 * @throws KAFKA_ERROR, CLUSTER_UNREACHABLE and the like when a broker cannot answer: a list with holes would say that groups are gone
 */
export async function listGroups(
  client: ClusterClient,
  wanted: (group: string) => boolean,
): Promise<ReadonlyMap<string, GroupListing>> {
  const { brokers } = await client.metadata([]);
  const lists = await Promise.all([...brokers.keys()].map((broker) => listAt(client, broker)));
  const listed = lists.flat().filter(({ groupId }) => wanted(groupId));
  const stateless = listed.filter(({ state }) => state === null).map(({ groupId }) => groupId);
  const states = stateless.length === 0 ? new Map<string, string>() : await statesOf(client, stateless);
  return new Map(
    listed.map(({ groupId: group, protocolType, state, type }) => {
      return [group, { group, protocolType, state: state ?? states.get(group) ?? '', type: type ?? 'classic' }];
    }),
  );
}

async function listAt(client: ClusterClient, broker: number): Promise<readonly ListedGroup[]> {
  const { clock, cluster, random } = client;
  const untilMs = clock.monotonicMs() + Math.min(PATIENCE_MS, cluster.requestTimeoutMs);
  for (let attempt = 0; ; attempt += 1) {
    const { errorCode, groups } = await call(await client.connection(broker, PURPOSE), LIST_GROUPS, {});
    if (errorCode === KafkaCode.NONE) return groups;
    if (!isRetriable(errorCode) || clock.monotonicMs() >= untilMs) {
      throw kafkaError(errorCode, { cluster: cluster.name }, `list the groups that broker ${broker} coordinates`);
    }
    await clock.sleep(backoffMs(attempt, BACKOFF, random));
  }
}

async function statesOf(client: ClusterClient, groups: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { found, failed } = await askCoordinators(client, {
    groups,
    groupsPerRequest: GROUPS_PER_REQUEST,
    what: 'describe the state',
    ask: async (connection, asked) => {
      const answer = await call(connection, DESCRIBE_GROUPS, { groups: asked });
      return answer.groups.map(({ groupId, errorCode, state }) => ({ group: groupId, errorCode, state }));
    },
  });
  const fault = [...failed.values()][0];
  if (fault !== undefined) throw fault;
  return new Map([...found.values()].map(({ group, state }) => [group, state]));
}
