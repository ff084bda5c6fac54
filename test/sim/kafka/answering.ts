import type { Broker } from './cluster.js';
import type { Partition } from './partition.js';

/** Takes the answer to one request. */
export type Respond = (response: object) => void;

const UNKNOWN_TOPIC_OR_PARTITION = 3;
const NOT_LEADER_OR_FOLLOWER = 6;
const FENCED_LEADER_EPOCH = 74;
const UNKNOWN_LEADER_EPOCH = 75;

/** Why this broker does not serve the partition to somebody who takes it to be in that leadership (-1: whichever); 0: it does. */
export function leaderFault(partition: Partition | undefined, broker: Broker, currentLeaderEpoch: number): number {
  if (partition === undefined) return UNKNOWN_TOPIC_OR_PARTITION;
  if (partition.leader !== broker.id) return NOT_LEADER_OR_FOLLOWER;
  if (currentLeaderEpoch < 0 || currentLeaderEpoch === partition.epoch) return 0;
  return currentLeaderEpoch < partition.epoch ? FENCED_LEADER_EPOCH : UNKNOWN_LEADER_EPOCH;
}
