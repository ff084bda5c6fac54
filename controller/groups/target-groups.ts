import type { CausewayError } from '../../common/errors/error.js';
import type { GroupOffsets } from '../../common/kafka/wire/apis/offset-fetch-groups.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { KafkaCode } from '../../common/kafka/wire/error-codes.js';
import { groupOffsets } from '../../common/kafka/wire/operations/group-offsets.js';
import { type GroupListing, listGroups } from '../../common/kafka/wire/operations/list-groups.js';
import {
  listOffsets,
  type OffsetQuery,
  TIMESTAMP_EARLIEST,
  TIMESTAMP_LATEST,
} from '../../common/kafka/wire/operations/list-offsets.js';
import { partitionKey, type TopicPartition } from '../../common/model/topic-partition.js';
import type { LogBounds, TargetGroup } from '../core/group-sync.js';

/** Groups at the target, as they are now. */
export interface TargetGroups {
  readonly groups: ReadonlyMap<string, TargetGroup>;
  /** By group, then by partition. */
  readonly offsets: ReadonlyMap<string, ReadonlyMap<string, bigint>>;
  /** Groups that could not be asked. */
  readonly failed: ReadonlyMap<string, CausewayError>;
}

const IDLE_STATES: ReadonlySet<string> = new Set(['Empty', 'Dead']);
const ABSENT: TargetGroup = { isActive: false, hadMembers: false };

/** One request a broker for the states, one for a hundred groups' offsets. */
export async function readTargetGroups(client: ClusterClient, names: readonly string[]): Promise<TargetGroups> {
  const wanted = new Set(names);
  // States before offsets: a member that comes in between commits against what we then compare with.
  const listed = await listGroups(client, (group) => wanted.has(group));
  const { found, failed } = await groupOffsets(client, names);
  const groups = names.map((name) => [name, standingOf(listed.get(name))] as const);
  const offsets = [...found].map(([group, answer]) => [group, committedBy(answer)] as const);
  return { groups: new Map(groups), offsets: new Map(offsets), failed };
}

/** Its committed offsets, by partition. */
export function committedBy(answer: GroupOffsets | undefined): ReadonlyMap<string, bigint> {
  const committed = (answer?.partitions ?? []).filter(
    ({ errorCode, offset }) => errorCode === KafkaCode.NONE && offset >= 0n,
  );
  return new Map(committed.map((at) => [partitionKey(at.topic, at.partition), at.offset]));
}

function standingOf(listed: GroupListing | undefined): TargetGroup {
  if (listed === undefined) return ABSENT;
  const { state, protocolType, type } = listed;
  // A group of KIP-848 is made by its first member; one of simple commits is classic, and without a protocol.
  return { isActive: !IDLE_STATES.has(state), hadMembers: protocolType !== '' || type === 'consumer' };
}

/** Start and end of these partitions' logs. @returns without those that cannot be told */
export async function readBounds(
  client: ClusterClient,
  partitions: readonly TopicPartition[],
): Promise<ReadonlyMap<string, LogBounds>> {
  const query = (timestamp: bigint) => {
    return partitions.map(({ topic, partition }): OffsetQuery => ({ topic, partition, timestamp }));
  };
  const listed = await listOffsets(client, 'read_uncommitted', [
    ...query(TIMESTAMP_EARLIEST),
    ...query(TIMESTAMP_LATEST),
  ]);
  const bounds = new Map<string, LogBounds>();
  partitions.forEach(({ topic, partition }, index) => {
    const [start, end] = [listed[index], listed[index + partitions.length]];
    if (start?.errorCode !== KafkaCode.NONE || end?.errorCode !== KafkaCode.NONE) return;
    bounds.set(partitionKey(topic, partition), { start: start.offset, end: end.offset });
  });
  return bounds;
}
