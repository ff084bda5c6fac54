import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { KafkaCode, kafkaError } from '../../common/kafka/wire/error-codes.js';
import { fetchOffsets } from '../../common/kafka/wire/operations/fetch-offsets.js';
import { listOffsets, TIMESTAMP_EARLIEST, TIMESTAMP_LATEST } from '../../common/kafka/wire/operations/list-offsets.js';
import { type ScanOptions, type ScanResult, scanLog } from '../../common/kafka/wire/operations/scan-log.js';
import {
  type Checkpoint,
  checkpointGroup,
  decodeCheckpoint,
  firstTimelineGroup,
  transactionalGroup,
} from '../../common/model/checkpoint.js';
import type { Isolation, Route } from '../../common/model/route.js';
import { partitionKey, type TopicPartition } from '../../common/model/topic-partition.js';
import type { ClusterClients } from '../metadata/cluster-clients.js';

/** One partition's pair to look up. */
export interface CheckpointQuestion {
  readonly targetTopic: string;
  readonly partition: number;
  readonly timeline: number;
}

/** What recovery programs read of clusters. */
export interface ClusterLens {
  /** Log ends by `topic-partition`: the high watermark, or the last stable offset. @throws where one of them cannot be told */
  ends(cluster: string, places: readonly TopicPartition[], isolation: Isolation): Promise<ReadonlyMap<string, bigint>>;
  starts(cluster: string, places: readonly TopicPartition[]): Promise<ReadonlyMap<string, bigint>>;
  /** Pairs at the route's target, by `targetTopic-partition`; missing: none of that timeline. */
  checkpoints(route: Route, questions: readonly CheckpointQuestion[]): Promise<ReadonlyMap<string, Checkpoint>>;
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

  async checkpoints(route: Route, questions: readonly CheckpointQuestion[]): Promise<ReadonlyMap<string, Checkpoint>> {
    const client = this.client(route.target);
    const groups = new Map<string, CheckpointQuestion[]>();
    const ask = (group: string, question: CheckpointQuestion): void => {
      groups.set(group, [...(groups.get(group) ?? []), question]);
    };
    for (const question of questions) {
      const place = { ...question, route: route.name };
      if (route.delivery === 'transactional') ask(transactionalGroup(place), question);
      else {
        ask(checkpointGroup(place), question);
        // Pairs of later timelines may still be where an earlier version kept them.
        if (question.timeline > 1) ask(firstTimelineGroup(place), question);
      }
    }
    const found = new Map<string, Checkpoint>();
    for (const [group, asked] of groups) {
      const places = asked.map(({ targetTopic, partition }) => ({ topic: targetTopic, partition }));
      for (const answer of await fetchOffsets(client, group, places, true)) {
        if (answer.errorCode !== KafkaCode.NONE) {
          const place = { cluster: route.target, topic: answer.topic, partition: answer.partition };
          throw kafkaError(answer.errorCode, place, `read the checkpoint in group ${group}`);
        }
        if (answer.offset < 0n) continue;
        const checkpoint = decodeCheckpoint(answer.offset, answer.metadata);
        const key = partitionKey(answer.topic, answer.partition);
        // The present group is asked first: what an earlier version left in the old place is older.
        if (timelineAsked(asked, answer) === checkpoint.timeline && !found.has(key)) found.set(key, checkpoint);
      }
    }
    return found;
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

function timelineAsked(asked: readonly CheckpointQuestion[], answer: TopicPartition): number | undefined {
  return asked.find(({ targetTopic, partition }) => targetTopic === answer.topic && partition === answer.partition)
    ?.timeline;
}
