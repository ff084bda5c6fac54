import type { PartitionMap } from '../../common/model/offset-map.js';
import type { Route } from '../../common/model/route.js';

/** What is known of the offsets of what a route copies (design.md 5.4). */
export interface OffsetMaps {
  /**
   * Maps of these partitions as of now: runs from the map topic, the open run from the checkpoint. Missing: nothing known.
   * Bounded cost: asked for thousands of partitions every second or so.
   * @throws CLUSTER_UNREACHABLE and the like when the target cannot be asked
   */
  read(route: Route, topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, PartitionMap>>;
}
