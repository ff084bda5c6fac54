import { CausewayError } from '../../common/errors/error.js';
import { fenceLane, type LaneFence } from '../../common/kafka/fencing/fence-lane.js';
import type { FencingClient, LaneIdentity } from '../../common/kafka/fencing/fencing-client.js';
import { laneStanding } from '../../common/kafka/fencing/lane-standing.js';
import { heartbeatTopic } from '../../common/model/heartbeat.js';
import type { TopicPartition } from '../../common/model/topic-partition.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Lane } from '../lane/lane.js';
import type { LanePool } from '../lane/lane-pool.js';

/** Who takes over a worker's partitions finds out about them within this. */
const GATHER_MS = 100;

export interface GatheredFencesDeps {
  readonly fleet: string;
  /** False once the session's lease has ended: the order to take over may be an old one, and the lane in office somebody else's. */
  readonly mayWrite: () => boolean;
  /** One of our own lanes turned out to be fenced: this incarnation must end (exactly-once.md 2.5). */
  readonly laneDead: (lane: Lane) => void;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** Who fences: the target, and our own lanes there. */
export interface FencingSide {
  readonly client: FencingClient;
  readonly lanes: Pick<LanePool, 'living'>;
}

interface Gathering {
  readonly partitions: TopicPartition[];
  readonly result: Promise<LaneFence>;
}

/** Fences lanes, each once for all of its partitions that are taken over at the same time: an id runs one transaction at a time. */
export class GatheredFences {
  readonly #deps: GatheredFencesDeps;
  readonly #gathering = new Map<string, Gathering>();

  constructor(deps: GatheredFencesDeps) {
    this.#deps = deps;
  }

  /** @throws COORDINATION_SESSION_LOST, LANE_DEAD where it is our own that is fenced, and what fencing throws */
  fence(side: FencingSide, lane: LaneIdentity, partitions: readonly TopicPartition[]): Promise<LaneFence> {
    const { client } = side;
    const key = `${client.cluster.name}/${lane.transactionalId}/${lane.producerId}`;
    let gathering = this.#gathering.get(key);
    if (gathering === undefined) {
      const gathered: TopicPartition[] = [];
      const result = client.clock.sleep(GATHER_MS, this.#deps.signal).then(() => {
        this.#gathering.delete(key);
        return this.#fence(side, lane, gathered);
      });
      gathering = { partitions: gathered, result };
      this.#gathering.set(key, gathering);
    }
    gathering.partitions.push(...partitions);
    return gathering.result;
  }

  async #fence(side: FencingSide, lane: LaneIdentity, partitions: readonly TopicPartition[]): Promise<LaneFence> {
    const { signal, logger } = this.#deps;
    const { client } = side;
    this.#requireSession();
    await this.#requireOffice(side);
    this.#requireSession();
    const fence = await fenceLane({ client, lane, partitions, signal });
    const place = { lane: lane.transactionalId, target: client.cluster.name, partitions: partitions.length };
    logger.info('lane.fenced-by-taker', { ...place, outcome: fence.kind });
    if (fence.kind === 'not-fenced') {
      logger.warn('takeover.unproven', { ...place, reason: fence.reason, detail: fence.detail });
    }
    return fence;
  }

  #requireSession(): void {
    if (this.#deps.mayWrite()) return;
    throw new CausewayError('COORDINATION_SESSION_LOST', 'nobody is fenced without a session');
  }

  /**
   * Whoever was given up before it took a partition over would fence the owner in office by an old order, and each of its successors: its
   * own lane is asked about first, one that is registered where the leader finds it (exactly-once.md 5.8).
   */
  async #requireOffice({ client, lanes }: FencingSide): Promise<void> {
    const { fleet, signal, laneDead, logger } = this.#deps;
    const own = await lanes.living();
    const heartbeat = { topic: heartbeatTopic(fleet), partition: 0 };
    const standing = await laneStanding({ client, lane: own.record, heartbeat, signal });
    if (standing.kind === 'alive') return;
    const { transactionalId } = own.record;
    logger.warn('takeover.own-lane-dead', { lane: transactionalId, target: client.cluster.name, msg: standing.detail });
    laneDead(own);
    throw new CausewayError('LANE_DEAD', `our own lane ${transactionalId} is dead: ${standing.detail}`);
  }
}
