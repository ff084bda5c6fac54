import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { KafkaCode, kafkaError } from '../../common/kafka/wire/error-codes.js';
import { fetchOffsets } from '../../common/kafka/wire/operations/fetch-offsets.js';
import { listOffsets, TIMESTAMP_EARLIEST, TIMESTAMP_LATEST } from '../../common/kafka/wire/operations/list-offsets.js';
import { type ScanOptions, type ScanResult, scanLog } from '../../common/kafka/wire/operations/scan-log.js';
import {
  type Checkpoint,
  type CheckpointPlace,
  checkpointGroup,
  decodeCheckpoint,
  firstTimelineGroup,
  transactionalGroup,
} from '../../common/model/checkpoint.js';
import type { Isolation, Route } from '../../common/model/route.js';
import { partitionKey, type TopicPartition } from '../../common/model/topic-partition.js';
import { FIRST_TIMELINE } from '../../common/model/topic-progress.js';
import type { ClusterClients } from '../metadata/cluster-clients.js';
import { placeKey } from '../offsets/gathered-checkpoints.js';

/** What recovery programs read of clusters. */
export interface ClusterLens {
  /** Log ends by `topic-partition`: the high watermark, or the last stable offset. @throws where one of them cannot be told */
  ends(cluster: string, places: readonly TopicPartition[], isolation: Isolation): Promise<ReadonlyMap<string, bigint>>;
  starts(cluster: string, places: readonly TopicPartition[]): Promise<ReadonlyMap<string, bigint>>;
  /** Pairs at the route's target, by `placeKey`; missing: none of that timeline. */
  checkpoints(route: Route, places: readonly CheckpointPlace[]): Promise<ReadonlyMap<string, Checkpoint>>;
  scan(cluster: string, options: ScanOptions): Promise<ScanResult>;
  close(): Promise<void>;
}

/** Reads through clients that it closes. */
export class KafkaLens implements ClusterLens {
  readonly #clients: ClusterClients;

  constructor(clients: ClusterClients) {
    this.#clients = clients;
  }

  ends(cluster: string, places: readonly TopicPartition[], isolation: Isolation): Promise<ReadonlyMap<string, bigint>> {
    return this.#offsets(cluster, places, TIMESTAMP_LATEST, isolation);
  }

  starts(cluster: string, places: readonly TopicPartition[]): Promise<ReadonlyMap<string, bigint>> {
    return this.#offsets(cluster, places, TIMESTAMP_EARLIEST, 'read_uncommitted');
  }

  async checkpoints(
    { target, delivery }: Route,
    places: readonly CheckpointPlace[],
  ): Promise<ReadonlyMap<string, Checkpoint>> {
    if (delivery === 'transactional') return await this.#pairs(target, places, transactionalGroup);
    const found = await this.#pairs(target, places, checkpointGroup);
    // Pairs of later timelines may still be where an earlier version kept them; what is there beside present ones is older.
    const rest = places.filter((place) => place.timeline > FIRST_TIMELINE && !found.has(placeKey(place)));
    return new Map([...found, ...(await this.#pairs(target, rest, firstTimelineGroup))]);
  }

  scan(cluster: string, options: ScanOptions): Promise<ScanResult> {
    return scanLog(this.client(cluster), options);
  }

  close(): Promise<void> {
    return this.#clients.close();
  }

  /** @throws CLUSTER_UNKNOWN */
  client(cluster: string): ClusterClient {
    return this.#clients.of(cluster);
  }

  /** In the groups that keep them; several sources never share both a group and a target partition. */
  async #pairs(
    cluster: string,
    places: readonly CheckpointPlace[],
    groupOf: (place: CheckpointPlace) => string,
  ): Promise<ReadonlyMap<string, Checkpoint>> {
    const groups = new Map<string, Map<string, CheckpointPlace>>();
    for (const place of places) {
      const group = groupOf(place);
      const own = groups.get(group) ?? new Map<string, CheckpointPlace>();
      groups.set(group, own);
      own.set(partitionKey(place.targetTopic, place.partition), place);
    }
    const found = new Map<string, Checkpoint>();
    for (const [group, own] of groups) {
      const asked = [...own.values()].map(({ targetTopic, partition }) => ({ topic: targetTopic, partition }));
      for (const { topic, partition, offset, metadata, errorCode } of await fetchOffsets(
        this.client(cluster),
        group,
        asked,
        true,
      )) {
        if (errorCode !== KafkaCode.NONE) {
          throw kafkaError(errorCode, { cluster, topic, partition }, `read the checkpoint in group ${group}`);
        }
        const place = own.get(partitionKey(topic, partition));
        if (offset < 0n || place === undefined) continue;
        const checkpoint = decodeCheckpoint(offset, metadata);
        if (checkpoint.timeline === place.timeline) found.set(placeKey(place), checkpoint);
      }
    }
    return found;
  }

  async #offsets(
    cluster: string,
    places: readonly TopicPartition[],
    timestamp: bigint,
    isolation: Isolation,
  ): Promise<ReadonlyMap<string, bigint>> {
    const queries = places.map(({ topic, partition }) => ({ topic, partition, timestamp }));
    if (queries.length === 0) return new Map();
    const listed = await listOffsets(this.client(cluster), isolation, queries);
    const bad = listed.find(({ errorCode }) => errorCode !== KafkaCode.NONE);
    if (bad !== undefined) {
      const { topic, partition, errorCode } = bad;
      throw kafkaError(errorCode, { cluster, topic, partition }, 'read log ends');
    }
    return new Map(listed.map(({ topic, partition, offset }) => [partitionKey(topic, partition), offset]));
  }
}
