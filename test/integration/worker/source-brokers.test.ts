import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { BrokerConnection } from '../../../common/kafka/wire/connection.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { systemClock } from '../../../common/runtime/clock.js';
import type { FetchSettings } from '../../../worker/fetch/broker-fetcher.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { type ReaderUnderTest, type RecordingFeed, readerOf, until } from '../../unit/worker/fetch/reader-kit.js';
import { createPlacedTopic, movePartition } from './placed-topic.js';
import { numbered, TestCluster } from './thread-kit.js';

const REQUEST_TIMEOUT_MS = 10_000;

/** Response bytes of fetches by broker. */
class Traffic {
  readonly bytes = new Map<number, number>();
  readonly #known = new WeakSet<BrokerConnection>();

  count(broker: number, connection: BrokerConnection): void {
    if (this.#known.has(connection)) return;
    this.#known.add(connection);
    const request = connection.request.bind(connection);
    connection.request = async (...args: Parameters<BrokerConnection['request']>) => {
      const body = await request(...args);
      this.bytes.set(broker, (this.bytes.get(broker) ?? 0) + body.length);
      return body;
    };
  }
}

describe('source brokers that fail, move and differ', () => {
  let handle: KafkaClusterHandle;
  let source: TestCluster;
  const readers: ReaderUnderTest[] = [];

  before(async () => {
    handle = await startKafkaCluster({
      name: 'source',
      version: '3.9.1',
      brokers: 3,
      config: {
        'broker.session.timeout.ms': '2000',
        'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector',
        'unclean.leader.election.enable': 'true',
        'replica.fetch.wait.max.ms': '100',
        // Most sessions find no room, or are asked to leave.
        'max.incremental.fetch.session.cache.slots': '8',
      },
      brokerSettings: (id) => ({ 'broker.rack': `rack-${id}` }),
    });
    source = new TestCluster(handle);
    await createPlacedTopic(handle.bootstrapServers, 'moves', [[1, 2]]);
    await createPlacedTopic(handle.bootstrapServers, 'spread', [[1], [3]]);
    await createPlacedTopic(handle.bootstrapServers, 'near', [[1, 2]]);
    await createPlacedTopic(handle.bootstrapServers, 'lossy', [
      [1, 2],
      [3, 2],
    ]);
  });

  afterEach(async () => {
    await Promise.all(readers.splice(0).map((reader) => reader.close()));
  });

  after(async () => {
    await source?.close();
    await handle?.stop();
  });

  function reading(settings: Partial<FetchSettings>, traffic?: Traffic): ReaderUnderTest {
    const seen = (broker: number, _purpose: string, connection: BrokerConnection): void =>
      traffic?.count(broker, connection);
    const under = readerOf(
      source.connection.bootstrap,
      { requestTimeoutMs: REQUEST_TIMEOUT_MS, ...settings },
      32 << 20,
      seen,
    );
    readers.push(under);
    return under;
  }

  const append = (topic: string, partition: number, count: number, size = 20): Promise<number> =>
    source.append(topic, partition, buildBatch(numbered(0, count, size)));

  async function patiently(topic: string, partition: number, count: number): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await append(topic, partition, count);
        return;
      } catch (error) {
        if (attempt === 20) throw error;
        await systemClock.sleep(300);
      }
    }
  }

  test('leaders move under load: everything is read once and in order, and nothing is taken for a truncation', async () => {
    const under = reading({ fetchConnections: 3 });
    const [feed] = (await under.feeds('moves', 1)) as [RecordingFeed];
    let going = true;
    let end = 0;
    const load = (async () => {
      while (going) {
        await patiently('moves', 0, 5);
        end += 5;
      }
    })();
    for (const replicas of [
      [2, 3],
      [3, 1],
      [1, 2],
    ]) {
      await movePartition(handle.bootstrapServers, 'moves', 0, replicas);
      await systemClock.sleep(200);
    }
    going = false;
    await load;
    // Something is there of the last leader's time.
    await patiently('moves', 0, 5);
    end += 5;
    await until('everything is read', () => feed.position >= end);
    assert.ok(feed.leaderEpoch >= 3, `epoch ${feed.leaderEpoch}`);
    assert.deepEqual(feed.gone, []);
    assert.deepEqual(feed.violations, []);
  });

  test('a broker is stopped in its tracks: partitions of the others do not notice', async () => {
    const under = reading({});
    const feeds = await under.feeds('spread', 2);
    const [feed] = feeds as [RecordingFeed, RecordingFeed];
    await append('spread', 0, 1);
    await append('spread', 1, 1);
    await until('read', () => feeds.every(({ position }) => position > 0));
    /** How long records take to be read, in ms: of nine out of ten, and of all. */
    const readMs = async (): Promise<readonly [most: number, worst: number]> => {
      const tookMs: number[] = [];
      for (let i = 0; i < 60; i += 1) {
        const end = (await append('spread', 0, 1)) + 1;
        const beganMs = performance.now();
        await until('read', () => feed.position === end);
        tookMs.push(performance.now() - beganMs);
        await systemClock.sleep(10);
      }
      tookMs.sort((a, b) => a - b);
      return [tookMs[54] ?? 0, tookMs[59] ?? 0];
    };
    // What the machine needs at the moment without a fault is nobody's fault.
    const [calmMost, calmWorst] = await readMs();
    handle.brokers[2]?.pause();
    const [most, worst] = await readMs().finally(() => handle.brokers[2]?.resume());
    const told = `${most} and ${worst} ms, ${calmMost} and ${calmWorst} without the fault`;
    // Whoever waited for the broker that does not answer would wait for the request's ten seconds.
    assert.ok(most < 500 + 3 * calmMost && worst < REQUEST_TIMEOUT_MS / 2 + 3 * calmWorst, told);
    await append('spread', 1, 1);
    await until('the other goes on', () => feeds[1]?.position === 2);
  });

  test('bytes come from the replica in our rack; it is killed, and the leader gives the rest', async () => {
    const traffic = new Traffic();
    const under = reading({ rack: 'rack-2' }, traffic);
    const [feed] = (await under.feeds('near', 1)) as [RecordingFeed];
    for (let i = 0; i < 30; i += 1) {
      const base = await append('near', 0, 100, 200);
      if (i % 5 === 0) await until('read', () => feed.position === base + 100);
    }
    await until('read', () => feed.position === 3_000);
    const [leader, follower] = [traffic.bytes.get(1) ?? 0, traffic.bytes.get(2) ?? 0];
    const payload = 30 * 100 * 200;
    assert.ok(leader < payload / 100 && follower > payload, `leader ${leader}, follower ${follower} bytes`);
    await append('lossy', 0, 20);
    await handle.brokers[1]?.kill();
    await patiently('near', 0, 10);
    const { partitions } = (await source.client.metadata(['near'])).topics.get('near') ?? { partitions: [] };
    assert.equal(partitions[0]?.leader, 1);
    await until('read at the leader', () => feed.position >= 3_010);
    assert.deepEqual(feed.violations, []);
  });

  // Broker 2 is down since the test before.
  test('an unclean leader without the last records: told exactly what is gone; the neighbour goes on', async () => {
    const under = reading({});
    const [feed, neighbour] = (await under.feeds('lossy', 2)) as [RecordingFeed, RecordingFeed];
    await append('lossy', 0, 10);
    await append('lossy', 1, 5);
    await until('read', () => feed.position === 30 && neighbour.position === 5);
    await handle.brokers[0]?.kill();
    await handle.brokers[1]?.start();
    await patiently('lossy', 0, 50);
    await until('truncation noticed', () => feed.gone.length > 0);
    assert.equal(feed.gone[0]?.fromOffset, 20);
    assert.equal(feed.position, 30, 'nothing of the other history was taken');
    await append('lossy', 1, 5);
    await until('the neighbour goes on', () => neighbour.position === 10);
    assert.deepEqual([feed.violations, neighbour.violations, neighbour.gone], [[], [], []]);
  });
});
