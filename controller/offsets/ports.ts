import type { CausewayError } from '../../common/errors/error.js';
import type { PartitionMap } from '../../common/model/offset-map.js';
import type { Route } from '../../common/model/route.js';

/** By partition. Missing: nothing is known. */
export interface PartitionMaps extends ReadonlyMap<number, PartitionMap> {
  /** Partitions whose checkpoint could not be read: nobody can tell now whether something is known of them. Absent: none. */
  readonly unread?: ReadonlyMap<number, CausewayError>;
}

/** For those who take a missing map for one that is not there. @throws the fault of a partition that could not be read */
export function expectRead(maps: PartitionMaps): PartitionMaps {
  for (const fault of maps.unread?.values() ?? []) throw fault;
  return maps;
}

/** What is known of the offsets of what a route copies (design.md 5.4). */
export interface OffsetMaps {
  /**
   * Maps of these partitions as of now: runs from the map topic, the open run from the checkpoint.
   * Bounded cost: asked for thousands of partitions every second or so.
   * @throws CLUSTER_UNREACHABLE and the like when the target cannot be asked
   */
  read(route: Route, topic: string, partitions: readonly number[]): Promise<PartitionMaps>;
}
