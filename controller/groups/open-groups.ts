import type { Config } from '../../common/config/compile.js';
import type { CoordinationStore } from '../../common/coordination/ports.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Lifecycle } from '../../common/runtime/lifecycle.js';
import type { LeaderWork } from '../loop/leader-works.js';
import { ClusterClients, type OpenClient } from '../metadata/cluster-clients.js';
import type { TargetAdmin } from '../metadata/ports.js';
import { Checkpoints } from '../mm2/checkpoints.js';
import { HeartbeatTopics } from '../mm2/heartbeat-topics.js';
import { Heartbeats } from '../mm2/heartbeats.js';
import { OffsetSyncs } from '../mm2/offset-syncs.js';
import type { OffsetMaps } from '../offsets/ports.js';
import { GroupService } from './group-service.js';
import { GroupSyncs } from './group-syncs.js';
import type { GroupSync } from './ports.js';

export interface GroupRoomOptions {
  readonly store: CoordinationStore;
  readonly open: OpenClient;
  readonly admin: Pick<TargetAdmin, 'createTopics'>;
  readonly maps: OffsetMaps;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Positions of consumer groups, and MirrorMaker 2's own topics. */
export interface GroupRoom {
  readonly works: readonly LeaderWork[];
  /** While this controller leads. */
  readonly sync: GroupSync;
  readonly service: GroupService;
}

/** All of it, over clients of its own. */
export function openGroups(
  { clusters, fleet, controller }: Config,
  { store, open, admin, maps, clock, logger, metrics }: GroupRoomOptions,
  lifecycle: Lifecycle,
): GroupRoom {
  const clients = lifecycle.add('groups', new ClusterClients(clusters, open));
  const mm2 = { clients, admin, maps, clock, logger, metrics };
  const reader = new Checkpoints(mm2);
  const syncs = new GroupSyncs({ clients, maps, reader, fleet, clock, logger, metrics });
  return {
    works: [syncs, new Heartbeats(mm2), new HeartbeatTopics(mm2), new OffsetSyncs(mm2)],
    sync: syncs,
    service: new GroupService({ store, syncs, token: controller.http.token }),
  };
}
