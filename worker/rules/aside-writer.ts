import { CausewayError } from '../../common/errors/error.js';
import type { Aside, Asides } from '../core/asides.js';
import type { Lane } from '../lane/lane.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';
import type { SideWriter } from '../produce/side-writer.js';

/** Of the records of one write: below what any topic takes in one batch by default, if no record alone is larger. */
const MAX_WRITE_BYTES = 512 * 1024;

/**
 * Writes records into other topics than their partition's, under its lane and so in its transaction: in the source's order for each of them.
 * One for each attempt.
 */
export class AsideWriter {
  readonly #writer: Pick<SideWriter, 'write' | 'partitions'>;
  #begun = false;

  constructor(writer: Pick<SideWriter, 'write' | 'partitions'>) {
    this.#writer = writer;
  }

  /** @throws TARGET_TOPIC_MISSING, TARGET_REFUSED, LANE_DEAD, SEQUENCE_BROKEN, SHUTTING_DOWN */
  async write({ lane, item }: MirroredPartition, asides: Asides): Promise<void> {
    // All under one identity: what is left when its transaction was aborted must not go on under the next.
    if (lane === undefined) throw new CausewayError('LANE_DEAD', 'the partition has no lane');
    const places = new Map<string, { readonly topic: string; readonly partition: number; readonly records: Aside[] }>();
    for (const aside of asides.records) {
      const { topic } = aside;
      // Before anything is written: half of it would have to be taken back.
      const partition = this.#partitionOf(aside, item.route, item.partition);
      const key = `${topic}/${partition}`;
      const place = places.get(key) ?? { topic, partition, records: [] };
      place.records.push(aside);
      places.set(key, place);
    }
    this.#begun = true;
    await Promise.all([...places.values()].map((place) => this.#writeAll(lane, place)));
  }

  /** Some of it may be stored, and not all of it. */
  get isHalfWritten(): boolean {
    return this.#begun;
  }

  async #writeAll(
    lane: Lane,
    { topic, partition, records }: { readonly topic: string; readonly partition: number; readonly records: Aside[] },
  ): Promise<void> {
    for (let from = 0; from < records.length; ) {
      let to = from;
      let bytes = 0;
      while (to < records.length && (to === from || bytes + sizeOf(records[to] as Aside) <= MAX_WRITE_BYTES)) {
        bytes += sizeOf(records[to] as Aside);
        to += 1;
      }
      const batch = records.slice(from, to).map(({ record }) => record);
      await this.#writer.write(lane, topic, partition, batch);
      from = to;
    }
  }

  #partitionOf({ topic, partition }: Aside, route: string, sourcePartition: number): number {
    const partitions = this.#writer.partitions(topic) ?? 0;
    const chosen = partition ?? (partitions > 0 ? sourcePartition % partitions : 0);
    if (chosen < partitions) return chosen;
    const missing = partitions === 0 ? 'does not exist' : `has no partition ${chosen}`;
    throw new CausewayError('TARGET_TOPIC_MISSING', `topic ${topic} ${missing} at the target yet`, {
      place: { route, topic },
      fix: 'The controller makes it where the route may create topics; otherwise create it.',
    });
  }
}

function sizeOf({ record }: Aside): number {
  let bytes = 20 + (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const [name, content] of record.headers) bytes += 10 + name.length + (content?.length ?? 0);
  return bytes;
}
