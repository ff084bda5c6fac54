import { ClusterClient } from '../../../../common/kafka/wire/cluster-client.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import { systemRandom } from '../../../../common/runtime/random.js';

/** A client of brokers that answer within this process. */
export function testClient(bootstrap: readonly string[], name = 'fake'): ClusterClient {
  return new ClusterClient({
    cluster: { name, bootstrap, connectTimeoutMs: 2_000, requestTimeoutMs: 2_000 },
    clientId: 'test',
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  });
}
