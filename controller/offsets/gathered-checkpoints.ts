import type { CheckpointStore, LoadedCheckpoint } from '../../common/kafka/checkpoints/checkpoint-store.js';
import type { CheckpointPlace } from '../../common/model/checkpoint.js';
import type { Clock } from '../../common/runtime/clock.js';

/** Topics that are asked about within this go into the same requests. */
const GATHER_MS = 5;

type Loaded = ReadonlyMap<string, LoadedCheckpoint>;

interface Gathering {
  readonly places: CheckpointPlace[];
  readonly result: Promise<Loaded>;
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

  /** By `topic-partition` of the target; perhaps with more than was asked for. */
  load(route: string, isTransactional: boolean, places: readonly CheckpointPlace[]): Promise<Loaded> {
    const key = `${isTransactional ? 't' : 'p'}/${route}`;
    let gathering = this.#gathering.get(key);
    if (gathering === undefined) {
      const gathered: CheckpointPlace[] = [];
      const result = this.#clock.sleep(GATHER_MS).then((): Promise<Loaded> => {
        this.#gathering.delete(key);
        // As of the last transaction that ended, while another may be open.
        return isTransactional ? this.#store.loadTransactional(gathered, false) : this.#store.load(gathered);
      });
      gathering = { places: gathered, result };
      this.#gathering.set(key, gathering);
    }
    gathering.places.push(...places);
    return gathering.result;
  }
}
