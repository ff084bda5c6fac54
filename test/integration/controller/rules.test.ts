import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { RoutePatch } from '../../../common/api/desired-shapes.js';
import { RulesClient } from '../../../common/api/rules-client.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { typed } from '../cli/typed.js';
import { committedKeys } from '../worker/committed-log.js';
import { SmallFleet } from '../worker/small-fleet.js';
import { eventually, TestCluster } from '../worker/thread-kit.js';

const RULES = {
  onUnreadable: 'drop',
  list: [
    { name: 'no-tests', when: { on: 'header', name: 'env', equals: 'test' }, action: { do: 'drop' } },
    { name: 'hide', action: { do: 'mask', fields: ['card'] } },
    {
      name: 'gold',
      when: { on: 'field', name: 'tier', equals: 'gold' },
      action: { do: 'route', topic: 'gold', partitions: 2 },
    },
  ],
} satisfies RoutePatch['rules'];

/** Record n of a partition: every fourth a test, every fifth gold. */
function batch(side: string, from: number, count: number): Buffer {
  return buildBatch(
    Array.from({ length: count }, (_, i) => ({
      key: Buffer.from(`${side}${from + i}`),
      value: Buffer.from(JSON.stringify({ card: `4111-${from + i}`, tier: (from + i) % 5 === 0 ? 'gold' : 'basic' })),
      headers: (from + i) % 4 === 0 ? [[Buffer.from('env'), Buffer.from('test')] as const] : [],
      timestamp: BigInt(Date.now()),
    })),
  );
}

const isTest = (n: number): boolean => n % 4 === 0;
const isGold = (n: number): boolean => !isTest(n) && n % 5 === 0;
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

