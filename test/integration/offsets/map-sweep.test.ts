import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { encodeTopicProgress } from '../../../common/coordination/records/desired.js';
import { MapTail } from '../../../common/kafka/offset-maps/map-tail.js';
import { appendRecords } from '../../../common/kafka/wire/operations/append-records.js';
import { OFFSET_MAP_PARTITIONS, offsetMapTopic } from '../../../common/model/offset-map.js';
import {
  encodeMapKey,
  encodeMapValue,
  FIRST_OF_TIMELINE,
  type MapPlace,
  mapPartition,
} from '../../../common/model/offset-map-record.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { MAP_RETENTION_MS } from '../../../controller/core/map-retention.js';
import { MapSweeper } from '../../../controller/offsets/map-sweeper.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { TestCluster } from '../worker/thread-kit.js';

const MAP = offsetMapTopic('test');
const OLD_MS = Date.now() - MAP_RETENTION_MS - 60_000;
const NEVER = new AbortController().signal;

describe('the map topic does not grow with every topic and timeline there ever was', () => {
  let handle: KafkaClusterHandle;
  let target: TestCluster;

  before(async () => {
    handle = await startKafkaCluster({ name: 'target', version: '4.1.0' });
    target = new TestCluster(handle);
    await target.createTopic(MAP, OFFSET_MAP_PARTITIONS, { 'cleanup.policy': 'compact' });
    await target.createTopic('orders', 1);
  });

  after(async () => {
    await target?.close();
    await handle?.stop();
  });

  async function write(place: MapPlace, timestampMs: number, rebuiltTo?: number): Promise<void> {
    const entries = [{ source: 0, target: 0, length: 5, targetLength: 5, lost: false }];
    const key = encodeMapKey(place, { source: 0, target: 0 }, rebuiltTo);
    const value = encodeMapValue({ link: FIRST_OF_TIMELINE, entries });
    const at = { topic: MAP, partition: mapPartition(place.targetTopic, place.partition) };
    await appendRecords(target.client, at, [{ key, value, headers: [], timestamp: BigInt(timestampMs) }]);
  }

  async function known(): Promise<(place: MapPlace) => boolean> {
    const tail = new MapTail({ client: target.client, fleet: 'test', logger: silentLogger });
    await tail.refresh(0);
    return (place) => tail.index.of(place)?.targetTopicId === place.targetTopicId;
  }

  test('8.2 maps of topics that are gone and of old timelines are removed a week after they were written, and nothing else', async () => {
    const topicId = await target.topicId('orders');
    const place = (changes: Partial<MapPlace> = {}): MapPlace => ({
      route: 'r',
      topic: 'orders',
      partition: 0,
      targetTopicId: topicId,
      targetTopic: 'orders',
      targetPartition: 0,
      timeline: 3,
      ...changes,
    });
    const gone = { topic: 'gone', targetTopic: 'gone', targetTopicId: 'AAAAAAAA-0000-4000-8000-000000000001' };
    const former = place({ timeline: 7, targetTopicId: 'AAAAAAAA-0000-4000-8000-000000000002' });
    const dead = [place({ timeline: 1 }), place(gone), former, place({ route: 'job.x.1' })];
    const alive = [place(), place({ timeline: 2 }), place({ route: 'unknown', timeline: 1 })];
    const young = place({ ...gone, partition: 1 });
    for (const one of [...dead, ...alive]) await write(one, OLD_MS);
    await write(place(gone), OLD_MS, 5);
    await write(young, Date.now());
    const progress = encodeTopicProgress({
      route: 'r',
      topic: 'orders',
      sourceTopicId: null,
      targetTopic: 'orders',
      timeline: 3,
      started: [0],
      initialPartitions: 1,
    });
    const sweeper = new MapSweeper({
      store: {
        get: (path) =>
          Promise.resolve(
            path.includes('/r/orders') ? { data: progress, version: 1, createdAt: '' } : undefined,
          ) as never,
      },
      client: () => target.client,
      fleet: 'test',
      clock: systemClock,
      logger: silentLogger,
    });
    const all = await known();
    assert.ok([...dead, ...alive, young].every(all));
    assert.equal(await sweeper.sweep('target', NEVER), 0, 'one look is not enough');
    assert.equal(await sweeper.sweep('target', NEVER), dead.length + 1, 'what was rebuilt of it goes with it');
    const left = await known();
    assert.deepEqual(
      dead.map(left),
      dead.map(() => false),
    );
    assert.deepEqual([...alive, young].map(left), [true, true, true, true]);
    assert.equal(await sweeper.sweep('target', NEVER), 0, 'once');
  });
});
