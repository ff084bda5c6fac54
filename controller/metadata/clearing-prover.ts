import type { DrillResult } from '../../common/kafka/fencing/drill.js';
import { fenceLane } from '../../common/kafka/fencing/fence-lane.js';
import { strangeLanes } from '../../common/kafka/fencing/strange-lanes.js';
import type { ClusterConnection } from '../../common/model/cluster.js';
import { gapTopic } from '../../common/model/gap.js';
import { OFFSET_MAP_PARTITIONS, offsetMapTopic } from '../../common/model/offset-map.js';
import type { TopicPartition } from '../../common/model/topic-partition.js';
import type { Logger } from '../../common/observability/logger.js';
import { mapLimited } from '../../common/runtime/map-limited.js';
import type { LaneRegistry } from '../loop/lane-registry.js';
import { knownCluster } from './cluster-clients.js';
import type { DeliveryProver, TargetClient } from './ports.js';

const FENCES_AT_ONCE = 16;

export interface ClearingProverOptions {
  readonly prover: DeliveryProver;
  readonly registry: LaneRegistry;
  readonly clusters: ReadonlyMap<string, ClusterConnection>;
  readonly fleet: string;
  readonly open: (cluster: ClusterConnection) => TargetClient;
  readonly logger: Logger;
}

/**
 * Before a target may be given anything by a leader that finds no registry of its lanes (a wiped store): fences the lanes that the target
 * remembers and that no living worker answers for (exactly-once.md 7.6). Once per registry and target.
 */
export class ClearingProver implements DeliveryProver {
  readonly #options: ClearingProverOptions;

  constructor(options: ClearingProverOptions) {
    this.#options = options;
  }

  async prove(name: string, partition: TopicPartition, signal: AbortSignal): Promise<DrillResult> {
    const { prover, registry } = this.#options;
    if (!(await registry.isCleared(name))) {
      await this.#clear(name, signal);
      await registry.noteCleared(name);
    }
    return prover.prove(name, partition, signal);
  }

  brokers(name: string, signal: AbortSignal): Promise<string> {
    return this.#options.prover.brokers(name, signal);
  }

  async #clear(name: string, signal: AbortSignal): Promise<void> {
    const { clusters, fleet, open, registry, logger } = this.#options;
    const client = open(knownCluster(clusters, name));
    try {
      const lanes = await strangeLanes({ client, fleet, isKnown: await registry.known(), signal });
      const own = [{ topic: gapTopic(fleet), partition: 0 }];
      // Whose partitions it had nobody knows.
      const maps = Array.from({ length: OFFSET_MAP_PARTITIONS }, (_, partition) => ({
        topic: offsetMapTopic(fleet),
        partition,
      }));
      await mapLimited(lanes, FENCES_AT_ONCE, async ({ partitions, ...lane }) => {
        const fence = await fenceLane({ client, lane, partitions: [...partitions, ...own, ...maps], signal });
        const { transactionalId } = lane;
        const facts = { lane: transactionalId, target: name, partitions: partitions.length, outcome: fence.kind };
        // Whoever takes one of its partitions proves that it is closed all the same.
        if (fence.kind === 'not-fenced') logger.warn('lane.stranger-not-fenced', { ...facts, reason: fence.detail });
        else logger.warn('lane.stranger-fenced', facts);
      });
      logger.info('registry.cleared', { target: name, strangers: lanes.length });
    } finally {
      await client.close();
    }
  }
}
