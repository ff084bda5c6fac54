import type { KafkaRecord } from '../../../../common/kafka/wire/records/record-codec.js';
import {
  decodeMapKey,
  decodeMapValue,
  type MapChain,
  type MapPlace,
} from '../../../../common/model/offset-map-record.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { type Clock, systemClock } from '../../../../common/runtime/clock.js';
import type { Lane } from '../../../../worker/lane/lane.js';
import { MapKeeper } from '../../../../worker/offsets/map-keeper.js';

/** The map topic of a test. */
export class MapTopic {
  /** 0: it is known not to be there. */
  partitions: number | undefined = 16;
  readonly batches: { readonly partition: number; readonly records: readonly KafkaRecord[] }[] = [];
  /** Set: writing waits for it, or fails with it. */
  gate: () => Promise<void> = () => Promise.resolve();
  readonly broken: string[] = [];
  readonly retired: Lane[] = [];

  /** What was written, in order. */
  get chains(): (MapChain & { readonly place: MapPlace; readonly key: string })[] {
    return this.batches.flatMap(({ records }) =>
      records.map(({ key, value }) => ({
        ...decodeMapValue(value ?? Buffer.alloc(0)),
        place: decodeMapKey(key ?? Buffer.alloc(0)).place,
        key: String(key),
      })),
    );
  }

  keeper(clock: Clock = systemClock): MapKeeper {
    return new MapKeeper({
      fleet: 'f',
      cluster: 't',
      writer: {
        partitions: () => this.partitions,
        write: async (_lane, _topic, partition, records) => {
          await this.gate();
          this.batches.push({ partition, records });
        },
      },
      kept: () => undefined,
      broken: (partition) => this.broken.push(partition.key),
      retire: (lane) => this.retired.push(lane),
      clock,
      logger: silentLogger,
    });
  }
}
