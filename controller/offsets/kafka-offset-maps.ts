import type { CoordinationStore } from '../../common/coordination/ports.js';
import { decodeTopicProgress } from '../../common/coordination/records/desired.js';
import { progressPath } from '../../common/coordination/znodes.js';
import type { CausewayError } from '../../common/errors/error.js';
import { CheckpointStore, type LoadedCheckpoint } from '../../common/kafka/checkpoints/checkpoint-store.js';
import { partitionMap } from '../../common/kafka/offset-maps/joined-runs.js';
import { MapTail } from '../../common/kafka/offset-maps/map-tail.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { type Checkpoint, type CheckpointPlace, checkpointPlaceOf } from '../../common/model/checkpoint.js';
import type { PartitionMap } from '../../common/model/offset-map.js';
import type { Route } from '../../common/model/route.js';
import { timelineOf } from '../../common/model/topic-progress.js';
import type { Logger } from '../../common/observability/logger.js';
import { GatheredCheckpoints, placeKey } from './gathered-checkpoints.js';
import type { OffsetMaps, PartitionMaps } from './ports.js';

export interface KafkaOffsetMapsDeps {
  readonly store: Pick<CoordinationStore, 'get'>;
  /** One client per cluster, by the cluster's name. @throws CLUSTER_UNKNOWN */
  readonly client: (cluster: string) => ClusterClient;
  readonly fleet: string;
  readonly logger: Logger;
}

/** What was read of a map topic stands for this long, unless a checkpoint shows that there is more. */
const TAIL_AGE_MS = 30_000;

interface Target {
  readonly tail: MapTail;
  readonly checkpoints: GatheredCheckpoints;
}

class ReadMaps extends Map<number, PartitionMap> implements PartitionMaps {
  readonly unread = new Map<number, CausewayError>();
}

/** One partition whose map is asked for. */
interface Asked {
  readonly partition: number;
  readonly timeline: number;
  readonly checkpoint: Checkpoint | undefined;
}

/** Offset maps as the targets hold them: closed runs from the map topic, the open one and the head from the checkpoint. */
export class KafkaOffsetMaps implements OffsetMaps {
  readonly #deps: KafkaOffsetMapsDeps;
  readonly #targets = new Map<string, Target>();

  constructor(deps: KafkaOffsetMapsDeps) {
    this.#deps = deps;
  }

  async read(route: Route, topic: string, partitions: readonly number[]): Promise<PartitionMaps> {
    const maps = new ReadMaps();
    const progress = await this.#progress(route.name, topic);
    if (progress === undefined || partitions.length === 0) return maps;
    const { tail, checkpoints } = this.#target(route.target);
    const { targetTopic } = progress;
    const items = partitions.map((partition) => {
      return { route: route.name, topic, targetTopic, partition, timeline: timelineOf(progress, partition) };
    });
    const places = items.map((item) => checkpointPlaceOf(item, route));
    const isTransactional = progress.transactional === true || route.delivery === 'transactional';
    const loaded = await checkpoints.load(route.name, isTransactional, places);
    const asked = items.flatMap(({ partition, timeline }, i): Asked[] => {
      const found = loaded.get(placeKey(places[i] as CheckpointPlace));
      if (found?.kind !== 'failed') return [{ partition, timeline, checkpoint: checkpointOf(found, timeline) }];
      maps.unread.set(partition, found.error);
      return [];
    });
    const askedAtMs = tail.monotonicMs();
    await tail.refresh(TAIL_AGE_MS);
    const incomplete = asked.filter((one) => !this.#add(maps, tail, { route: route.name, topic, ...one }));
    if (incomplete.length === 0) return maps;
    // What a checkpoint does not name any more was in the map topic before it was committed.
    await tail.refresh(tail.monotonicMs() - askedAtMs);
    for (const one of incomplete) this.#add(maps, tail, { route: route.name, topic, ...one });
    return maps;
  }

  /** @returns whether nothing is missing */
  #add(
    maps: Map<number, PartitionMap>,
    { index }: MapTail,
    { checkpoint, ...place }: Asked & { readonly route: string; readonly topic: string },
  ): boolean {
    const written = index.of(place);
    const isOther = written !== undefined && checkpoint !== undefined && differ(written.targetTopicId, checkpoint);
    const map = partitionMap(place.timeline, isOther ? undefined : written, checkpoint);
    if (map !== undefined) maps.set(place.partition, map);
    return map !== undefined && map.lost === undefined;
  }

  async #progress(route: string, topic: string) {
    const path = progressPath(route, topic);
    const node = await this.#deps.store.get(path);
    return node === undefined ? undefined : decodeTopicProgress(node.data, path);
  }

  #target(cluster: string): Target {
    let target = this.#targets.get(cluster);
    if (target === undefined) {
      const { client: open, fleet, logger } = this.#deps;
      const client = open(cluster);
      const checkpoints = new GatheredCheckpoints(new CheckpointStore(client), client.clock);
      target = { tail: new MapTail({ client, fleet, logger }), checkpoints };
      this.#targets.set(cluster, target);
    }
    return target;
  }
}

function checkpointOf(found: LoadedCheckpoint | undefined, timeline: number): Checkpoint | undefined {
  return found?.kind === 'found' && found.checkpoint.timeline === timeline ? found.checkpoint : undefined;
}

function differ(targetTopicId: string | null, { targetTopicId: other }: Checkpoint): boolean {
  return targetTopicId !== null && other !== null && targetTopicId !== other;
}
