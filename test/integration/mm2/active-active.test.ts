import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { kafkaOf } from '../../audit/topics.js';
import { waitUntil } from '../../bed/wait.js';
import { JavaReaders, noCompiler } from './java-readers.js';
import { type Alias, assertMonotonic, each, flow, GROUPS, MirrorBed, PARTITIONS } from './mm2-kit.js';

const LIMIT = { timeoutMs: 40_000 };
/** As the base test's `topics`. */
const selection = { include: ['test-topic-.*', 'primary[.]test-topic-.*', 'backup[.]test-topic-.*'] };

/** MirrorConnectorsIntegrationBaseTest.testReplication, read by Kafka's own Java classes; its variants for identity and transactions. */
describe('MirrorMaker 2’s main scenario, both ways', { timeout: 280_000 }, () => {
  let bed: MirrorBed;
  let java: JavaReaders | undefined;
  let missing: string | undefined;

  before(async () => {
    missing = await noCompiler();
    bed = await MirrorBed.start({
      'primary-backup': flow('primary', 'backup', { selection }),
      'backup-primary': flow('backup', 'primary', { selection }),
      identity: flow('primary', 'backup', { naming: { policy: 'identity' }, groups: GROUPS }),
      transactions: flow('primary', 'backup', { groups: GROUPS }),
    });
    if (missing === undefined) java = await JavaReaders.start();
  });

  after(async () => {
    await java?.close();
    await bed?.close();
  });

  /** Asks until the answer is right: topics are made one after the other. */
  const says = async (command: string, alias: Alias, wanted: readonly string[], args: readonly string[] = []) => {
    if (java === undefined) return;
    const { ask } = { ask: java.ask.bind(java) };
    let last: readonly string[] = [];
    const isRight = async (): Promise<boolean> => {
      last = await ask(command, bed.servers(alias), args);
      return String(last) === String([...wanted].sort());
    };
    await waitUntil(`${command} at ${alias} says ${wanted.join(' ')}`, isRight, LIMIT).catch((error: unknown) => {
      throw new Error(`${String(error)}; it says ${last.join(' ')}`);
    });
  };

  const remote = (topic: string, offsets: readonly number[]): Record<string, number> =>
    Object.fromEntries(offsets.map((offset, partition) => [`${topic}-${partition}`, offset]));

  test('testReplication: every record arrives once in both directions, under the source’s name', async () => {
    for (const alias of ['primary', 'backup'] as const) {
      await bed.cluster(alias).createTopic('test-topic-1', PARTITIONS);
      await bed.produce(alias, 'test-topic-1');
    }
    await bed.arrived('backup', 'primary.test-topic-1', each(10));
    await bed.arrived('primary', 'backup.test-topic-1', each(10));
    const everything = [...(await bed.topics('primary')), ...(await bed.topics('backup'))];
    const returned = everything.filter((topic) => /(primary|backup)[.](primary|backup)[.]test/.test(topic));
    assert.deepEqual(returned, [], 'nothing comes back');
  });

  test('testReplication: heartbeats on both sides and mirrored, upstream clusters, hops, remote topics', async (context) => {
    if (missing !== undefined) return context.skip(missing);
    for (const [alias, other] of [
      ['backup', 'primary'],
      ['primary', 'backup'],
    ] as const) {
      await says('heartbeatTopics', alias, [`${other}.heartbeats`, 'heartbeats']);
      await says('upstreamClusters', alias, [other]);
      await says('replicationHops', alias, ['1'], [other]);
      await says('remoteTopics', alias, [`${other}.heartbeats`, `${other}.test-topic-1`], [other]);
    }
    const beats = async (): Promise<number> => (await bed.backup.read('primary.heartbeats', 0)).length;
    const before = await beats();
    await waitUntil('heartbeats go on', async () => (await beats()) > before, LIMIT);
  });

  test('testReplication: offsets translated for a failover, exactly and monotone; and for the failback', async (context) => {
    if (missing !== undefined || java === undefined) return context.skip(missing);
    const group = 'consumer-group-1';
    for (const [from, to] of [
      ['primary', 'backup'],
      ['backup', 'primary'],
    ] as const) {
      await bed.commit(from, group, 'test-topic-1', [3, ...each(10).slice(1)]);
      await bed.commit(from, group, `${to}.test-topic-1`, each(10));
      await says('checkpointTopics', to, [`${from}.checkpoints.internal`]);
      const wanted = remote(`${from}.test-topic-1`, [3, ...each(10).slice(1)]);
      const { translate } = { translate: java.translate.bind(java) };
      let last: Record<string, number> = {};
      const isRight = async (): Promise<boolean> => {
        last = await translate(bed.servers(to), { alias: from, group });
        return Object.entries(wanted).every(([partition, offset]) => last[partition] === offset);
      };
      await waitUntil(`offsets of ${from} at ${to}`, isRight, LIMIT).catch((error: unknown) => {
        throw new Error(`${String(error)}: ${JSON.stringify(last)}`);
      });
      assertMonotonic(await bed.checkpoints(to, `${from}.checkpoints.internal`));
    }
  });

  test('testReplication: a topic that is made later is found and copied, in both directions', async () => {
    for (const [from, to, topic] of [
      ['primary', 'backup', 'test-topic-2'],
      ['backup', 'primary', 'test-topic-3'],
    ] as const) {
      await bed.cluster(from).createTopic(topic, PARTITIONS);
      await bed.produce(from, topic, 10, 1);
      await bed.arrived(to, `${from}.${topic}`, [10, ...each(0).slice(1)]);
    }
  });

  test('IdentityReplicationIntegrationTest: one way, unchanged names, positions included', async (context) => {
    const group = 'consumer-group-identity';
    await bed.primary.createTopic('identity-topic', PARTITIONS);
    await bed.fleet.client.addTopic('identity', { topic: 'identity-topic' });
    await bed.produce('primary', 'identity-topic');
    await bed.arrived('backup', 'identity-topic', each(10));
    await bed.commit('primary', group, 'identity-topic', each(8));
    await bed.reaches('backup', group, 'identity-topic', each(8));
    if (missing !== undefined || java === undefined) return context.skip(missing);
    const { translate, ask } = { translate: java.translate.bind(java), ask: java.ask.bind(java) };
    const options = { policy: 'identity', source: 'primary' } as const;
    const place = { alias: 'primary', group };
    const isRight = async (): Promise<boolean> => {
      const found = await translate(bed.servers('backup'), place, options);
      return each(8).every((offset, partition) => found[`identity-topic-${partition}`] === offset);
    };
    await waitUntil('Java translates them', isRight, LIMIT);
    assert.deepEqual(await ask('upstreamClusters', bed.servers('backup'), [], options), ['primary']);
    assert.ok((await ask('remoteTopics', bed.servers('backup'), ['primary'], options)).includes('identity-topic'));
  });

  test('MirrorConnectorsIntegrationTransactionsTest: markers and aborted records leave holes, translated exactly', async () => {
    const group = 'consumer-group-transactions';
    await bed.primary.createTopic('transactions', 2);
    await bed.fleet.client.addTopic('transactions', { topic: 'transactions' });
    const producer = kafkaOf(bed.servers('primary')).producer({
      transactionalId: 't',
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await producer.connect();
    for (const outcome of ['commit', 'abort', 'commit'] as const) {
      const transaction = await producer.transaction();
      for (const partition of [0, 1]) {
        const messages = Array.from({ length: 10 }, (_, index) => ({ partition, key: `${index}`, value: outcome }));
        await transaction.send({ topic: 'transactions', messages });
      }
      await transaction[outcome]();
    }
    await producer.disconnect();
    await bed.arrived('backup', 'primary.transactions', [20, 20]);
    // 0-9 | marker 10 | 11-20 aborted, marker 21 | 22-31 | marker 32
    for (const [source, target] of [
      [4, 4],
      [10, 10],
      [11, 10],
      [15, 10],
      [22, 10],
      [26, 14],
      [32, 20],
      [33, 20],
    ] as const) {
      await bed.commit('primary', group, 'transactions', [source, source]);
      await bed.reaches('backup', group, 'primary.transactions', [target, target]);
    }
  });
});
