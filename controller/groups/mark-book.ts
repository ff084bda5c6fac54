import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { commitOffsets, type OffsetToCommit } from '../../common/kafka/wire/operations/commit-offsets.js';
import { groupOffsets } from '../../common/kafka/wire/operations/group-offsets.js';
import { partitionKey, type TopicPartition } from '../../common/model/topic-partition.js';
import type { Mark } from '../core/group-sync.js';

/** A mark, and the partition at the target that it is about. */
export interface PlacedMark extends TopicPartition {
  readonly mark: Mark;
}

const NOTHING = '-';
const FORM = /^1 (-|\d{1,19}) (\d{1,9})$/;

/**
 * What we wrote last for the groups of one route, kept at the target as the offsets of a group beside each (`causeway.<fleet>.sync.<route>.<group>`):
 * the offset, and as metadata what stood there before and the timeline. It outlives leaders, and it goes the way of the groups' own offsets
 * when they expire. A group's own metadata stays as it was committed at the source.
 */
export class MarkBook {
  readonly #client: ClusterClient;
  readonly #prefix: string;
  readonly #marks = new Map<string, Map<string, Mark>>();

  constructor(client: ClusterClient, names: { readonly fleet: string; readonly route: string }) {
    this.#client = client;
    this.#prefix = `causeway.${names.fleet}.sync.${names.route}.`;
  }

  /** Reads the marks of groups that are not known yet, forgets those of others. @returns groups whose marks cannot be had now */
  async follow(groups: readonly string[]): Promise<ReadonlySet<string>> {
    const wanted = new Set(groups);
    for (const known of this.#marks.keys()) if (!wanted.has(known)) this.#marks.delete(known);
    const missing = groups.filter((group) => !this.#marks.has(group));
    if (missing.length === 0) return new Set();
    const { found, failed } = await groupOffsets(
      this.#client,
      missing.map((group) => this.#bookOf(group)),
    );
    for (const group of missing) {
      const answer = found.get(this.#bookOf(group));
      if (answer === undefined) continue;
      const marks = answer.partitions.flatMap(({ topic, partition, offset, metadata }) => {
        const mark = readMark(offset, metadata ?? '');
        return mark === undefined ? [] : [[partitionKey(topic, partition), mark] as const];
      });
      this.#marks.set(group, new Map(marks));
    }
    return new Set(missing.filter((group) => failed.has(this.#bookOf(group))));
  }

  of(group: string, topic: string, partition: number): Mark | undefined {
    return this.#marks.get(group)?.get(partitionKey(topic, partition));
  }

  /** Reads them anew next time: another leader may have written. */
  forget(group: string): void {
    this.#marks.delete(group);
  }

  /**
   * Before the offsets themselves are written: a write that nobody knows of would look like somebody else's.
   * @returns Kafka's code of each partition
   * @throws as commitOffsets
   */
  async note(group: string, marks: readonly PlacedMark[]): Promise<ReadonlyMap<string, number>> {
    const offsets = marks.map(({ topic, partition, mark }): OffsetToCommit => {
      return { topic, partition, offset: mark.offset, metadata: writeMark(mark) };
    });
    const results = await commitOffsets(this.#client, this.#bookOf(group), offsets);
    const codes = new Map(results.map((item) => [partitionKey(item.topic, item.partition), item.errorCode]));
    const known = this.#marks.get(group) ?? new Map<string, Mark>();
    for (const { topic, partition, mark } of marks) {
      const key = partitionKey(topic, partition);
      if (codes.get(key) === 0) known.set(key, mark);
    }
    this.#marks.set(group, known);
    return codes;
  }

  #bookOf(group: string): string {
    return `${this.#prefix}${group}`;
  }
}

function writeMark({ before, timeline }: Mark): string {
  return `1 ${before ?? NOTHING} ${timeline}`;
}

/** Undefined: nothing, or nothing that this version can read. */
function readMark(offset: bigint, metadata: string): Mark | undefined {
  const [, before, timeline] = FORM.exec(metadata) ?? [];
  if (offset < 0n || before === undefined || timeline === undefined) return undefined;
  return { offset, before: before === NOTHING ? null : BigInt(before), timeline: Number(timeline) };
}
