import { DEFAULT_SEPARATOR } from '../model/naming.js';

/* Names of MirrorMaker 2's own topics (org.apache.kafka.connect.mirror.DefaultReplicationPolicy). Aliases are the clusters' names. */

export const HEARTBEATS_TOPIC = 'heartbeats';

/** At the target of the flow from `source`. */
export function checkpointsTopic(source: string, separator = DEFAULT_SEPARATOR): string {
  return [source, 'checkpoints', 'internal'].join(separator);
}

/** @param alias of the cluster that the topic is *not* on */
export function offsetSyncsTopic(alias: string, separator = DEFAULT_SEPARATOR): string {
  return ['mm2-offset-syncs', alias, 'internal'].join(separator);
}
