import { openZooKeeperStore } from '../../common/coordination/zookeeper/store.js';
import { createLogger } from '../../common/observability/logger.js';
import { Metrics } from '../../common/observability/metrics.js';
import { systemClock } from '../../common/runtime/clock.js';
import { systemRandom } from '../../common/runtime/random.js';
import { startController } from '../../controller/app.js';
import { FakeKafka } from '../unit/controller/fake-kafka.js';
import { CLUSTERS, PLANNER, routeOf } from '../unit/controller/kit.js';
import { type ControllerOrder, clusterNames, heapEvent, topicName } from './fleet-order.js';
import { heapAfterGcMb } from './heap.js';

/** A controller process as it is, but for its clusters, which are only metadata. */
const order = JSON.parse(process.argv[2] ?? '{}') as ControllerOrder;

const kafka = new FakeKafka();
for (let i = 0; i < order.topics; i++) {
  for (const cluster of clusterNames) kafka.addTopic(cluster, topicName(i), order.partitionsPerTopic);
}
const parts = { clock: systemClock, random: systemRandom, logger: createLogger({ level: 'info', base: {} }) };
// Asked by a signal, told in the log.
process.on('SIGUSR2', () => parts.logger.info(heapEvent, { heapMb: heapAfterGcMb() }));
const { connect, root, sessionTimeoutMs } = order;
const store = openZooKeeperStore({ connect, root, sessionTimeoutMs, operationTimeoutMs: 30_000, ...parts });
const http = { host: '127.0.0.1', port: 0, advertised: undefined, token: undefined };
await startController(
  {
    fleet: 'bench',
    ruleSecrets: new Map(),
    coordination: { type: 'zookeeper', connect, root, sessionTimeoutMs, digest: undefined },
    clusters: CLUSTERS,
    routes: [routeOf(order.route)],
    controller: {
      id: order.id,
      http,
      takeoverDelayMs: 0,
      handoffTimeoutMs: 60_000,
      reconcileIntervalMs: 5_000,
      deny: [],
      metadataIntervalMs: 5_000,
      planner: { ...PLANNER, loadIntervalMs: 10_000, settleMs: 60_000 },
    },
    // A controller reads the token alone.
    worker: { http } as never,
    logLevel: 'info',
  },
  {
    store,
    metrics: new Metrics({ version: 'bench', role: 'controller' }),
    kafka: { metadata: kafka, admin: kafka },
    ...parts,
  },
);
