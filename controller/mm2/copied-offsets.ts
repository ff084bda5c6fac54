import { CausewayError } from '../../common/errors/error.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { KafkaCode, kafkaError } from '../../common/kafka/wire/error-codes.js';
import { listGroups } from '../../common/kafka/wire/operations/list-groups.js';
import { scanLog } from '../../common/kafka/wire/operations/scan-log.js';
import { decodeCopiedOffset, decodeCopiedPartition, mm2WorkerGroup } from '../../common/mm2/connect-offsets.js';

/** Partitions of all connectors together. */
const MAX_POSITIONS = 500_000;

export interface CopiedOffsets {
  /** Source offset of the last record copied, by connector, topic and partition. */
  readonly connectors: ReadonlyMap<string, ReadonlyMap<string, ReadonlyMap<number, bigint>>>;
  /** Workers in dedicated mode had members in their group, before the positions were read or afterwards. */
  readonly isRunning: boolean;
}

/**
 * What Connect remembers of MirrorMaker 2's copying from one cluster. As consumers read it: what a worker with exactly-once support did not commit
 * does not count.
 * @throws TAKEOVER_REFUSED, KAFKA_ERROR, CLUSTER_UNREACHABLE...
 */
export async function readCopiedOffsets(
  client: ClusterClient,
  { topic, alias, signal }: { readonly topic: string; readonly alias: string; readonly signal: AbortSignal },
): Promise<CopiedOffsets> {
  const place = { cluster: client.cluster.name, topic };
  const described = (await client.metadata([topic])).topics.get(topic);
  const code = described?.errorCode ?? KafkaCode.UNKNOWN_TOPIC_OR_PARTITION;
  if (code === KafkaCode.UNKNOWN_TOPIC_OR_PARTITION) {
    throw new CausewayError('TAKEOVER_REFUSED', 'there is no such topic: Connect keeps its offsets elsewhere', {
      place,
      fix: 'Name offset.storage.topic of the Connect cluster, and the cluster that it is on.',
    });
  }
  if (described === undefined || code !== KafkaCode.NONE) throw kafkaError(code, place, 'describe the topic');
  // One that stops while it is read writes down how far it has come behind what was read; one that starts goes on beyond it.
  const ranBefore = await hasMembers(client, alias);
  const connectors = new Map<string, Map<string, Map<number, bigint>>>();
  let positions = 0;
  const note = (key: Buffer | null, value: Buffer | null): void => {
    const copied = key === null ? undefined : decodeCopiedPartition(key);
    const offset = decodeCopiedOffset(value);
    if (copied === undefined || copied.cluster !== alias) return;
    if (offset === undefined) {
      const where = `${copied.topic}-${copied.partition}`;
      throw new CausewayError('TAKEOVER_REFUSED', `the offset of ${where} is in no form that MirrorMaker 2 writes`, {
        place,
      });
    }
    const topics = entry(connectors, copied.connector, () => new Map<string, Map<number, bigint>>());
    const partitions = entry(topics, copied.topic, () => new Map<number, bigint>());
    if (offset === null) partitions.delete(copied.partition);
    else if (!partitions.has(copied.partition) && ++positions > MAX_POSITIONS) {
      throw new CausewayError('TAKEOVER_REFUSED', `it has more than ${MAX_POSITIONS} positions`, { place });
    } else partitions.set(copied.partition, offset);
  };
  for (const { partition } of described.partitions) {
    await scanLog(client, {
      place: { topic, partition },
      from: 0n,
      isolation: 'read_committed',
      signal,
      visit: (records) => {
        for (const { key, value } of records) note(key, value);
        return true;
      },
    });
  }
  return { connectors, isRunning: (await hasMembers(client, alias)) || ranBefore };
}

async function hasMembers(client: ClusterClient, alias: string): Promise<boolean> {
  const group = mm2WorkerGroup(alias);
  const found = (await listGroups(client, (name) => name === group)).get(group);
  return found !== undefined && found.state !== 'Empty' && found.state !== 'Dead';
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const present = map.get(key);
  if (present !== undefined) return present;
  const made = make();
  map.set(key, made);
  return made;
}
