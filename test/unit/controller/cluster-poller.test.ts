import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { silentLogger } from '../../../common/observability/logger.js';
import { systemRandom } from '../../../common/runtime/random.js';
import { ClusterPoller } from '../../../controller/metadata/cluster-poller.js';
import type { SourceMetadata } from '../../../controller/metadata/ports.js';
import { ManualClock } from '../worker/manual-clock.js';
import { FakeKafka } from './fake-kafka.js';
import { until } from './kit.js';

function pollerOf(metadata: SourceMetadata, clock: ManualClock, onChange: () => void): ClusterPoller {
  const options = { cluster: 'east', metadata, intervalMs: 30_000, clock, random: systemRandom, logger: silentLogger };
  return new ClusterPoller({ ...options, onChange });
}

describe('what is known of a cluster that is gone for a while', () => {
  test('is asked for every few seconds, and at once when a topic is wanted', async () => {
    const clock = new ManualClock();
    const metadata = new FakeKafka();
    metadata.unreachable.add('east');
    metadata.addTopic('east', 'a', 1);
    metadata.addTopic('east', 'b', 1);
    const poller = pollerOf(metadata, clock, () => undefined);
    poller.want(new Set(['a']));
    poller.start();
    try {
      await until(() => metadata.describes === 1);
      for (let asked = 2; asked < 12; asked++) {
        // Settled on its wait, whose bound is 5 s.
        await new Promise((resolve) => setTimeout(resolve, 2));
        clock.pass(5_000);
        await until(() => metadata.describes >= asked);
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
      metadata.unreachable.clear();
      poller.want(new Set(['a', 'b']));
      await until(() => poller.fact('b').state === 'present');
      assert.equal(poller.fact('a').state, 'present');
    } finally {
      await poller.close();
    }
  });
});

describe('what counts as news of a cluster', () => {
  test('another cluster behind the name does; leaders that move do not, and are known all the same', async () => {
    const clock = new ManualClock();
    const snapshot = { clusterId: 'first', brokers: 2, leaders: [1, 2] };
    let asked = 0;
    const metadata: SourceMetadata = {
      describe: () => {
        asked += 1;
        const { clusterId, brokers, leaders } = snapshot;
        const topic = { topicId: null, partitions: 2, replicationFactor: 2, leaders: [...leaders] };
        return Promise.resolve({ clusterId, brokers, topics: new Map([['a', topic]]) });
      },
    };
    let news = 0;
    const poller = pollerOf(metadata, clock, () => {
      news += 1;
    });
    const askAgain = async (): Promise<void> => {
      const before = asked;
      poller.refresh();
      await until(() => asked > before);
      await new Promise((resolve) => setImmediate(resolve));
    };
    poller.want(new Set(['a']));
    poller.start();
    try {
      await until(() => news === 1);
      snapshot.leaders = [2, 2];
      await askAgain();
      const fact = poller.fact('a');
      assert.deepEqual(fact.state === 'present' ? fact.leaders : undefined, [2, 2]);
      assert.deepEqual([news, poller.revision], [1, 1]);
      snapshot.clusterId = 'second';
      await askAgain();
      assert.deepEqual([news, poller.revision], [2, 2]);
      assert.equal(poller.snapshot?.clusterId, 'second');
    } finally {
      await poller.close();
    }
  });
});
