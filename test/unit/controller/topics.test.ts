import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeTopicEntry } from '../../../common/coordination/records/desired.js';
import { topicPath, topicsPath } from '../../../common/coordination/znodes.js';
import type { AssignmentItem } from '../../../common/model/assignment.js';
import { createLogger } from '../../../common/observability/logger.js';
import { mirroredConfigs } from '../../../controller/metadata/topic-configs.js';
import { ControllerKit, routeOf, until } from './kit.js';

async function fleet(options: Parameters<typeof ControllerKit.open>[0] = {}) {
  const kit = await ControllerKit.open(options);
  kit.kafka.addTopic('east', 't', 2);
  const controller = await kit.controller();
  await until(async () => (await controller.client.status()).leader !== null);
  const worker = await kit.worker('a');
  return { kit, worker, ...controller };
}

const itemsOf = (held: ReadonlyMap<string, AssignmentItem>) =>
  [...held.values()].sort((a, b) => a.partition - b.partition);

describe('topics', () => {
  test('partitions added later are copied from their beginning, whatever the route’s start says', async () => {
    const { kit, worker, client } = await fleet({ routes: [routeOf('r', { start: 'latest' })] });
    try {
      await client.addTopic('r', { topic: 't' });
      await until(() => worker.held.size === 2);
      kit.kafka.grow('east', 't', 4);
      await until(() => worker.held.size === 4);
      assert.deepEqual(
        itemsOf(worker.held).map((item) => item.start),
        ['latest', 'latest', 'beginning', 'beginning'],
      );
      assert.equal(kit.kafka.topic('west', 't')?.partitions, 4, 'the target grew before');
    } finally {
      await kit.close();
    }
  });

  test('an entry with a number of partitions does not follow the source, until it is expanded', async () => {
    const { kit, worker, client } = await fleet();
    try {
      await client.addTopic('r', { topic: 't', partitions: 1 });
      await until(() => worker.held.size === 1);
      await client.patchTopic('r', 't', { partitions: 2 });
      await until(() => worker.held.size === 2);
    } finally {
      await kit.close();
    }
  });

  test('a topic whose id changed at the source is paused with the reason, not continued', async () => {
    const { kit, worker, client } = await fleet();
    try {
      await client.addTopic('r', { topic: 't' });
      await until(() => worker.held.size === 2);
      const before = itemsOf(worker.held)[0]?.sourceTopicId;
      kit.kafka.addTopic('east', 't', 3);
      await until(() => itemsOf(worker.held).every((item) => item.paused));
      assert.deepEqual(
        itemsOf(worker.held).map((item) => item.sourceTopicId),
        [before, before],
      );
      const problems = await until(async () => {
        const { problems } = await client.describeTopic('r', 't');
        return problems.length > 0 && problems;
      });
      assert.equal(problems[0]?.code, 'SOURCE_RECREATED');
    } finally {
      await kit.close();
    }
  });

  test('an unreachable source takes nothing away, and is said once', async () => {
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push(line) };
    const { kit, worker, client } = await fleet({ logger: createLogger({ level: 'info', base: {}, destination }) });
    try {
      await client.addTopic('r', { topic: 't' });
      await until(() => worker.held.size === 2);
      const generation = worker.applied?.generation;
      kit.kafka.unreachable.add('east');
      const describes = kit.kafka.describes;
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      assert.ok(kit.kafka.describes - describes >= 2, 'it was tried again');
      assert.equal(lines.filter((line) => line.includes('cluster.unreachable')).length, 1);
      assert.equal(worker.held.size, 2);
      kit.kafka.unreachable.delete('east');
      kit.kafka.grow('east', 't', 3);
      await until(() => worker.held.size === 3);
      assert.ok((worker.applied?.generation ?? 0) >= (generation ?? 0));
    } finally {
      await kit.close();
    }
  });

  test('a leader that cannot reach the clusters strands nothing: what has started goes to another worker all the same', async () => {
    const { kit, client, close } = await fleet();
    try {
      kit.kafka.grow('east', 't', 6);
      await client.addTopic('r', { topic: 't' });
      await kit.balanced(6);
      await until(async () => (await kit.store.get('/progress/r/t'))?.data.toString().includes('"started":"0-5"'));
      await close();
      kit.kafka.unreachable.add('east').add('west');
      await kit.controller();
      await kit.worker('b');
      await kit.balanced(6);
      await kit.workers.get('a')?.die();
      kit.workers.delete('a');
      await kit.balanced(6);
    } finally {
      await kit.close();
    }
  });

  test('a topic deleted at the source keeps its assignment and says why', async () => {
    const { kit, worker, client } = await fleet();
    try {
      await client.addTopic('r', { topic: 't' });
      await until(() => worker.held.size === 2);
      kit.kafka.deleteTopic('east', 't');
      await until(async () => (await client.status()).problems?.some(({ code }) => code === 'SOURCE_TOPIC_DELETED'));
      assert.equal(worker.held.size, 2);
    } finally {
      await kit.close();
    }
  });

  test('removed and added again: it resumes, because the store remembers what has started', async () => {
    const { kit, worker, client } = await fleet();
    try {
      await client.addTopic('r', { topic: 't' });
      await until(() => worker.held.size === 2);
      await until(async () => (await kit.store.get('/progress/r/t'))?.data.toString().includes('"started":"0-1"'));
      await client.deleteTopic('r', 't');
      await until(() => worker.held.size === 0);
      await client.addTopic('r', { topic: 't' });
      await until(() => worker.held.size === 2);
      assert.ok(itemsOf(worker.held).every((item) => item.started && item.timeline === 1));
    } finally {
      await kit.close();
    }
  });

  test('pausing and resuming reaches the worker without a move', async () => {
    const { kit, worker, client } = await fleet();
    try {
      await client.addTopic('r', { topic: 't' });
      await until(() => worker.held.size === 2);
      await client.patchTopic('r', 't', { paused: true });
      await until(() => itemsOf(worker.held).every((item) => item.paused));
      await client.patchTopic('r', 't', { paused: false });
      await until(() => itemsOf(worker.held).every((item) => !item.paused));
      assert.ok(worker.history.every((assignment) => assignment.items.every((item) => item.state === 'own')));
    } finally {
      await kit.close();
    }
  });

  test('two entries for one target: the earlier one is mirrored, the later one left unassigned with the reason', async () => {
    const routes = [routeOf('r'), routeOf('s', { source: 'north' })];
    const { kit, worker, client } = await fleet({ routes });
    try {
      kit.kafka.addTopic('north', 't', 2);
      await client.addTopic('r', { topic: 't' });
      await until(() => worker.held.size === 2);
      // Past the check at save, as when two controllers accept at the same moment.
      await kit.store.create(topicsPath('s'), Buffer.alloc(0));
      const entry = {
        route: 's',
        topic: 't',
        partitions: 'all',
        paused: false,
        skips: [],
        limits: {},
        addedAt: '2000-01-01T00:00:00Z',
      } as const;
      await kit.store.create(topicPath('s', 't'), encodeTopicEntry(entry));
      await until(async () => (await client.status()).problems?.some(({ code }) => code === 'TARGET_CONFLICT'));
      assert.deepEqual(worker.keys(), ['r/t-0', 'r/t-1']);
    } finally {
      await kit.close();
    }
  });

  test('a target topic that may not be created keeps the topic waiting, with the reason', async () => {
    const { kit, worker, client } = await fleet({ routes: [routeOf('r', { targetTopics: { create: false } })] });
    try {
      await client.addTopic('r', { topic: 't' });
      await until(async () => (await client.status()).problems?.some(({ code }) => code === 'TARGET_NOT_READY'));
      assert.equal(worker.held.size, 0);
      kit.kafka.addTopic('west', 't', 2);
      await until(() => worker.held.size === 2);
    } finally {
      await kit.close();
    }
  });

  test('the default naming policy prefixes the source’s name', async () => {
    const naming = { policy: 'default', separator: '.' } as const;
    const { kit, worker, client } = await fleet({
      routes: [routeOf('r', { naming, targetTopics: { create: true, replicationFactor: 2 } })],
    });
    try {
      await client.addTopic('r', { topic: 't' });
      await until(() => worker.held.size === 2);
      assert.equal(itemsOf(worker.held)[0]?.targetTopic, 'east.t');
      assert.equal(kit.kafka.topic('west', 'east.t')?.replicationFactor, 2);
    } finally {
      await kit.close();
    }
  });
});

test('configs that belong to one cluster alone are not carried over', () => {
  const source = {
    'retention.ms': '1000',
    'min.insync.replicas': '2',
    'message.timestamp.type': 'LogAppendTime',
    'log.message.timestamp.before.max.ms': '1',
    'message.timestamp.difference.max.ms': '1',
    'unclean.leader.election.enable': 'true',
    'follower.replication.throttled.replicas': '*',
    'cleanup.policy': 'compact',
  };
  assert.deepEqual(mirroredConfigs(source), { 'cleanup.policy': 'compact', 'retention.ms': '1000' });
});
