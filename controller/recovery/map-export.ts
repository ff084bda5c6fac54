import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { appendRecords } from '../../common/kafka/wire/operations/append-records.js';
import type { KafkaRecord } from '../../common/kafka/wire/records/record-codec.js';
import { OFFSET_MAP_PARTITIONS, offsetMapTopic } from '../../common/model/offset-map.js';
import { encodeMapKey, encodeMapValue, mapPartition } from '../../common/model/offset-map-record.js';
import type { CommonPoint } from '../../common/model/recovery.js';
import type { Route } from '../../common/model/route.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import type { Clock } from '../../common/runtime/clock.js';
import { nextTimeline } from '../core/continuity.js';
import { invertedChains } from '../core/recovery-map.js';
import type { SourceMetadata, TargetAdmin } from '../metadata/ports.js';
import { expectRead, type OffsetMaps } from '../offsets/ports.js';
import type { ClusterLens } from './cluster-lens.js';
import { wholeMap } from './crossed.js';
import type { FleetLens } from './fleet-lens.js';
import type { MapExport } from './ports.js';

const REPLICATION_FACTOR = 3;

export interface OffsetMapExportDeps {
  readonly fleetName: string;
  readonly maps: OffsetMaps;
  readonly fleet: FleetLens;
  readonly lens: ClusterLens;
  readonly metadata: SourceMetadata;
  readonly admin: Pick<TargetAdmin, 'createTopics'>;
  readonly client: (cluster: string) => ClusterClient;
  readonly clock: Clock;
}

/**
 * Writes the inverse of a route's offset maps where its reverse route looks things up: into the map topic at the old source, under the timeline
 * that the reverse route is about to begin. Records replace themselves where that is done again.
 */
export class OffsetMapExport implements MapExport {
  readonly #deps: OffsetMapExportDeps;

  constructor(deps: OffsetMapExportDeps) {
    this.#deps = deps;
  }

  async export(
    from: Route,
    to: Route,
    points: readonly CommonPoint[],
    signal: AbortSignal,
  ): Promise<{ readonly partitions: number }> {
    const { lens } = this.#deps;
    await this.#makeTopic(from.source);
    const topics = new Map<string, CommonPoint[]>();
    for (const point of points) topics.set(point.topic, [...(topics.get(point.topic) ?? []), point]);
    let partitions = 0;
    for (const [topic, own] of topics) {
      const places = own.map(({ partition }) => ({ topic, partition }));
      const ends = await lens.ends(from.source, places, 'read_uncommitted');
      partitions += await this.#exportTopic({ from, to }, own, ends, signal);
    }
    return { partitions };
  }

  async #exportTopic(
    { from, to }: { readonly from: Route; readonly to: Route },
    points: readonly CommonPoint[],
    ends: ReadonlyMap<string, bigint>,
    signal: AbortSignal,
  ): Promise<number> {
    const { fleet, metadata, client, fleetName, clock } = this.#deps;
    const { topic, targetTopic } = points[0] as CommonPoint;
    const numbers = points.map(({ partition }) => partition);
    const maps = expectRead(await this.#deps.maps.read(from, topic, numbers));
    const info = (await metadata.describe(from.source, [topic])).topics.get(topic);
    const progress = (await fleet.progress(to.name, targetTopic))?.value;
    const identity = {
      ...{ route: to.name, topic: targetTopic, targetTopic: topic },
      targetTopicId: typeof info === 'object' ? info.topicId : null,
      timeline: progress === undefined ? 1 : nextTimeline(progress),
    };
    let written = 0;
    for (const point of points) {
      const { partition, target } = point;
      const known = maps.get(partition);
      if (known === undefined) continue;
      const map = await wholeMap(this.#deps.lens, { route: from, known, point, signal });
      const end = ends.get(partitionKey(topic, partition)) ?? 0n;
      const timestamp = BigInt(clock.wallMs());
      const records = invertedChains(map, { source: target, target: end }).flatMap((chain): KafkaRecord[] => {
        const [first] = chain.entries;
        if (first === undefined) return [];
        const key = encodeMapKey({ ...identity, partition, targetPartition: partition }, first);
        return [{ key, value: encodeMapValue(chain), headers: [], timestamp }];
      });
      const place = { topic: offsetMapTopic(fleetName), partition: mapPartition(topic, partition) };
      if (records.length > 0) await appendRecords(client(from.source), place, records);
      written += records.length > 0 ? 1 : 0;
    }
    return written;
  }

  /** A cluster that was only ever a source has none yet. */
  async #makeTopic(cluster: string): Promise<void> {
    const { metadata, admin, fleetName } = this.#deps;
    const topic = offsetMapTopic(fleetName);
    const snapshot = await metadata.describe(cluster, [topic]);
    if (typeof snapshot.topics.get(topic) === 'object') return;
    const replicationFactor = Math.max(1, Math.min(REPLICATION_FACTOR, snapshot.brokers));
    const configs = { 'cleanup.policy': 'compact' };
    const failed = await admin.createTopics(cluster, [
      { topic, partitions: OFFSET_MAP_PARTITIONS, replicationFactor, configs },
    ]);
    const fault = failed.get(topic);
    if (fault !== undefined) throw fault;
  }
}
