/** Internal topic at the target that carries the fleet's heartbeats; its lanes renew their ids there (exactly-once.md 2.6). */
export function heartbeatTopic(fleet: string): string {
  return `causeway.${fleet}.heartbeats`;
}