describe('rules of a fleet, on real clusters', () => {
  const handles: KafkaClusterHandle[] = [];
  const clusters: TestCluster[] = [];
  let fleet: SmallFleet;
  let url: string;
  let dir: string;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rules-'));
    handles.push(
      ...(await Promise.all([
        startKafkaCluster({ name: 'west', version: '3.9.1' }),
        startKafkaCluster({ name: 'east', version: '4.1.0' }),
      ])),
    );
    clusters.push(...handles.map((handle) => new TestCluster(handle)));
    const [west, east] = handles as [KafkaClusterHandle, KafkaClusterHandle];
    const guarded = { provenance: true, targetTopics: { create: true, shared: true } };
    fleet = await SmallFleet.start({
      clusters: { west: west.bootstrapServers, east: east.bootstrapServers },
      routes: {
        r: { source: 'west', target: 'east', delivery: 'transactional' },
        there: { source: 'west', target: 'east', ...guarded },
        back: { source: 'east', target: 'west', ...guarded },
        fold: {
          ...{ source: 'west', target: 'east', partitionMapping: { to: 'modulo', partitions: 2 } },
          naming: { policy: 'regex', match: 'part-.*', replacement: 'whole', otherwise: { policy: 'identity' } },
        },
      },
      workers: 2,
    });
    url = fleet.controllers[0]?.url ?? '';
  });

  after(async () => {
    await fleet?.close();
    await Promise.all(clusters.map((cluster) => cluster.close()));
    await Promise.all(handles.map((handle) => handle.stop()));
    await rm(dir, { recursive: true, force: true });
  });

  const west = (): TestCluster => clusters[0] as TestCluster;
  const east = (): TestCluster => clusters[1] as TestCluster;
  const keysAt = (topic: string, partition: number, at = east()): Promise<string[]> =>
    committedKeys(at.connection.bootstrap, topic, partition);

  const cli = (...args: string[]) => typed(url, args);

  test('rules are tried on real records before they are saved, and nothing is written or shown unasked', async () => {
    await west().createTopic('orders', 2);
    for (const partition of [0, 1]) await west().append('orders', partition, batch(`p${partition}-`, 0, 40));
    const file = join(dir, 'rules.yaml');
    await writeFile(file, JSON.stringify({ rules: RULES }));
    const tried = await cli(
      'rules',
      'test',
      file,
      '--route',
      'r',
      '--topic',
      'orders',
      '--partition',
      '1',
      '-o',
      'json',
    );
    assert.equal(tried.code, 0, tried.err);
    const view = JSON.parse(tried.out) as Awaited<ReturnType<RulesClient['test']>>;
    assert.equal(view.records.length, 40);
    for (const { offset, fate, target, before: shown } of view.records) {
      const n = Number(offset);
      assert.equal(fate, isTest(n) ? 'dropped' : isGold(n) ? 'routed' : 'changed', offset);
      assert.deepEqual(target, isTest(n) ? null : { topic: isGold(n) ? 'gold' : 'orders', partition: 1 });
      assert.equal(shown, undefined);
    }
    const count = (rule: string): number | undefined => view.counts.find((one) => one.rule === rule)?.records;
    assert.deepEqual([count('no-tests'), count('hide'), count('gold')], [10, 30, upTo(40).filter(isGold).length]);
    const asked = await cli(
      'rules',
      'test',
      file,
      '--route',
      'r',
      '--topic',
      'orders',
      '--limit',
      '4',
      '--from',
      '1',
      '--show',
    );
    assert.match(asked.out, /4111-1.* -> .*\*\*\*/);
    assert.match(asked.out, /more lie behind them. Nothing was written/);
    assert.equal((await cli('rules', 'test', 'r', '--topic', 'orders')).code, 1, 'the route itself has no rules yet');
    assert.equal((await east().client.metadata(['orders'])).topics.get('orders')?.partitions.length, 0);
  });

  test('rules with faults are refused, each fault with a pointer', async () => {
    const list = [
      {
        name: 'a',
        when: { all: [{ on: 'field', name: 'x..y', equals: 1 }] },
        action: { do: 'hash', fields: ['ok'], hmac: 'none' },
      },
      { name: 'a', action: { do: 'strip-headers', matching: ['('] } },
    ];
    const answer = await fetch(`${url}/api/v1/routes/r`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ rules: { onUnreadable: 'dead-letter', list } }),
    });
    const problem = (await answer.json()) as { code: string; errors: { pointer: string }[] };
    assert.deepEqual([answer.status, problem.code], [422, 'ROUTE_INVALID']);
    assert.deepEqual(
      problem.errors.map(({ pointer }) => pointer),
      [
        '/rules/list/0/when/all/0/name',
        '/rules/list/1/name',
        '/rules/list/1/action/matching/0',
        '/rules',
        '/deadLetterTopic',
      ],
    );
    await assert.rejects(fleet.client.addTopic('there', { topic: 'causeway.x' }), { code: 'TOPIC_DENIED' });
  });

  test('a route copies by its rules, counts what they do, and goes on without them where they end', async () => {
    const rules = new RulesClient(fleet.client.transport);
    await fleet.client.patchRoute('r', { rules: RULES });
    await fleet.client.addTopic('r', { topic: 'orders' });
    await assert.rejects(fleet.client.addTopic('there', { topic: 'gold' }), { code: 'TOPIC_UNKNOWN_AT_SOURCE' });
    await eventually(
      'what is left is at the target',
      async () => {
        const known = (await east().client.metadata(['orders', 'gold'])).topics;
        if (known.get('gold')?.partitions.length !== 2 || known.get('orders')?.partitions.length !== 2) return false;
        const kept = (await keysAt('orders', 0)).length + (await keysAt('orders', 1)).length;
        const gold = (await keysAt('gold', 0)).length + (await keysAt('gold', 1)).length;
        return kept >= 48 && gold >= 12;
      },
      30_000,
    );
    for (const partition of [0, 1]) {
      const named = (numbers: number[]): string[] => numbers.map((n) => `p${partition}-${n}`);
      assert.deepEqual(await keysAt('orders', partition), named(upTo(40).filter((n) => !isTest(n) && !isGold(n))));
      assert.deepEqual(await keysAt('gold', partition), named(upTo(40).filter(isGold)));
    }
    const counted = async (): Promise<Record<string, number>> =>
      Object.fromEntries(
        (await rules.get('r')).counts.map(({ rule, outcome, records }) => [`${rule} ${outcome}`, records]),
      );
    await eventually('they are counted', async () => {
      assert.deepEqual(await counted(), { 'no-tests dropped': 20, 'hide changed': 60, 'gold routed': 12 });
      return true;
    });
    await west().createTopic('gold', 1);
    await assert.rejects(fleet.client.addTopic('there', { topic: 'gold' }), { code: 'TARGET_CONFLICT' });
    const applied = async (): Promise<number> =>
      Math.min(...(await fleet.client.assignment()).workers.map((worker) => worker.applied?.generation ?? 0));
    const generation = await applied();
    assert.equal((await cli('rules', 'clear', 'r')).code, 0);
    await eventually('the workers know', async () => (await applied()) > generation);
    await west().append('orders', 0, batch('p0-', 40, 8));
    await eventually('the rest is copied as it is', async () => (await keysAt('orders', 0)).length >= 32);
    const all = upTo(40)
      .filter((n) => !isTest(n) && !isGold(n))
      .concat([40, 41, 42, 43, 44, 45, 46, 47]);
    assert.deepEqual(
      await keysAt('orders', 0),
      all.map((n) => `p0-${n}`),
    );
  });

  test('two topics of a route meet in one target topic of fewer partitions, made for them', async () => {
    const sources = { 'part-a': 3, 'part-b': 2 };
    for (const [topic, partitions] of Object.entries(sources)) {
      await west().createTopic(topic, partitions);
      await fleet.client.addTopic('fold', { topic });
      for (let partition = 0; partition < partitions; partition++) {
        await west().append(topic, partition, batch(`${topic}/${partition}-`, 0, 20));
      }
    }
    const both = async (): Promise<string[][]> => [await keysAt('whole', 0), await keysAt('whole', 1)];
    await eventually(
      'all are there',
      async () => {
        const made = (await east().client.metadata(['whole'])).topics.get('whole')?.partitions.length === 2;
        return made && (await both()).flat().length >= 100;
      },
      30_000,
    );
    for (const [number, keys] of (await both()).entries()) {
      const expected = Object.entries(sources).flatMap(([topic, partitions]) =>
        upTo(partitions).flatMap((partition) => (partition % 2 === number ? [`${topic}/${partition}-`] : [])),
      );
      assert.equal(keys.length, expected.length * 20);
      for (const name of expected) {
        const own = keys.filter((key) => key.startsWith(name));
        assert.deepEqual(
          own,
          upTo(20).map((n) => `${name}${n}`),
        );
      }
    }
  });

  test('one topic name on two clusters, mirrored both ways by a fleet: each record is on each side once', async () => {
    await Promise.all([west().createTopic('both', 1), east().createTopic('both', 1)]);
    await fleet.client.addTopic('there', { topic: 'both' });
    await fleet.client.addTopic('back', { topic: 'both' });
    const side = async (cluster: TestCluster, name: string): Promise<void> => {
      for (let at = 0; at < 300; at += 10) await cluster.append('both', 0, batch(name, at, 10));
    };
    await Promise.all([side(west(), 'w'), side(east(), 'e')]);
    for (const cluster of [west(), east()]) {
      await eventually('all are there', async () => (await keysAt('both', 0, cluster)).length >= 600, 30_000);
    }
    await eventually('what came from there was seen', async () => {
      const { counts } = await new RulesClient(fleet.client.transport).get('back');
      return counts.some(({ outcome, records }) => outcome === 'returned' && records >= 300);
    });
    for (const cluster of [west(), east()]) {
      const keys = await keysAt('both', 0, cluster);
      assert.equal(keys.length, 600);
      for (const name of ['w', 'e']) {
        assert.deepEqual(
          keys.filter((key) => key.startsWith(name)),
          upTo(300).map((n) => `${name}${n}`),
        );
      }
    }
  });
});
