/**
 * Internal topic at the target where the fleet's lanes show that they live, by renewing their ids (exactly-once.md 2.6). Not called
 * heartbeats: MirrorMaker 2's clients take every topic of that name for one of theirs, and `causeway` for a cluster.
 */
export function heartbeatTopic(fleet: string): string {
  return `causeway.${fleet}.renewals`;
}
