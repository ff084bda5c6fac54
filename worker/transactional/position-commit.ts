import { type Checkpoint, encodeCheckpointMetadata } from '../../common/model/checkpoint.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import type { Enrolment } from './enrolment.js';
import type { Rider } from './rider.js';
import type { TransactionCalls } from './transaction-calls.js';

export interface Position {
  readonly rider: Rider;
  readonly checkpoint: Checkpoint;
}

export interface RefusedPosition {
  readonly rider: Rider;
  /** Kafka's. */
  readonly errorCode: number;
}

/** Makes the positions part of the transaction, in the groups that keep them. @returns those that the target refuses for themselves */
export async function commitPositions(
  calls: TransactionCalls,
  enrolment: Enrolment,
  positions: readonly Position[],
): Promise<readonly RefusedPosition[]> {
  const groups = new Map<string, Position[]>();
  for (const position of positions) {
    const { group } = position.rider.partition;
    groups.set(group, [...(groups.get(group) ?? []), position]);
  }
  // One after the other: the coordinator takes one change of a transaction at a time.
  for (;;) {
    const group = enrolment.takeGroup(groups.keys());
    if (group === undefined) break;
    await calls.addGroup(group);
  }
  const refused = await Promise.all([...groups].map(([group, members]) => commitGroup(calls, group, members)));
  return refused.flat();
}

async function commitGroup(
  calls: TransactionCalls,
  group: string,
  members: readonly Position[],
): Promise<readonly RefusedPosition[]> {
  const riders = new Map(members.map(({ rider }) => [rider.partition.targetKey, rider]));
  const entries = members.map(({ rider: { partition }, checkpoint }) => ({
    topic: partition.item.targetTopic,
    partition: partition.item.partition,
    offset: checkpoint.targetOffset,
    leaderEpoch: -1,
    metadata: encodeCheckpointMetadata(checkpoint),
  }));
  const codes = await calls.commitPositions(group, entries);
  return codes.flatMap(({ topic, partition, errorCode }) => {
    const rider = riders.get(partitionKey(topic, partition));
    return rider === undefined ? [] : [{ rider, errorCode }];
  });
}
