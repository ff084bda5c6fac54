import type { FencingClient } from '../../common/kafka/fencing/fencing-client.js';
import { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import type { ClusterConnection } from '../../common/model/cluster.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Random } from '../../common/runtime/random.js';

/** A client of one target, closed by its owner. */
export interface TargetClient extends FencingClient {
  close(): Promise<void>;
}

/** Opens clients the way a controller does. */
export function targetClients(options: {
  readonly clientId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}): (cluster: ClusterConnection) => TargetClient {
  const { metrics, ...rest } = options;
  return (cluster) => {
    const onConnect = (): void => metrics.inc('causeway_broker_connections_total', 1, { cluster: cluster.name });
    return new ClusterClient({ ...rest, cluster, onConnect });
  };
}
