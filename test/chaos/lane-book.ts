import type { CoordinationStore } from '../../common/coordination/ports.js';
import { decodeLane } from '../../common/coordination/records/worker.js';
import { LANES, lanePath } from '../../common/coordination/znodes.js';
import { openZooKeeperStore } from '../../common/coordination/zookeeper/store.js';
import { INIT_PRODUCER_ID } from '../../common/kafka/wire/apis/init-producer-id.js';
import { call } from '../../common/kafka/wire/call.js';
import { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { KafkaCode } from '../../common/kafka/wire/error-codes.js';
import { isCoordinatorMove, onCoordinator } from '../../common/kafka/wire/operations/on-coordinator.js';
import type { LaneRecord } from '../../common/model/worker.js';
import { silentLogger } from '../../common/observability/logger.js';
import { systemClock } from '../../common/runtime/clock.js';
import { systemRandom } from '../../common/runtime/random.js';
import { FLEET } from '../demo/fleet.js';
import type { ChaosBed } from './chaos-bed.js';

const SESSION_MS = 10_000;
const OPERATION_LIMIT_MS = 10_000;
const COORDINATOR_LIMIT_MS = 8_000;
const TRANSACTION_TIMEOUT_MS = 60_000;

/** The fleet's lanes as the store has them and the target knows them, seen past all proxies. */
export class LaneBook {
  readonly store: CoordinationStore;
  readonly #target: ClusterClient;

  constructor({ zooKeeper, target }: ChaosBed) {
    const parts = { clock: systemClock, random: systemRandom, logger: silentLogger };
    this.store = openZooKeeperStore({
      connect: zooKeeper.connect,
      root: `/causeway/${FLEET}`,
      sessionTimeoutMs: SESSION_MS,
      operationTimeoutMs: OPERATION_LIMIT_MS,
      ...parts,
    });
    const bootstrap = target.bootstrapServers.split(',');
    this.#target = new ClusterClient({
      cluster: { name: 'target', bootstrap, connectTimeoutMs: 2_000, requestTimeoutMs: 5_000 },
      clientId: 'chaos',
      ...parts,
    });
  }

  /** Of a worker, whatever its incarnation. */
  async lanesOf(worker: string): Promise<LaneRecord[]> {
    const ids = (await this.store.children(LANES)) ?? [];
    const lanes = await Promise.all(
      ids.map(async (id) => {
        const node = await this.store.get(lanePath(id));
        return node === undefined ? undefined : decodeLane(node.data, lanePath(id));
      }),
    );
    return lanes.filter((lane) => lane?.worker === worker) as LaneRecord[];
  }

  /** The broker that coordinates the lane's transactions. */
  coordinatorOf({ transactionalId }: LaneRecord): Promise<number> {
    return this.#target.coordinator('transaction', transactionalId);
  }

  /** Asks for the lane's next epoch as its owner would. @returns Kafka's code, and the epoch where it is 0 */
  async reinitialise(
    { transactionalId, producerId }: LaneRecord,
    producerEpoch: number,
  ): Promise<{ readonly code: number; readonly epoch: number }> {
    const request = { transactionalId, producerId, producerEpoch, transactionTimeoutMs: TRANSACTION_TIMEOUT_MS };
    return onCoordinator(this.#target, {
      kind: 'transaction',
      key: transactionalId,
      limitMs: COORDINATOR_LIMIT_MS,
      attempt: async (connection) => {
        const answer = await call(connection, INIT_PRODUCER_ID, request);
        const again = isCoordinatorMove(answer.errorCode) || answer.errorCode === KafkaCode.CONCURRENT_TRANSACTIONS;
        return { result: { code: answer.errorCode, epoch: answer.producerEpoch }, again };
      },
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.store.close(), this.#target.close()]);
  }
}
