import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterClient } from '../../../common/kafka/wire/cluster-client.js';
import { Reader } from '../../../common/kafka/wire/reader.js';
import { Writer } from '../../../common/kafka/wire/writer.js';
import {
  type Checkpoint,
  type CheckpointPlace,
  checkpointGroup,
  encodeCheckpointMetadata,
  firstTimelineGroup,
  transactionalGroup,
} from '../../../common/model/checkpoint.js';
import { partitionKey } from '../../../common/model/topic-partition.js';
import type { ClusterClients } from '../../../controller/metadata/cluster-clients.js';
import { placeKey } from '../../../controller/offsets/gathered-checkpoints.js';
import { KafkaLens } from '../../../controller/recovery/cluster-lens.js';
import { routeOf } from './kit.js';
import { pairOf } from './recovery-bed.js';

const VERSION = 5;

/** A cluster that knows nothing but positions of groups, by group and `topic-partition`. */
class Groups {
  readonly pairs = new Map<string, Checkpoint>();

  put(group: string, { targetTopic, partition, timeline }: CheckpointPlace, source: number): void {
    this.pairs.set(`${group} ${partitionKey(targetTopic, partition)}`, { ...pairOf(source), timeline });
  }

  get lens(): KafkaLens {
    const connection = {
      ...{ requireVersion: () => VERSION, throttledMs: 0, throttle: () => undefined, close: () => undefined },
      request: async (_key: number, _version: number, body: Buffer[]) => this.#answer(Buffer.concat(body)),
    };
    const client = {
      cluster: { name: 'west', requestTimeoutMs: 1_000 },
      clock: { monotonicMs: () => 0 },
      coordinator: async () => 1,
      connection: async () => connection,
    } as unknown as ClusterClient;
    return new KafkaLens({ of: () => client } as unknown as ClusterClients);
  }

  /** OffsetFetch v5: group, topics [name, partitions]; answered with throttle, topics [name, partitions [...]], error. */
  #answer(request: Buffer): Buffer {
    const reader = new Reader(request, false);
    const group = reader.string();
    const topics = reader.array(1, () => ({ topic: reader.string(), numbers: reader.array(4, () => reader.int32()) }));
    const writer = new Writer(false).int32(0);
    writer.array(topics, ({ topic, numbers }) => {
      writer.string(topic);
      writer.array(numbers, (partition) => {
        const pair = this.pairs.get(`${group} ${partitionKey(topic, partition)}`);
        writer
          .int32(partition)
          .int64(pair?.targetOffset ?? -1n)
          .int32(-1);
        writer.string(pair === undefined ? '' : encodeCheckpointMetadata(pair)).int16(0);
      });
    });
    return Buffer.concat(writer.int16(0).toBuffers());
  }
}

const sourcesOf = (found: ReadonlyMap<string, Checkpoint>, places: readonly CheckpointPlace[]) =>
  places.map((place) => found.get(placeKey(place))?.sourceOffset);

test('pairs of sources that share a target partition are told apart', async () => {
  const groups = new Groups();
  const place = { route: 'r', targetTopic: 'm', partition: 0, timeline: 1 };
  const places = ['a/0', 'a/1', 'b/0'].map((source) => ({ ...place, source }));
  for (const [i, one] of places.slice(0, 2).entries()) groups.put(transactionalGroup(one), one, 10 + i);
  const route = routeOf('r', { delivery: 'transactional', partitionMapping: { to: 'modulo', partitions: 1 } });
  assert.deepEqual(sourcesOf(await groups.lens.checkpoints(route, places), places), [10n, 11n, undefined]);
});

test('a pair where an earlier version kept it counts only where there is none in the present group, whatever else is asked', async () => {
  const groups = new Groups();
  const numbers = Array.from({ length: 64 }, (_, partition) => partition);
  // Partitions of the first timeline have their groups where the later ones' former pairs are.
  const places = numbers.map((partition) => {
    return { route: 'r', targetTopic: 't', partition, timeline: partition % 2 === 0 ? 1 : 2 };
  });
  for (const place of places) {
    groups.put(checkpointGroup(place), place, 100);
    if (place.timeline === 2) groups.put(firstTimelineGroup(place), place, 50);
  }
  const [, onlyFormer, former] = places as [CheckpointPlace, CheckpointPlace, CheckpointPlace];
  groups.pairs.delete(`${checkpointGroup(onlyFormer)} t-1`);
  // Of another timeline: nothing of the one that is asked for.
  groups.put(checkpointGroup(former), { ...former, timeline: 7 }, 1);
  const found = sourcesOf(await groups.lens.checkpoints(routeOf('r', { delivery: 'exactly-once' }), places), places);
  assert.deepEqual([found[1], found[2]], [50n, undefined]);
  assert.ok(found.every((source, i) => i === 1 || i === 2 || source === 100n));
});
