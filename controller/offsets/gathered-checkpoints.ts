import type { CheckpointStore, LoadedCheckpoint } from '../../common/kafka/checkpoints/checkpoint-store.js';
import type { CheckpointPlace } from '../../common/model/checkpoint.js';
import { partitionKey } from '../../common/model/topic-partition.js';
import type { Clock } from '../../common/runtime/clock.js';

/** Topics that are asked about within this go into the same requests. */
const GATHER_MS = 5;

type Loaded = ReadonlyMap<string, LoadedCheckpoint>;

interface Gathering {
  readonly places: CheckpointPlace[];
  readonly result: Promise<Loaded>;
}

/** What names a place in the answer. */
export function placeKey({ targetTopic, partition, source = '' }: CheckpointPlace): string {
  return `${source}>${partitionKey(targetTopic, partition)}`;
}

/** Reads checkpoints of one target; topics of a route that are asked about together share their groups' requests. */
export class GatheredCheckpoints {
  readonly #store: Pick<CheckpointStore, 'load' | 'loadTransactional'>;
  readonly #clock: Pick<Clock, 'sleep'>;
  readonly #gathering = new Map<string, Gathering>();

  constructor(store: Pick<CheckpointStore, 'load' | 'loadTransactional'>, clock: Pick<Clock, 'sleep'>) {
    this.#store = store;
    this.#clock = clock;
  }

  /** By `placeKey`; perhaps with more than was asked for. */
  load(route: string, isTransactional: boolean, places: readonly CheckpointPlace[]): Promise<Loaded> {
    const key = `${isTransactional ? 't' : 'p'}/${route}`;
    let gathering = this.#gathering.get(key);
    if (gathering === undefined) {
      const gathered: CheckpointPlace[] = [];
      const result = this.#clock.sleep(GATHER_MS).then((): Promise<Loaded> => {
        this.#gathering.delete(key);
        return this.#load(isTransactional, gathered);
      });
      gathering = { places: gathered, result };
      this.#gathering.set(key, gathering);
    }
    gathering.places.push(...places);
    return gathering.result;
  }

  /** Answers go by target partition: sources that share one are asked about apart. */
  async #load(isTransactional: boolean, gathered: readonly CheckpointPlace[]): Promise<Loaded> {
    const loaded = new Map<string, LoadedCheckpoint>();
    const bySource = new Map<string, CheckpointPlace[]>();
    for (const place of gathered) {
      const own = bySource.get(place.source ?? '') ?? [];
      bySource.set(place.source ?? '', own);
      own.push(place);
    }
    await Promise.all(
      [...bySource.values()].map(async (places) => {
        // As of the last transaction that ended, while another may be open.
        const found = isTransactional
          ? await this.#store.loadTransactional(places, false)
          : await this.#store.load(places);
        for (const place of places) {
          const one = found.get(partitionKey(place.targetTopic, place.partition));
          if (one !== undefined) loaded.set(placeKey(place), one);
        }
      }),
    );
    return loaded;
  }
}
