import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { BedChild } from '../../bed/child.js';
import { freePort } from '../../bed/free-port.js';
import { jvmArgs } from '../../bed/java-args.js';
import { kafkaSet } from '../../bed/kafka-set.js';
import { waitUntil } from '../../bed/wait.js';
import { Workspace } from '../../bed/workspace.js';
import { assertMonotonic, each, flow, MirrorBed, MM2, PARTITIONS } from './mm2-kit.js';

const TOPIC = 'orders';
const REMOTE = `primary.${TOPIC}`;
const GROUP = 'consumer-group-java';
const LIMIT = { timeoutMs: 60_000 };
/** The connector never translates further than one record behind the last sync. */
const LAG_MAX = 10;

/** A real MirrorCheckpointConnector of Kafka's own jars, which knows nothing of us but our offset syncs and data. */
describe('a MirrorCheckpointConnector beside us', { timeout: 280_000 }, () => {
  const workspace = new Workspace('checkpoint-connector');
  let bed: MirrorBed;
  let connect: BedChild | undefined;

  before(async () => {
    bed = await MirrorBed.start({
      'primary-backup': flow('primary', 'backup', {
        mm2: { ...MM2, checkpoints: false, offsetSyncs: 'source', offsetLagMax: LAG_MAX },
      }),
    });
  });

  after(async () => {
    await connect?.kill();
    await bed?.close();
    workspace.remove();
  });

  async function startConnector(): Promise<BedChild> {
    const set = await kafkaSet('3.9.1');
    const converter = 'org.apache.kafka.connect.converters.ByteArrayConverter';
    const worker = {
      'bootstrap.servers': bed.servers('backup'),
      'key.converter': converter,
      'value.converter': converter,
      'offset.storage.file.filename': workspace.path('offsets'),
      'offset.flush.interval.ms': 1_000,
      'plugin.discovery': 'only_scan',
      listeners: `http://127.0.0.1:${await freePort()}`,
    };
    const connector = {
      name: 'checkpoints',
      'connector.class': 'org.apache.kafka.connect.mirror.MirrorCheckpointConnector',
      'source.cluster.alias': 'primary',
      'target.cluster.alias': 'backup',
      'source.cluster.bootstrap.servers': bed.servers('primary'),
      'target.cluster.bootstrap.servers': bed.servers('backup'),
      groups: 'consumer-group-.*',
      topics: '.*',
      'offset-syncs.topic.location': 'source',
      'emit.checkpoints.interval.seconds': 1,
      'refresh.groups.interval.seconds': 1,
      'sync.group.offsets.enabled': true,
      'sync.group.offsets.interval.seconds': 1,
      'checkpoints.topic.replication.factor': 1,
      'offset-syncs.topic.replication.factor': 1,
      'consumer.poll.timeout.ms': 500,
    };
    const files = Object.entries({ worker, connector }).map(([name, settings]) => {
      const file = workspace.path(`${name}.properties`);
      writeFileSync(
        file,
        Object.entries(settings)
          .map(([key, value]) => `${key}=${value}\n`)
          .join(''),
      );
      return file;
    });
    return BedChild.start({
      name: 'Connect standalone',
      command: set.java,
      args: [
        ...jvmArgs('fast', 384, set.brokerArchive),
        ...set.loggingArgs,
        ...['-cp', set.classpath, 'org.apache.kafka.connect.cli.ConnectStandalone', ...files],
      ],
      logFile: workspace.path('connect.log'),
    });
  }

  test('emits checkpoints and writes group offsets from our offset syncs, never behind the lag and never ahead', async () => {
    await bed.primary.createTopic(TOPIC, PARTITIONS);
    await bed.fleet.client.addTopic('primary-backup', { topic: TOPIC });
    await bed.produce('primary', TOPIC, 100);
    await bed.arrived('backup', REMOTE, each(100));
    await bed.commit('primary', GROUP, TOPIC, each(100));
    const syncs = async () => await bed.offsetSyncs('primary', 'mm2-offset-syncs.backup.internal');
    await waitUntil(
      'all partitions have syncs',
      async () => {
        const last = new Map((await syncs()).map(({ partition, upstreamOffset }) => [partition, upstreamOffset]));
        return last.size === PARTITIONS && [...last.values()].every((upstream) => upstream === 99n);
      },
      LIMIT,
    );
    connect = await startConnector();
    // One behind the last sync: the end of what is copied.
    const isAt = async (wanted: number): Promise<boolean> =>
      (await bed.offsets('backup', GROUP, REMOTE)).every((offset) => offset === wanted);
    await waitUntil('the group is where it was', async () => await isAt(100), { ...LIMIT, child: connect });
    await bed.produce('primary', TOPIC, 57);
    await bed.arrived('backup', REMOTE, each(157));
    await bed.commit('primary', GROUP, TOPIC, each(157));
    await waitUntil('and follows', async () => await isAt(157), { ...LIMIT, child: connect });
    const checkpoints = await bed.checkpoints('backup', 'primary.checkpoints.internal');
    assertMonotonic(checkpoints);
    for (const { topic, upstreamOffset, downstreamOffset } of checkpoints) {
      assert.equal(topic, REMOTE);
      assert.ok(downstreamOffset <= upstreamOffset, 'nothing is skipped');
      assert.ok(upstreamOffset - downstreamOffset <= BigInt(LAG_MAX) + 1n, `${upstreamOffset} -> ${downstreamOffset}`);
    }
  });
});
