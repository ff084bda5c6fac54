import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { Mm2Client } from '../../../common/api/mm2-client.js';
import type { ImportedTopic, Mm2ImportView } from '../../../common/api/mm2-shapes.js';
import { isCausewayError } from '../../../common/errors/error.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { BedChild } from '../../bed/child.js';
import { jvmArgs } from '../../bed/java-args.js';
import { kafkaSet } from '../../bed/kafka-set.js';
import { waitUntil } from '../../bed/wait.js';
import { Workspace } from '../../bed/workspace.js';
import { causeway } from '../cli/cli-kit.js';
import { numbered } from '../worker/thread-kit.js';
import { MirrorBed } from './mm2-kit.js';

const TOPIC = 'orders';
const REMOTE = `primary.${TOPIC}`;
const ROUTE = 'primary-backup';
const LEAVE_MS = 60_000;

describe('going on where a real MirrorMaker 2 stood', { timeout: 280_000 }, () => {
  const workspace = new Workspace('mm2-takeover');
  let bed: MirrorBed;
  let mm2: BedChild | undefined;
  let client: Mm2Client;

  before(async () => {
    bed = await MirrorBed.start({
      [ROUTE]: { source: 'primary', target: 'backup', naming: { policy: 'default' } },
      plain: { source: 'primary', target: 'backup', naming: { policy: 'identity' } },
    });
    client = new Mm2Client(bed.fleet.client.transport);
  });

  after(async () => {
    await mm2?.kill();
    await bed?.close();
    workspace.remove();
  });

  /** Dedicated mode, with its defaults but for what one broker and a short test need. */
  async function startMirrorMaker(): Promise<BedChild> {
    const set = await kafkaSet('3.9.1');
    const settings: Record<string, string> = {
      clusters: 'primary, backup',
      'primary.bootstrap.servers': bed.servers('primary'),
      'backup.bootstrap.servers': bed.servers('backup'),
      'primary->backup.enabled': 'true',
      'primary->backup.topics': TOPIC,
      'backup->primary.enabled': 'false',
      'replication.factor': '1',
      'backup.offset.flush.interval.ms': '5000',
      'plugin.discovery': 'only_scan',
    };
    for (const topic of ['checkpoints.topic', 'heartbeats.topic', 'offset-syncs.topic'])
      settings[`${topic}.replication.factor`] = '1';
    for (const topic of ['offset', 'status', 'config']) settings[`${topic}.storage.replication.factor`] = '1';
    const file = workspace.path('mm2.properties');
    writeFileSync(
      file,
      Object.entries(settings)
        .map(([key, value]) => `${key}=${value}\n`)
        .join(''),
    );
    const jvm = [...jvmArgs('fast', 512, set.brokerArchive), ...set.loggingArgs, '-cp', set.classpath];
    return BedChild.start({
      name: 'MirrorMaker 2',
      command: set.java,
      args: [...jvm, 'org.apache.kafka.connect.mirror.MirrorMaker', file],
      logFile: workspace.path('mm2.log'),
    });
  }

  const append = (partition: number, from: number, count: number): Promise<unknown> =>
    bed.primary.append(TOPIC, partition, buildBatch(numbered(from, count)));

  /** Records of each partition at the target. */
  const arrived = async (...counts: readonly number[]): Promise<boolean> => {
    const { topics } = await bed.backup.client.metadata([REMOTE]);
    if (topics.get(REMOTE)?.partitions.length !== counts.length) return false;
    const held = await Promise.all(counts.map(async (_, p) => (await bed.backup.read(REMOTE, p)).length));
    return held.every((count, partition) => count >= (counts[partition] as number));
  };

  const refused = (promise: Promise<unknown>): Promise<void> =>
    assert.rejects(promise, (error) => isCausewayError(error, 'TAKEOVER_REFUSED'));

  const only = ({ topics }: Mm2ImportView): ImportedTopic => {
    assert.deepEqual(
      topics.map(({ topic }) => topic),
      [TOPIC],
    );
    return topics[0] as ImportedTopic;
  };

  test('while it runs nothing is imported; once it has stopped, every partition goes on behind its last record', async () => {
    await bed.primary.createTopic(TOPIC, 3);
    await Promise.all([append(0, 0, 100), append(1, 0, 70)]);
    await refused(client.import(ROUTE, {}));
    mm2 = await startMirrorMaker();
    await waitUntil('MirrorMaker 2 has copied', () => arrived(100, 70, 0), { timeoutMs: 90_000, child: mm2 });
    const runs = async (): Promise<boolean> => (await client.import(ROUTE, { dryRun: true })).isRunning;
    await waitUntil('it has written down how far it is', () => runs().catch(() => false), { timeoutMs: 20_000 });
    await refused(client.import(ROUTE, {}));
    // Written down when it stops, and not before.
    await append(0, 100, 10);
    await waitUntil('it has copied these', () => arrived(110, 70, 0), { timeoutMs: 20_000, child: mm2 });
    await mm2.terminate(LEAVE_MS);
    await Promise.all([append(0, 110, 40), append(2, 0, 20)]);
    await waitUntil('its group is empty', async () => !(await runs()), { timeoutMs: 30_000 });

    const planned = await client.import(ROUTE, { dryRun: true });
    assert.deepEqual(
      [planned.isRunning, planned.offsetsTopic, planned.more],
      [false, 'mm2-offsets.primary.internal', 1],
    );
    const { outcome, targetTopic, starts, lost } = only(planned);
    assert.deepEqual([outcome, targetTopic, lost], ['add', REMOTE, []]);
    assert.deepEqual(
      starts.map(({ from }) => from),
      ['110', '70', 'earliest'],
    );
    assert.deepEqual((await bed.fleet.client.listTopics(ROUTE)).topics, [], 'a dry run changes nothing');

    const url = bed.fleet.controllers[0]?.url ?? '';
    const done = await causeway(['import-mm2', ROUTE], url);
    assert.deepEqual([done.code, done.stderr], [0, '']);
    assert.match(done.stdout, /orders +primary[.]orders +added +0:110 1:70 2:earliest +0/);
    await append(1, 70, 5);
    await waitUntil('what came later is there', () => arrived(150, 75, 20), { timeoutMs: 40_000 });
    for (const [partition, count] of [150, 75, 20].entries()) {
      const values = (await bed.backup.read(REMOTE, partition)).map(({ value }) => String(value));
      assert.deepEqual(
        values,
        numbered(0, count).map(({ value }) => String(value)),
        `partition ${partition}`,
      );
    }
    assert.equal(only(await client.import(ROUTE, {})).outcome, 'present');
    await bed.fleet.client.deleteTopic(ROUTE, TOPIC);
    assert.match(only(await client.import(ROUTE, {})).reason?.message ?? '', /mirrored it before/);
  });

  test('what does not fit is refused, and nothing is written', async () => {
    const elsewhere = await client.import('plain', {});
    assert.deepEqual([only(elsewhere).outcome, only(elsewhere).reason?.code], ['refused', 'TARGET_TOPIC_MISSING']);
    const strange = await client.import('plain', { topics: ['nowhere'] });
    assert.deepEqual(
      strange.topics.map(({ reason }) => reason?.code),
      ['TAKEOVER_REFUSED'],
    );
    await refused(client.import('plain', { alias: 'nobody', offsetsTopic: 'mm2-offsets.primary.internal' }));
    await refused(client.import('plain', { connector: 'another' }));
    await refused(client.import('plain', { offsetsTopic: 'connect-offsets' }));
    assert.deepEqual((await bed.fleet.client.listTopics('plain')).topics, []);
    const url = bed.fleet.controllers[0]?.url ?? '';
    assert.equal((await causeway(['import-mm2', 'plain'], url)).code, 3);
  });
});
