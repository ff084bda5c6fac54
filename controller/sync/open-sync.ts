import type { Config } from '../../common/config/compile.js';
import type { CoordinationStore } from '../../common/coordination/ports.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Lifecycle } from '../../common/runtime/lifecycle.js';
import type { Random } from '../../common/runtime/random.js';
import type { LeaderWork } from '../loop/leader-works.js';
import { ClusterClients, type OpenClient } from '../metadata/cluster-clients.js';
import { ClusterIdentities } from '../metadata/cluster-identities.js';
import type { SourceMetadata, TargetAdmin } from '../metadata/ports.js';
import type { RouteService } from '../rest/route-service.js';
import { KafkaTopicAdmin } from './kafka-topic-admin.js';
import type { SyncPart } from './ports.js';
import { StoredTopicWorld } from './stored-topic-world.js';
import { SyncService } from './sync-service.js';
import { TopicPart } from './topic-part.js';
import { TopicSyncWork } from './topic-sync-work.js';
import { VanishedTopics } from './vanished-topics.js';

export interface SyncParts {
  readonly open: OpenClient;
  readonly store: CoordinationStore;
  readonly metadata: SourceMetadata;
  readonly admin: TargetAdmin;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Topics and configs of routes: for reports and plans on any controller, and what the leader does by itself. */
export interface SyncRoom {
  readonly identities: ClusterIdentities;
  readonly work: LeaderWork;
  /** @param others what else routes keep in step */
  service(routes: Pick<RouteService, 'get'>, others: readonly SyncPart[]): SyncService;
}

export function openSync({ clusters }: Pick<Config, 'clusters'>, parts: SyncParts, lifecycle: Lifecycle): SyncRoom {
  const { store, open, metadata, clock, logger } = parts;
  const clients = lifecycle.add('topic-sync', new ClusterClients(clusters, open));
  const topics = new KafkaTopicAdmin(clients);
  const identities = new ClusterIdentities(metadata, [...clusters.keys()], clock);
  const world = new StoredTopicWorld(store);
  const part = new TopicPart({ ...parts, topics, identities, world });
  return {
    identities,
    work: new TopicSyncWork({ ...parts, part, vanished: new VanishedTopics(store, clock) }),
    service: (routes, others) => new SyncService({ routes, world, parts: [part, ...others], clock, logger }),
  };
}
