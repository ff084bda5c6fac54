import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { ClusterClients } from '../metadata/cluster-clients.js';
import type { TargetAdmin } from '../metadata/ports.js';
import type { OffsetMaps } from '../offsets/ports.js';

/** What the writers of MirrorMaker 2's topics need. */
export interface Mm2Deps {
  readonly clients: ClusterClients;
  readonly admin: Pick<TargetAdmin, 'createTopics'>;
  readonly maps: OffsetMaps;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}
