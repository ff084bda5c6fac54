import { CausewayError } from '../../common/errors/error.js';
import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { KafkaCode, kafkaError } from '../../common/kafka/wire/error-codes.js';
import { fetchOffsets } from '../../common/kafka/wire/operations/fetch-offsets.js';
import { listOffsets } from '../../common/kafka/wire/operations/list-offsets.js';
import type { PartitionMap, Run, Translation } from '../../common/model/offset-map.js';
import { inverse, runAt, translate } from '../../common/model/offset-map-lookup.js';
import { targetPartitionOf } from '../../common/model/record-rules.js';
import { type Route, targetTopicOf } from '../../common/model/route.js';
import type { StoredTopic } from '../rest/topic-service.js';
import { expectRead, type OffsetMaps, type PartitionMaps } from './ports.js';
import { recordAt } from './record-at.js';

export interface OffsetServiceDeps {
  /** @throws ROUTE_UNKNOWN, TOPIC_UNKNOWN */
  readonly topic: (route: string, topic: string) => Promise<StoredTopic>;
  readonly maps: OffsetMaps;
  /** @throws CLUSTER_UNKNOWN */
  readonly client: (cluster: string) => ClusterClient;
}

/** A mirrored topic, with the names that answers carry. */
export interface OffsetTopic {
  readonly route: Route;
  readonly topic: string;
  readonly targetTopic: string;
}

export interface Translated {
  readonly partition: number;
  readonly offset: bigint;
  readonly translation: Translation;
}

export interface Located {
  readonly translation: Translation;
  readonly timeline: number;
  readonly run: Run | undefined;
  readonly timestampMs: number | undefined;
}

const NOTHING_KNOWN: Translation = { kind: 'unknown', reason: 'nothing is known of this partition' };

/** Questions about where records are; answers rest on the offset maps alone, and on timestamps only where a time was asked for. */
export class OffsetService {
  readonly #deps: OffsetServiceDeps;

  constructor(deps: OffsetServiceDeps) {
    this.#deps = deps;
  }

  /** @throws ROUTE_UNKNOWN, TOPIC_UNKNOWN */
  async topic(route: string, topic: string): Promise<OffsetTopic> {
    const stored = await this.#deps.topic(route, topic);
    return { route: stored.route, topic, targetTopic: targetTopicOf(stored.route, topic) };
  }

  async translate({ route, topic }: OffsetTopic, partition: number, offset: bigint): Promise<Translated> {
    const maps = await this.#read(route, topic, [partition]);
    return translated(maps, { partition, offset });
  }

  async inverse({ route, topic }: OffsetTopic, partition: number, offset: bigint): Promise<Translated> {
    const map = (await this.#read(route, topic, [partition])).get(partition);
    return { partition, offset, translation: map === undefined ? NOTHING_KNOWN : inverse(map, offset) };
  }

  /** All that the group has committed of the topic at the source. @throws KAFKA_ERROR where the group is refused */
  async translateGroup(of: OffsetTopic, group: string): Promise<readonly Translated[]> {
    const client = this.#deps.client(of.route.source);
    const partitions = await this.#partitions(of);
    const refs = partitions.map((partition) => ({ topic: of.topic, partition }));
    const committed = (await fetchOffsets(client, group, refs, false)).filter(({ offset }) => offset >= 0n);
    const asked = committed.map(({ partition }) => partition);
    const maps = await this.#read(of.route, of.topic, asked);
    return committed.map((position) => translated(maps, position));
  }

  /** From the first source record on that is not older. Partitions without one are left out. */
  async translateTime(of: OffsetTopic, timestampMs: bigint, only: number | undefined): Promise<readonly Translated[]> {
    const partitions = only === undefined ? await this.#partitions(of) : [only];
    const queries = partitions.map((partition) => ({ topic: of.topic, partition, timestamp: timestampMs }));
    const listed = await listOffsets(this.#deps.client(of.route.source), of.route.isolation, queries);
    const failed = listed.find(({ errorCode }) => errorCode !== KafkaCode.NONE);
    if (failed !== undefined) throw kafkaError(failed.errorCode, { cluster: of.route.source, topic: of.topic });
    const found = listed.filter(({ offset }) => offset >= 0n);
    const maps = await this.#read(of.route, of.topic, partitions);
    return found.map(({ partition, offset }) => translated(maps, { partition, offset }));
  }

  async locate(of: OffsetTopic, partition: number, offset: bigint): Promise<Located> {
    const map = (await this.#read(of.route, of.topic, [partition])).get(partition);
    if (map === undefined) {
      return { translation: NOTHING_KNOWN, timeline: 0, run: undefined, timestampMs: undefined };
    }
    const translation = translate(map, offset);
    const { timeline } = map;
    if (translation.kind !== 'exact') return { translation, timeline, run: undefined, timestampMs: undefined };
    const place = { topic: of.targetTopic, partition: targetPartitionOf(of.route.partitionMapping, partition) };
    const record = await recordAt(this.#deps.client(of.route.target), place, translation.offset);
    const timestampMs = record === undefined ? undefined : Number(record.timestamp);
    return { translation, timeline, run: runAt(map, offset), timestampMs };
  }

  async maps(of: OffsetTopic): Promise<ReadonlyMap<number, PartitionMap>> {
    return await this.#read(of.route, of.topic, await this.#partitions(of));
  }

  /** @throws TOPIC_UNKNOWN where nothing is known of the partition */
  async map(of: OffsetTopic, partition: number): Promise<PartitionMap> {
    const map = (await this.#read(of.route, of.topic, [partition])).get(partition);
    if (map !== undefined) return map;
    throw new CausewayError('TOPIC_UNKNOWN', 'nothing is known of the partition’s offsets yet', {
      place: { route: of.route.name, topic: of.topic, partition },
      fix: 'It is not mirrored, or has not begun.',
    });
  }

  /** @throws what kept a checkpoint from being read: that is not the same as knowing nothing */
  async #read(route: Route, topic: string, partitions: readonly number[]): Promise<PartitionMaps> {
    return expectRead(await this.#deps.maps.read(route, topic, partitions));
  }

  async #partitions({ route, topic }: OffsetTopic): Promise<readonly number[]> {
    const found = (await this.#deps.client(route.source).metadata([topic])).topics.get(topic);
    if (found !== undefined && found.errorCode === KafkaCode.NONE) {
      return found.partitions.map(({ partition }) => partition).sort((a, b) => a - b);
    }
    const code = found?.errorCode ?? KafkaCode.UNKNOWN_TOPIC_OR_PARTITION;
    throw kafkaError(code, { cluster: route.source, topic }, 'describe the source topic');
  }
}

function translated(
  maps: ReadonlyMap<number, PartitionMap>,
  { partition, offset }: { readonly partition: number; readonly offset: bigint },
): Translated {
  const map = maps.get(partition);
  return { partition, offset, translation: map === undefined ? NOTHING_KNOWN : translate(map, offset) };
}
