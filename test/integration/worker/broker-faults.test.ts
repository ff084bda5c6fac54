import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { eventually, item, numbered, TestCluster, ThreadUnderTest, testRoute } from './thread-kit.js';

const BATCH = 20;

describe('a data thread while brokers fail', () => {
  const handles: KafkaClusterHandle[] = [];
  let source: TestCluster;
  let target: TestCluster;
  let under: ThreadUnderTest;
  let sent = 0;
  let sending: Promise<void> | undefined;

  before(async () => {
    const config = { 'broker.session.timeout.ms': '2000' };
    handles.push(
      ...(await Promise.all([
        startKafkaCluster({ name: 'source', version: '4.1.0', config }),
        startKafkaCluster({ name: 'target', version: '3.9.1', config }),
      ])),
    );
    [source, target] = handles.map((handle) => new TestCluster(handle)) as [TestCluster, TestCluster];
    await Promise.all([source.createTopic('t', 1), target.createTopic('t', 1)]);
    under = new ThreadUnderTest([source.connection, target.connection], 'faults');
    under.assign([testRoute('source', 'target')], [item('t', 0, { sourceTopicId: await source.topicId('t') })]);
  });

  after(async () => {
    await under?.thread.stop();
    await Promise.all([source?.close(), target?.close()]);
    await Promise.all(handles.map((handle) => handle.stop()));
  });

  /** One batch after another until told to stop; only acknowledged ones count. */
  function load(): () => Promise<void> {
    let going = true;
    sending = (async () => {
      while (going) {
        await source.append('t', 0, buildBatch(numbered(sent, BATCH)));
        sent += BATCH;
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    return async () => {
      going = false;
      await sending;
    };
  }

  async function expectAll(): Promise<void> {
    await eventually('everything copied', async () => (await target.read('t', 0)).length >= sent, 30_000);
    const keys = (await target.read('t', 0)).map((record) => record.key?.toString());
    const misfit = keys.findIndex((key, i) => key !== `key-${i}`);
    const log =
      misfit < 0
        ? []
        : (await target.writers('t', 0)).filter((line) => Math.abs(Number.parseInt(line, 10) - misfit) < 150);
    assert.equal(misfit, -1, `record ${misfit} of the target is ${keys[misfit]}; the log there:\n${log.join('\n')}`);
    assert.equal(keys.length, sent);
  }

  test('the target broker is killed and comes back: every record once, in order', async () => {
    const stop = load();
    await eventually('records flow', async () => (await target.read('t', 0)).length > 200);
    await handles[1]?.brokers[0]?.kill();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await handles[1]?.brokers[0]?.start();
    await stop();
    await expectAll();
  });

  test('the target broker hangs past the request timeout: every record once, in order', async () => {
    const stop = load();
    await new Promise((resolve) => setTimeout(resolve, 300));
    handles[1]?.brokers[0]?.pause();
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    handles[1]?.brokers[0]?.resume();
    await stop();
    await expectAll();
  });

  test('the source broker is killed and comes back: copying goes on at the next record', async () => {
    const stop = load();
    await new Promise((resolve) => setTimeout(resolve, 300));
    await stop();
    await handles[0]?.brokers[0]?.kill();
    await handles[0]?.brokers[0]?.start();
    const again = load();
    await new Promise((resolve) => setTimeout(resolve, 500));
    await again();
    await expectAll();
  });
});
