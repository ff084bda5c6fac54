import type { CoordinationStore } from '../../common/coordination/ports.js';
import type { ClusterConnection } from '../../common/model/cluster.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';
import type { LeaderWork } from '../loop/leader-works.js';
import { type RouteWorld, StoredWorld } from '../metadata/acls/stored-world.js';
import type { SourceMetadata } from '../metadata/ports.js';
import type { SyncPart } from '../sync/ports.js';
import { RouteRegistries } from './route-registries.js';
import { SchemaPart } from './schema-part.js';
import { SchemaService } from './schema-service.js';
import { SchemaSync } from './schema-sync.js';
import { SchemaWork } from './schema-work.js';
import { TopicGuard } from './topic-guard.js';

export interface SchemasRoomOptions {
  readonly store: CoordinationStore;
  readonly clusters: ReadonlyMap<string, ClusterConnection>;
  readonly metadata: Pick<SourceMetadata, 'describe'>;
  /** For tests: instead of what the store has. */
  readonly world?: RouteWorld;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface SchemasRoom {
  readonly part: SyncPart;
  readonly work: LeaderWork;
  readonly service: SchemaService;
  /** `promote` is a step of failovers, too. */
  readonly sync: SchemaSync;
}

/** Schema registries of routes: for reports, plans and orders on any controller, and what the leader does by itself. */
export function schemasRoom(options: SchemasRoomOptions): SchemasRoom {
  const { store, clusters, clock, logger, world = new StoredWorld(store) } = options;
  const registries = new RouteRegistries(clusters, clock);
  const sync = new SchemaSync(store, registries, clock);
  const guard = new TopicGuard({ ...options, registries, world });
  return {
    part: new SchemaPart(sync, guard),
    work: new SchemaWork({ ...options, sync, guard }),
    service: new SchemaService(sync, logger),
    sync,
  };
}
