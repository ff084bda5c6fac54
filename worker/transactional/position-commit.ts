import { kafkaError } from '../../common/kafka/wire/error-codes.js';
import { type Checkpoint, encodeCheckpointMetadata } from '../../common/model/checkpoint.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { Enrolment } from './enrolment.js';
import type { Rider } from './rider.js';
import type { TransactionCalls } from './transaction-calls.js';
import { TransactionFault } from './transaction-fault.js';

const REFUSED_BACKOFF = { initialMs: 1_000, maxMs: 60_000 } as const;

interface Position {
  readonly rider: Rider;
  readonly checkpoint: Checkpoint;
}

export interface RefusedPosition {
  readonly rider: Rider;
  /** Kafka's. */
  readonly errorCode: number;
}

/** They are not committed again for a while, so that the others can be. */
export function refusedPositions(
  refused: readonly RefusedPosition[],
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): TransactionFault {
  const blamed = refused.map(({ rider, errorCode }) => {
    const { partition } = rider;
    rider.barredUntilMs = clock.monotonicMs() + backoffMs(partition.failures, REFUSED_BACKOFF, random);
    const { message } = kafkaError(errorCode, { topic: partition.item.targetTopic }, 'commit its position');
    return { partition, reason: { code: 'KAFKA_ERROR', message } as const };
  });
  return new TransactionFault('the target refused positions', blamed);
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
    partition: partition.targetPartition,
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
