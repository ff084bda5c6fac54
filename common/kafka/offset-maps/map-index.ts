import { isCausewayError, messageOf } from '../../errors/error.js';
import { decodeMapKey, decodeMapValue, type MapPlace } from '../../model/offset-map-record.js';
import type { DecodedRecord } from '../wire/records/record-codec.js';
import { PartitionRuns } from './partition-runs.js';

/** Runs of one target that are kept in memory: 24 bytes each, twice that where they grow. */
const MAX_INDEXED_RUNS = 4_000_000;

/** What names one partition's map in the index of a target. */
export type IndexedPlace = Pick<MapPlace, 'route' | 'topic' | 'partition' | 'timeline'>;

export interface MapIndexOptions {
  readonly maxRuns?: number;
  /** A record that cannot be read; what it said is unknown. */
  readonly unreadable: (reason: string) => void;
}

/** Everything that a map topic holds, by partition and timeline, within a bound: beyond it the oldest runs of the largest maps go. */
export class MapIndex {
  readonly #options: MapIndexOptions;
  readonly #maps = new Map<string, PartitionRuns>();
  /** Of which part of the map topic each came: it may have to be read anew. */
  readonly #partOf = new Map<string, number>();
  #capacity = 0;

  constructor(options: MapIndexOptions) {
    this.#options = options;
  }

  of(place: IndexedPlace): PartitionRuns | undefined {
    return this.#maps.get(keyOf(place));
  }

  /** Number of partitions and timelines. */
  get size(): number {
    return this.#maps.size;
  }

  /** Forgets one part of the map topic. */
  clear(part: number): void {
    for (const [key, of] of [...this.#partOf]) {
      if (of !== part) continue;
      this.#capacity -= this.#maps.get(key)?.table.capacity ?? 0;
      this.#maps.delete(key);
      this.#partOf.delete(key);
    }
  }

  /** One record, in the order of the log. */
  take(part: number, { key, value }: Pick<DecodedRecord, 'key' | 'value'>): void {
    if (key === null) return;
    try {
      const { place, rebuiltTo } = decodeMapKey(key);
      if (value === null) {
        this.#forget(place);
        return;
      }
      const chain = decodeMapValue(value);
      const runs = this.#mapOf(place, part);
      const before = runs.table.capacity;
      runs.add(chain, rebuiltTo !== undefined);
      this.#capacity += runs.table.capacity - before;
    } catch (error) {
      if (!isCausewayError(error, 'NODE_CORRUPT')) throw error;
      this.#options.unreadable(messageOf(error));
    }
    this.#bound();
  }

  /** Only whole maps are removed from the topic, of which nobody asks any more. */
  #forget(place: MapPlace): void {
    const key = keyOf(place);
    const known = this.#maps.get(key);
    if (known === undefined || known.targetTopicId !== place.targetTopicId) return;
    this.#capacity -= known.table.capacity;
    this.#maps.delete(key);
    this.#partOf.delete(key);
  }

  #mapOf(place: MapPlace, part: number): PartitionRuns {
    const key = keyOf(place);
    const known = this.#maps.get(key);
    // Another target topic by the same name: nothing of the old one holds.
    if (known !== undefined && known.targetTopicId === place.targetTopicId) return known;
    this.#capacity -= known?.table.capacity ?? 0;
    const runs = new PartitionRuns(place.targetTopicId);
    this.#maps.set(key, runs);
    this.#partOf.set(key, part);
    this.#capacity += runs.table.capacity;
    return runs;
  }

  #bound(): void {
    const { maxRuns = MAX_INDEXED_RUNS } = this.#options;
    while (this.#capacity > maxRuns) {
      let largest: PartitionRuns | undefined;
      for (const runs of this.#maps.values()) {
        if (largest === undefined || runs.table.capacity > largest.table.capacity) largest = runs;
      }
      if (largest === undefined || largest.table.length < 2) return;
      const before = largest.table.capacity;
      largest.dropOldest(Math.ceil(largest.table.length / 2));
      this.#capacity += largest.table.capacity - before;
    }
  }
}

function keyOf({ route, topic, partition, timeline }: IndexedPlace): string {
  return `${route}/${topic}/${partition}/${timeline}`;
}
