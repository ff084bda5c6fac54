import type { CoordinationStore } from '../../../common/coordination/ports.js';
import type { ClusterConnection } from '../../../common/model/cluster.js';
import type { Logger } from '../../../common/observability/logger.js';
import type { Metrics } from '../../../common/observability/metrics.js';
import type { Clock } from '../../../common/runtime/clock.js';
import type { Random } from '../../../common/runtime/random.js';
import type { LeaderWork } from '../../loop/leader-works.js';
import type { SyncPart } from '../../sync/ports.js';
import { AclPart } from './acl-part.js';
import { MemoryStore } from './memory-store.js';
import type { ClusterRights } from './ports.js';
import { QuotaPart } from './quota-part.js';
import { RightsWork } from './rights-work.js';
import { type RouteWorld, StoredWorld } from './stored-world.js';
import { UserPart } from './user-part.js';

export interface RightsRoomOptions {
  readonly store: CoordinationStore;
  readonly clusters: ReadonlyMap<string, ClusterConnection>;
  readonly rights: ClusterRights;
  /** For tests: instead of what the store has. */
  readonly world?: RouteWorld;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** ACLs, client quotas and SCRAM users of routes: for reports and plans on any controller, and what the leader does by itself. */
export function rightsRoom(options: RightsRoomOptions): {
  readonly parts: readonly SyncPart[];
  readonly work: LeaderWork;
} {
  const { rights, clusters, store, world = new StoredWorld(store) } = options;
  const memory = new MemoryStore(store);
  const acls = new AclPart({ ...options, memory, world });
  const quotas = new QuotaPart({ ...options, memory, world });
  const users = new UserPart(rights, clusters);
  return { parts: [acls, quotas, users], work: new RightsWork({ ...options, acls, quotas, users }) };
}
