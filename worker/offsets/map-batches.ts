import type { KafkaRecord } from '../../common/kafka/wire/records/record-codec.js';
import {
  encodeMapKey,
  encodeMapValue,
  linkBehind,
  MAX_RECORD_ENTRIES,
  type MapChain,
  mapPartition,
} from '../../common/model/offset-map-record.js';
import type { Lane } from '../lane/lane.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';

/** Of one batch: below a topic’s usual max.message.bytes, its framing included. */
const MAX_BATCH_BYTES = 900_000;
/** Beyond a record’s key and value. */
const RECORD_OVERHEAD_BYTES = 40;

/** What one partition wants written. */
export interface MapEdition {
  readonly partition: MirroredPartition;
  readonly lane: Lane;
  readonly life: number;
  readonly chain: MapChain;
}

/** A batch: what one lane writes into one partition of the map topic at a time. */
export interface MapBatch {
  readonly lane: Lane;
  readonly mapPartition: number;
  readonly editions: MapEdition[];
  readonly records: KafkaRecord[];
  bytes: number;
}

/** Records of a bounded size, in order: what lies behind one that is not written counts as unwritten too. */
export function editionsOf(partition: MirroredPartition, open: boolean): MapEdition[] {
  const { lane, runs } = partition;
  if (lane === undefined) return [];
  const { link, entries } = open ? runs.whole() : runs.history();
  const editions: MapEdition[] = [];
  let before = link;
  for (let from = 0; from < entries.length; from += MAX_RECORD_ENTRIES) {
    const chain = { link: before, entries: entries.slice(from, from + MAX_RECORD_ENTRIES) };
    editions.push({ partition, lane, life: runs.life, chain });
    before = linkBehind(chain);
  }
  return editions;
}

/** Batches, by what has to stay in order: one lane's in one partition. */
export function gatherBatches(editions: readonly MapEdition[], wallMs: number): readonly (readonly MapBatch[])[] {
  const series = new Map<string, MapBatch[]>();
  for (const edition of editions) {
    const { lane, partition } = edition;
    const { targetTopic, partition: number } = partition.item;
    const at = mapPartition(targetTopic, number);
    const record = mapRecord(edition, wallMs);
    const bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0) + RECORD_OVERHEAD_BYTES;
    const key = `${at}/${lane.record.transactionalId}/${lane.record.producerEpoch}`;
    const batches = series.get(key) ?? [];
    series.set(key, batches);
    let batch = batches.at(-1);
    if (batch === undefined || batch.bytes + bytes > MAX_BATCH_BYTES) {
      batch = { lane, mapPartition: at, editions: [], records: [], bytes: 0 };
      batches.push(batch);
    }
    batch.editions.push(edition);
    batch.records.push(record);
    batch.bytes += bytes;
  }
  return [...series.values()];
}

function mapRecord({ partition, chain }: MapEdition, wallMs: number): KafkaRecord {
  const { item, targetTopicId, targetPartition } = partition;
  const { route, topic, targetTopic, timeline } = item;
  const place = {
    route,
    topic,
    partition: item.partition,
    targetTopicId,
    targetTopic,
    targetPartition,
    timeline,
  };
  return {
    key: encodeMapKey(place, chain.entries[0] ?? { source: 0, target: 0 }),
    value: encodeMapValue(chain),
    headers: [],
    timestamp: BigInt(Math.floor(wallMs)),
  };
}
