import { CausewayError } from '../../common/errors/error.js';
import { fenceLane, type LaneFence } from '../../common/kafka/fencing/fence-lane.js';
import type { FencingClient, LaneIdentity } from '../../common/kafka/fencing/fencing-client.js';
import { gapTopic } from '../../common/model/gap.js';
import type { TopicPartition } from '../../common/model/topic-partition.js';
import type { Logger } from '../../common/observability/logger.js';

/** Who takes over a worker's partitions finds out about them within this. */
const GATHER_MS = 100;

export interface GatheredFencesDeps {
  readonly fleet: string;
  /** False once the session's lease has ended: the order to take over may be an old one, and the lane in office somebody else's. */
  readonly mayWrite: () => boolean;
  readonly signal: AbortSignal;
  readonly logger: Logger;
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

  /** @throws COORDINATION_SESSION_LOST, and what fencing throws */
  fence(client: FencingClient, lane: LaneIdentity, partitions: readonly TopicPartition[]): Promise<LaneFence> {
    const key = `${client.cluster.name}/${lane.transactionalId}/${lane.producerId}`;
    let gathering = this.#gathering.get(key);
    if (gathering === undefined) {
      const gathered: TopicPartition[] = [];
      const result = client.clock.sleep(GATHER_MS, this.#deps.signal).then(() => {
        this.#gathering.delete(key);
        return this.#fence(client, lane, gathered);
      });
      gathering = { partitions: gathered, result };
      this.#gathering.set(key, gathering);
    }
    gathering.partitions.push(...partitions);
    return gathering.result;
  }

  async #fence(client: FencingClient, lane: LaneIdentity, partitions: readonly TopicPartition[]): Promise<LaneFence> {
    const { fleet, mayWrite, signal, logger } = this.#deps;
    if (!mayWrite()) throw new CausewayError('COORDINATION_SESSION_LOST', 'nobody is fenced without a session');
    // What a lane declares as left out ends with it, too.
    const gaps = { topic: gapTopic(fleet), partition: 0 };
    const fence = await fenceLane({ client, lane, partitions: [...partitions, gaps], signal });
    const place = { lane: lane.transactionalId, target: client.cluster.name, partitions: partitions.length };
    logger.info('lane.fenced-by-taker', { ...place, outcome: fence.kind });
    if (fence.kind === 'not-fenced') {
      logger.warn('takeover.unproven', { ...place, reason: fence.reason, detail: fence.detail });
    }
    return fence;
  }
}
