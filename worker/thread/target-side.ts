import { CheckpointStore } from '../../common/kafka/checkpoints/checkpoint-store.js';
import { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { initProducerId } from '../../common/kafka/wire/operations/init-producer-id.js';
import type { ClusterConnection } from '../../common/model/cluster.js';
import type { LaneRecord } from '../../common/model/worker.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import type { Random } from '../../common/runtime/random.js';
import { CheckpointWriter } from '../checkpoint/checkpoint-writer.js';
import { Leaders } from '../cluster/leaders.js';
import type { Lane } from '../lane/lane.js';
import { LanePool, type LanePoolDeps, openLane } from '../lane/lane-pool.js';
import { LaneRenewals } from '../lane/lane-renewals.js';
import { TargetMemory } from '../lane/target-memory.js';
import { MapKeeper } from '../offsets/map-keeper.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';
import type { ExactTarget } from '../partition/outlet-deps.js';
import { SideWriter } from '../produce/side-writer.js';
import { TargetWriter } from '../produce/target-writer.js';
import type { RiderPort } from '../transactional/rider.js';
import { Transactions } from '../transactional/transactions.js';

/** A lane opens only empty transactions, to be fenced or renewed; the broker may end a forgotten one soon. */
const TRANSACTION_TIMEOUT_MS = 60_000;

export interface TargetSideDeps {
  readonly cluster: ClusterConnection;
  readonly clientId: string;
  readonly fleet: string;
  readonly worker: string;
  readonly incarnation: string;
  readonly http: string;
  readonly nextLaneIndex: () => number;
  readonly registerLane: (lane: LaneRecord) => Promise<void>;
  readonly produceConnections: number;
  readonly checkpointIntervalMs: number;
  readonly checkpointRefreshMs: number;
  /** False once the session's lease has ended. */
  readonly mayWrite: () => boolean;
  readonly laneRenewalMs: number;
  /** Some lane here carries what is copied exactly once, and may still do so. */
  readonly needsRenewal: () => boolean;
  readonly laneDead: (lane: Lane) => void;
  /** A lane that had to wait for its renewal may write again. */
  readonly laneRevived: (lane: Lane) => void;
  /** The lane takes no further partition, and those that it has move on. */
  readonly retire: (lane: Lane) => void;
  readonly riders: RiderPort;
  readonly onTransaction: (outcome: 'committed' | 'aborted', positions: number) => void;
  readonly onConnect: (cluster: string) => void;
  readonly onThrottle: (cluster: string, throttleMs: number) => void;
  readonly onCheckpoints: (outcome: 'ok' | 'failed', count: number) => void;
  readonly onRuns: (outcome: 'ok' | 'failed', count: number) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** One thread's dealings with one target cluster: lanes, produce channels, checkpoints. */
export class TargetSide implements Closable, ExactTarget {
  readonly client: ClusterClient;
  readonly leaders: Leaders;
  readonly lanes: LanePool;
  readonly writer: TargetWriter;
  /** For what is not mirrored data. */
  readonly sideWriter: SideWriter;
  readonly checkpointStore: CheckpointStore;
  readonly checkpoints: CheckpointWriter;
  /** Of transactional routes. */
  readonly transactions: Transactions;
  readonly #renewals: LaneRenewals;
  readonly #memory: TargetMemory;

  constructor(deps: TargetSideDeps) {
    const { cluster, clientId, clock, random, logger } = deps;
    const client = new ClusterClient({
      cluster,
      clientId,
      clock,
      random,
      logger,
      onConnect: () => deps.onConnect(cluster.name),
      onThrottle: (throttleMs) => deps.onThrottle(cluster.name, throttleMs),
    });
    this.client = client;
    this.leaders = new Leaders({ client, cluster: cluster.name, clock, random, logger });
    const lanes: LanePoolDeps = {
      fleet: deps.fleet,
      worker: deps.worker,
      incarnation: deps.incarnation,
      http: deps.http,
      target: cluster.name,
      nextIndex: deps.nextLaneIndex,
      initProducer: async (transactionalId) => {
        const { producerId, epoch } = await initProducerId(client, transactionalId, TRANSACTION_TIMEOUT_MS);
        return { producerId, producerEpoch: epoch };
      },
      register: deps.registerLane,
      isoNow: () => new Date(clock.wallMs()).toISOString(),
      monotonicMs: () => clock.monotonicMs(),
    };
    this.lanes = new LanePool(lanes);
    this.sideWriter = new SideWriter({
      client,
      leaders: this.leaders,
      cluster: cluster.name,
      requestTimeoutMs: cluster.requestTimeoutMs,
      mayProduce: deps.mayWrite,
      enroll: (lane, partition) => this.transactions.enroll(lane, partition),
      clock,
      random,
    });
    const maps = new MapKeeper({
      fleet: deps.fleet,
      cluster: cluster.name,
      writer: this.sideWriter,
      kept: deps.onRuns,
      broken: (partition, reason) => this.transactions.broken(partition, reason),
      retire: deps.retire,
      clock,
      logger,
    });
    this.transactions = new Transactions({
      client,
      open: (before) => openLane(lanes, before),
      port: deps.riders,
      maps,
      mayWrite: deps.mayWrite,
      checkIntervalMs: deps.checkpointIntervalMs,
      refreshMs: deps.checkpointRefreshMs,
      dead: deps.laneDead,
      ended: deps.onTransaction,
      clock,
      random,
      logger,
    });
    this.#memory = new TargetMemory({ client, clock, random, logger });
    this.#renewals = new LaneRenewals({
      client,
      fleet: deps.fleet,
      intervalMs: deps.laneRenewalMs,
      lanes: () => this.lanes.lanes,
      isDue: deps.needsRenewal,
      maxUnconfirmedMs: () => this.#memory.maxUnconfirmedMs,
      revived: deps.laneRevived,
      dead: deps.laneDead,
      clock,
      random,
      logger,
    });
    this.writer = new TargetWriter({
      client,
      leaders: this.leaders,
      cluster: cluster.name,
      connections: deps.produceConnections,
      requestTimeoutMs: cluster.requestTimeoutMs,
      mayProduce: deps.mayWrite,
      clock,
      random,
      logger,
    });
    this.checkpointStore = new CheckpointStore(client);
    this.checkpoints = new CheckpointWriter({
      store: this.checkpointStore,
      maps,
      intervalMs: deps.checkpointIntervalMs,
      refreshMs: deps.checkpointRefreshMs,
      cluster: cluster.name,
      mayCommit: deps.mayWrite,
      committed: deps.onCheckpoints,
      clock,
      logger,
    });
  }

  get forgetsAfterMs(): number {
    return this.#memory.forgetsAfterMs;
  }

  confirms(lane: Lane, nowMs: number): boolean {
    return this.#renewals.confirms(lane, nowMs);
  }

  /** What keeps the partition's positions. */
  positionsOf(partition: MirroredPartition): Pick<CheckpointWriter, 'add' | 'remove' | 'flush'> {
    return partition.transactional ? this.transactions : this.checkpoints;
  }

  /** Gives the partition a lane with room for it; it leaves the one it had. */
  async join(partition: MirroredPartition): Promise<void> {
    if (partition.transactional) {
      await this.transactions.join(partition);
      return;
    }
    partition.lane?.leave(partition.targetKey);
    partition.lane = await this.lanes.laneFor(partition.targetKey, partition.brokenLanes);
  }

  leave(partition: MirroredPartition): void {
    if (partition.transactional) this.transactions.remove(partition);
    else partition.lane?.leave(partition.targetKey);
  }

  async close(): Promise<void> {
    this.sideWriter.close();
    await this.writer.close();
    const transactions = this.transactions.close();
    const client = this.client.close();
    await Promise.all([
      transactions,
      client,
      this.checkpoints.close(),
      this.leaders.close(),
      this.#renewals.close(),
      this.#memory.close(),
    ]);
  }
}
