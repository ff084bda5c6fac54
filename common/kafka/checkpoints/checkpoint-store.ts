import { CausewayError } from '../../errors/error.js';
import {
  type Checkpoint,
  type CheckpointPlace,
  checkpointGroup,
  decodeCheckpoint,
  encodeCheckpointMetadata,
  firstTimelineGroup,
  transactionalGroup,
} from '../../model/checkpoint.js';
import { partitionKey } from '../../model/topic-partition.js';
import type { ClusterClient } from '../wire/cluster-client.js';
import { kafkaError } from '../wire/error-codes.js';
import { commitOffsets } from '../wire/operations/commit-offsets.js';
import { fetchOffsets } from '../wire/operations/fetch-offsets.js';

/** What the target's groups say of one partition. */
export type LoadedCheckpoint =
  | { readonly kind: 'none' }
  | { readonly kind: 'found'; readonly checkpoint: Checkpoint }
  | { readonly kind: 'failed'; readonly error: CausewayError };

/** Checkpoints as group offsets on the target cluster (exactly-once.md 4.1). */
export class CheckpointStore {
  readonly #client: ClusterClient;

  constructor(client: ClusterClient) {
    this.#client = client;
  }

  /** By `topic-partition` of the target. A group whose coordinator cannot be reached fails its own partitions only. */
  async load(places: readonly CheckpointPlace[]): Promise<Map<string, LoadedCheckpoint>> {
    const loaded = await this.#load(places, checkpointGroup);
    // A later timeline's pair that was written when all timelines shared the groups of the first.
    const unknown = places.filter((place) => {
      const { kind } = loaded.get(keyOf(place)) ?? { kind: 'none' };
      return kind === 'none' && checkpointGroup(place) !== firstTimelineGroup(place);
    });
    if (unknown.length === 0) return loaded;
    const before = await this.#load(unknown, firstTimelineGroup);
    for (const place of unknown) {
      const found = before.get(keyOf(place));
      const isOther = found?.kind === 'found' && found.checkpoint.timeline !== place.timeline;
      if (found !== undefined && !isOther) loaded.set(keyOf(place), found);
    }
    return loaded;
  }

  async #load(
    places: readonly CheckpointPlace[],
    groupOf: (place: CheckpointPlace) => string,
    // What an unfinished transaction still hides must not be read as an old position.
    requireStable = true,
  ): Promise<Map<string, LoadedCheckpoint>> {
    const loaded = new Map<string, LoadedCheckpoint>();
    await Promise.all(
      [...byGroup(places, groupOf)].map(async ([group, members]) => {
        const refs = members.map(({ targetTopic, partition }) => ({ topic: targetTopic, partition }));
        try {
          const answers = await fetchOffsets(this.#client, group, refs, requireStable);
          // One that is left out of the answer must not be taken for one that was never mirrored.
          for (const ref of refs) loaded.set(partitionKey(ref.topic, ref.partition), leftOut(ref, group));
          for (const answer of answers) {
            loaded.set(partitionKey(answer.topic, answer.partition), interpret(answer, group));
          }
        } catch (error) {
          for (const ref of refs)
            loaded.set(partitionKey(ref.topic, ref.partition), { kind: 'failed', error: asError(error) });
        }
      }),
    );
    return loaded;
  }

  /** The same of transactional routes. @param requireStable false: as of the last transaction that ended, while another may be open */
  loadTransactional(places: readonly CheckpointPlace[], requireStable = true): Promise<Map<string, LoadedCheckpoint>> {
    return this.#load(places, transactionalGroup, requireStable);
  }

  /** Writes the pairs of one group; gives the partitions (by target key) that were not written, with the reason. */
  async commit(
    group: string,
    entries: readonly (Pick<CheckpointPlace, 'targetTopic' | 'partition'> & { readonly checkpoint: Checkpoint })[],
  ): Promise<Map<string, CausewayError>> {
    const failed = new Map<string, CausewayError>();
    try {
      const offsets = entries.map(({ targetTopic, partition, checkpoint }) => ({
        topic: targetTopic,
        partition,
        offset: checkpoint.targetOffset,
        metadata: encodeCheckpointMetadata(checkpoint),
      }));
      for (const answer of await commitOffsets(this.#client, group, offsets)) {
        if (answer.errorCode === 0) continue;
        const place = { topic: answer.topic, partition: answer.partition };
        failed.set(partitionKey(answer.topic, answer.partition), kafkaError(answer.errorCode, place));
      }
    } catch (error) {
      for (const { targetTopic, partition } of entries)
        failed.set(partitionKey(targetTopic, partition), asError(error));
    }
    return failed;
  }
}

function leftOut({ topic, partition }: { topic: string; partition: number }, group: string): LoadedCheckpoint {
  const message = `the coordinator of group ${group} did not answer for the partition`;
  return { kind: 'failed', error: new CausewayError('KAFKA_PROTOCOL', message, { place: { topic, partition } }) };
}

function interpret(
  answer: {
    readonly topic: string;
    readonly partition: number;
    readonly errorCode: number;
    readonly offset: bigint;
    readonly metadata: string;
  },
  group: string,
): LoadedCheckpoint {
  const place = { topic: answer.topic, partition: answer.partition };
  if (answer.errorCode !== 0) return { kind: 'failed', error: kafkaError(answer.errorCode, place) };
  if (answer.offset < 0n) return { kind: 'none' };
  try {
    return { kind: 'found', checkpoint: decodeCheckpoint(answer.offset, answer.metadata) };
  } catch (error) {
    const message = `consumer group ${group} holds an offset that is not a checkpoint of ours`;
    return { kind: 'failed', error: new CausewayError('NODE_CORRUPT', message, { place, cause: error }) };
  }
}

function byGroup(
  places: readonly CheckpointPlace[],
  groupOf: (place: CheckpointPlace) => string,
): Map<string, CheckpointPlace[]> {
  const groups = new Map<string, CheckpointPlace[]>();
  for (const place of places) {
    const group = groupOf(place);
    const members = groups.get(group);
    if (members === undefined) groups.set(group, [place]);
    else members.push(place);
  }
  return groups;
}

function keyOf({ targetTopic, partition }: CheckpointPlace): string {
  return partitionKey(targetTopic, partition);
}

function asError(error: unknown): CausewayError {
  if (error instanceof CausewayError) return error;
  throw error;
}
