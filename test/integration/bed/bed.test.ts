import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, test } from 'node:test';
import { BedError } from '../../bed/bed-error.js';
import { startKafkaCluster } from '../../bed/kafka.js';
import type { KafkaVersion } from '../../bed/kafka-set.js';
import { aliveBrokers, zooKeeperServes } from '../../bed/probe.js';
import { runKafkaTool, toolClasses } from '../../bed/tools.js';
import { waitUntil } from '../../bed/wait.js';
import { startZooKeeper } from '../../bed/zookeeper.js';

const versions: readonly KafkaVersion[] = ['3.9.1', '4.1.0'];

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

/** SIGSTOP reaches the threads one by one: one that runs may still answer. */
function standsStill(pid: number): Promise<void> {
  const tasks = `/proc/${pid}/task`;
  const stateOf = (thread: string): string | undefined => {
    const stat = readFileSync(`${tasks}/${thread}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2)[0];
  };
  return waitUntil('it stands still', () => Promise.resolve(readdirSync(tasks).every((each) => stateOf(each) === 'T')));
}

describe('test bed: Kafka', { concurrency: 2 }, () => {
  for (const version of versions) {
    test(`a one-broker ${version} cluster keeps its topics through a kill and falls silent while paused`, async () => {
      const cluster = await startKafkaCluster({ name: 'single', version });
      const [broker] = cluster.brokers;
      assert.ok(broker !== undefined);
      try {
        const server = ['--bootstrap-server', cluster.bootstrapServers];
        await runKafkaTool(toolClasses.topics, [...server, '--create', '--topic', 'orders', '--partitions', '3'], {
          version,
        });

        broker.pause();
        await standsStill(broker.pid);
        await assert.rejects(aliveBrokers(broker.port), /did not answer/);
        broker.resume();
        // It may have taken itself for dead meanwhile.
        await waitUntil('it answers again', async () => (await aliveBrokers(broker.port)).join() === '1');

        const killedPid = broker.pid;
        await broker.kill();
        assert.equal(isAlive(killedPid), false);
        assert.throws(() => broker.pid, BedError);
        await broker.start();
        assert.notEqual(broker.pid, killedPid);
        await broker.stop();
        await broker.restart();
        assert.match(await runKafkaTool(toolClasses.topics, [...server, '--list'], { version }), /^orders$/m);
      } finally {
        const { pid, logFile } = broker;
        await cluster.stop();
        assert.equal(isAlive(pid), false);
        assert.equal(existsSync(dirname(logFile)), false);
      }
    });
  }

  test('three brokers form one cluster and go on with two', async () => {
    const cluster = await startKafkaCluster({ name: 'triple', brokers: 3 });
    try {
      const [first, second, third] = cluster.brokers;
      assert.ok(first !== undefined && second !== undefined && third !== undefined);
      await waitUntil('all know all', async () => (await aliveBrokers(second.port)).sort().join() === '1,2,3');
      await third.stop();
      // The others learn of it with their next metadata record, not with the end of the process.
      await waitUntil(
        'the brokers left know that they are two',
        async () => (await aliveBrokers(first.port)).sort().join() === '1,2',
      );
      await third.start();
      await waitUntil('three again', async () => (await aliveBrokers(first.port)).sort().join() === '1,2,3');
    } finally {
      await cluster.stop();
    }
  });

  test('a broker that cannot start says why, with the end of its log', async () => {
    const config = { 'log.segment.bytes': 'many' };
    await assert.rejects(startKafkaCluster({ name: 'broken', config }), (error: unknown) => {
      assert.ok(error instanceof BedError);
      assert.match(error.message, /broker 1 of cluster "broken" \(Kafka 3\.9\.1\) ended/);
      assert.match(error.message, /log\.segment\.bytes/);
      return true;
    });
  });
});

describe('test bed: ZooKeeper', () => {
  test('it falls silent while paused, and a kill keeps its port and data', async () => {
    const zooKeeper = await startZooKeeper();
    try {
      zooKeeper.pause();
      await standsStill(zooKeeper.pid);
      await assert.rejects(zooKeeperServes(zooKeeper.port), /did not answer/);
      zooKeeper.resume();
      await waitUntil('it answers again', () => zooKeeperServes(zooKeeper.port));

      const killedPid = zooKeeper.pid;
      await zooKeeper.kill();
      assert.equal(isAlive(killedPid), false);
      await assert.rejects(zooKeeperServes(zooKeeper.port), /ECONNREFUSED/);
      await zooKeeper.restart();
      assert.notEqual(zooKeeper.pid, killedPid);
      assert.equal(await zooKeeperServes(zooKeeper.port), true);
    } finally {
      await zooKeeper.stop();
      assert.equal(existsSync(dirname(zooKeeper.logFile)), false);
    }
  });
});
