import type { Config } from '../../../common/config/compile.js';
import type { CoordinationStore } from '../../../common/coordination/ports.js';
import type { Logger } from '../../../common/observability/logger.js';
import type { Metrics } from '../../../common/observability/metrics.js';
import type { Clock } from '../../../common/runtime/clock.js';
import type { Lifecycle } from '../../../common/runtime/lifecycle.js';
import type { Random } from '../../../common/runtime/random.js';
import { ClusterClients, type OpenClient } from '../cluster-clients.js';
import { KafkaRights } from './kafka-rights.js';
import { rightsRoom } from './rights-room.js';

/** The room of rights as a controller has it: nothing is connected before a route asks for it. */
export function openRights(
  { clusters }: Pick<Config, 'clusters'>,
  {
    open,
    ...parts
  }: {
    readonly open: OpenClient;
    readonly store: CoordinationStore;
    readonly clock: Clock;
    readonly random: Random;
    readonly logger: Logger;
    readonly metrics: Metrics;
  },
  lifecycle: Lifecycle,
): ReturnType<typeof rightsRoom> {
  const rights = new KafkaRights(new ClusterClients(clusters, open));
  return rightsRoom({ ...parts, clusters, rights: lifecycle.add('rights', rights) });
}
