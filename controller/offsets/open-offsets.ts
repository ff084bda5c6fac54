import type { Config } from '../../common/config/compile.js';
import type { CoordinationStore } from '../../common/coordination/ports.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Lifecycle } from '../../common/runtime/lifecycle.js';
import type { LeaderWork } from '../loop/leader-works.js';
import { ClusterClients, type OpenClient } from '../metadata/cluster-clients.js';
import type { TopicService } from '../rest/topic-service.js';
import { KafkaOffsetMaps } from './kafka-offset-maps.js';
import { MapSweeper } from './map-sweeper.js';
import { OffsetService } from './offset-service.js';
import type { OffsetMaps } from './ports.js';
import { RebuildService } from './rebuild-service.js';

export interface OffsetRoom {
  readonly maps: OffsetMaps;
  readonly work: LeaderWork;
  services(topics: TopicService): { readonly offsets: OffsetService; readonly rebuilds: RebuildService };
}

/** What a controller knows of offsets, over connections of its own that are opened when they are first needed. */
export function openOffsets(
  { clusters, fleet }: Config,
  {
    store,
    open,
    clock,
    logger,
  }: {
    readonly store: CoordinationStore;
    readonly open: OpenClient;
    readonly clock: Clock;
    readonly logger: Logger;
  },
  lifecycle: Lifecycle,
): OffsetRoom {
  const clients = lifecycle.add('offset-maps', new ClusterClients(clusters, open));
  const client = (cluster: string) => clients.of(cluster);
  const maps = new KafkaOffsetMaps({ store, client, fleet, logger });
  return {
    maps,
    work: new MapSweeper({ store, client, fleet, clock, logger }),
    services: (topics) => ({
      offsets: new OffsetService({ topic: (route, topic) => topics.get(route, topic), maps, client }),
      rebuilds: new RebuildService({ store, topics, clock, logger }),
    }),
  };
}
