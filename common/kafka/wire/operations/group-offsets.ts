import { ApiKey } from '../api-keys.js';
import { OFFSET_FETCH } from '../apis/offset-fetch.js';
import { type GroupOffsets, OFFSET_FETCH_GROUPS, OFFSET_FETCH_GROUPS_VERSION } from '../apis/offset-fetch-groups.js';
import { call } from '../call.js';
import type { ClusterClient } from '../cluster-client.js';
import type { BrokerConnection } from '../connection.js';
import { KafkaCode } from '../error-codes.js';
import { askCoordinators, type GroupAnswers } from './ask-coordinators.js';

const GROUPS_PER_REQUEST = 100;

/**
 * Everything that these groups have committed: one request for a hundred groups of a coordinator, one for each where brokers cannot do
 * better (before Kafka 3.0). A group that does not exist has committed nothing.
 */
export function groupOffsets(client: ClusterClient, groups: readonly string[]): Promise<GroupAnswers<GroupOffsets>> {
  return askCoordinators(client, {
    groups,
    groupsPerRequest: GROUPS_PER_REQUEST,
    what: 'fetch the offsets',
    ask: async (connection, asked) => {
      if ((connection.versionOf(ApiKey.OffsetFetch) ?? 0) >= OFFSET_FETCH_GROUPS_VERSION) {
        return (await call(connection, OFFSET_FETCH_GROUPS, { groups: asked })).groups.map(toleratingAbsence);
      }
      const answers: GroupOffsets[] = [];
      for (const group of asked) answers.push(await askForOne(connection, group));
      return answers;
    },
  });
}

async function askForOne(connection: BrokerConnection, group: string): Promise<GroupOffsets> {
  const request = { groupId: group, partitions: null, requireStable: false };
  const { errorCode, partitions } = await call(connection, OFFSET_FETCH, request);
  return toleratingAbsence({ group, errorCode, partitions });
}

/** Brokers that know the groups of KIP-848 say so of a group that is not there. */
function toleratingAbsence(answer: GroupOffsets): GroupOffsets {
  if (answer.errorCode !== KafkaCode.GROUP_ID_NOT_FOUND) return answer;
  return { ...answer, errorCode: KafkaCode.NONE, partitions: [] };
}
