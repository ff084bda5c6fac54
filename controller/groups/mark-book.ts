import type { ClusterClient } from '../../common/kafka/wire/cluster-client.js';
import { commitOffsets, type OffsetToCommit } from '../../common/kafka/wire/operations/commit-offsets.js';
import { groupOffsets } from '../../common/kafka/wire/operations/group-offsets.js';
import { partitionKey, type TopicPartition } from '../../common/model/topic-partition.js';
import { confirmed, type GroupStanding, type Mark, standingOf } from '../core/group-sync.js';

/** A mark, and the partition at the target that it is about. */
export interface PlacedMark extends TopicPartition {
  readonly mark: Mark;
}

/** A mark as it is kept at the target, and whether its write is known to have happened. */
interface KeptMark {
  readonly mark: Mark;
  readonly isConfirmed: boolean;
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
  readonly #marks = new Map<string, Map<string, KeptMark>>();
  /** To be read anew. */
  readonly #doubtful = new Set<string>();

  constructor(client: ClusterClient, names: { readonly fleet: string; readonly route: string }) {
    this.#client = client;
    this.#prefix = `causeway.${names.fleet}.sync.${names.route}.`;
  }

  /** Reads the marks of groups that are not known yet, forgets those of others. @returns groups whose marks cannot be had now */
  async follow(groups: readonly string[]): Promise<ReadonlySet<string>> {
    const wanted = new Set(groups);
    for (const known of this.#marks.keys()) {
      if (wanted.has(known)) continue;
      this.#marks.delete(known);
      this.#doubtful.delete(known);
    }
    const missing = groups.filter((group) => !this.#marks.has(group) || this.#doubtful.has(group));
    if (missing.length === 0) return new Set();
    const { found, failed } = await groupOffsets(
      this.#client,
      missing.map((group) => this.#bookOf(group)),
    );
    for (const group of missing) {
      const answer = found.get(this.#bookOf(group));
      if (answer === undefined) continue;
      const known = this.#marks.get(group);
      const marks = answer.partitions.flatMap(({ topic, partition, offset, metadata }) => {
        const mark = readMark(offset, metadata ?? '');
        if (mark === undefined) return [];
        const key = partitionKey(topic, partition);
        const before = known?.get(key);
        const isSame = before !== undefined && isSameMark(before.mark, mark);
        return [[key, isSame ? before : { mark, isConfirmed: false }] as const];
      });
      this.#marks.set(group, new Map(marks));
      this.#doubtful.delete(group);
    }
    return new Set(missing.filter((group) => failed.has(this.#bookOf(group))));
  }

  of(group: string, topic: string, partition: number): Mark | undefined {
    const kept = this.#marks.get(group)?.get(partitionKey(topic, partition));
    return kept === undefined ? undefined : markIn(kept);
  }

  /** @param offsets all that the group has committed at the target, by partition */
  standing(group: string, offsets: ReadonlyMap<string, bigint> | undefined): GroupStanding {
    const marks = [...(this.#marks.get(group) ?? [])];
    return standingOf(marks.map(([key, kept]) => ({ mark: markIn(kept), targetOffset: offsets?.get(key) ?? null })));
  }

  /** Its offset was seen at the target, or its write was answered: what stood there before is not ours any more. */
  confirm(group: string, topic: string, partition: number): void {
    const marks = this.#marks.get(group);
    const key = partitionKey(topic, partition);
    const kept = marks?.get(key);
    if (kept !== undefined) marks?.set(key, { ...kept, isConfirmed: true });
  }

  /** A leader that comes later does not know yet that the write has happened. */
  isToBeNoted(group: string, topic: string, partition: number): boolean {
    const kept = this.#marks.get(group)?.get(partitionKey(topic, partition));
    return kept?.isConfirmed === true && kept.mark.before !== kept.mark.offset;
  }

  /** Reads them anew next time: another leader may have written. */
  doubt(group: string): void {
    this.#doubtful.add(group);
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
    const known = this.#marks.get(group) ?? new Map<string, KeptMark>();
    for (const { topic, partition, mark } of marks) {
      const key = partitionKey(topic, partition);
      if (codes.get(key) === 0) known.set(key, { mark, isConfirmed: false });
    }
    this.#marks.set(group, known);
    return codes;
  }

  #bookOf(group: string): string {
    return `${this.#prefix}${group}`;
  }
}

function markIn({ mark, isConfirmed }: KeptMark): Mark {
  return isConfirmed ? confirmed(mark) : mark;
}

function isSameMark(a: Mark, b: Mark): boolean {
  return a.offset === b.offset && a.before === b.before && a.timeline === b.timeline;
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
