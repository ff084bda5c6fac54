import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isCausewayError } from '../../../common/errors/error.js';
import type { NamingPolicy } from '../../../common/model/naming.js';
import type { Route } from '../../../common/model/route.js';
import { identitiesOf } from '../../../controller/core/cluster-identity.js';
import { findConflicts } from '../../../controller/core/conflicts.js';
import { desiredTopics } from '../../../controller/core/desired.js';
import { SelectionWorld } from '../../../controller/core/selection.js';
import { RuleBook } from '../../../controller/loop/rule-book.js';
import { ControllerKit, routeOf, until } from './kit.js';

type Placed = readonly [route: Route, topic: string];

const entryOf = (route: string, topic: string) => {
  return { route, topic, partitions: 'all', paused: false, skips: [], limits: {}, addedAt: '' } as const;
};

/** `west` and `occident` are one cluster. */
const identity = identitiesOf(
  new Map([
    ['west', 'W'],
    ['occident', 'W'],
    ['east', 'E'],
    ['north', null],
    ['south', null],
  ]),
);

function conflicts(...placed: readonly Placed[]): (readonly [string, string])[] {
  const entries = placed.map(([route, topic], i) => ({ route, entry: entryOf(route.name, topic), order: BigInt(i) }));
  return [...findConflicts(entries, identity)].map(([key, { kind }]) => [key, kind]);
}

describe('the graph of routes', () => {
  test('two names of one cluster are one cluster; those that do not tell their ids are two', () => {
    assert.equal(identity('west'), identity('occident'));
    assert.notEqual(identity('north'), identity('south'));
    const there = routeOf('there');
    const back = routeOf('back', { source: 'occident', target: 'east' });
    assert.deepEqual(conflicts([there, 't'], [back, 't']), [['back/t', 'loop']]);
    assert.deepEqual(conflicts([there, 't'], [routeOf('too', { source: 'north', target: 'occident' }), 't']), [
      ['too/t', 'same-target'],
    ]);
  });

  test('a topic is not written into itself, and may be written into another of the same cluster', () => {
    const into = routeOf('into', { source: 'west', target: 'occident' });
    assert.deepEqual(conflicts([into, 't']), [['into/t', 'loop']]);
    const beside = routeOf('beside', {
      source: 'west',
      target: 'occident',
      naming: { policy: 'default', separator: '.' },
    });
    assert.deepEqual(conflicts([beside, 't']), []);
  });

  test('two topics of one route into one target topic are one too many, in transactions as well', () => {
    const naming: NamingPolicy = {
      ...{ policy: 'regex', match: '(.*)-eu|(.*)-us', replacement: '$1$2' },
      otherwise: { policy: 'identity' },
    };
    const route = routeOf('r', { naming, delivery: 'transactional' });
    assert.deepEqual(conflicts([route, 'a-eu'], [route, 'a-us'], [route, 'b-us']), [['r/a-us', 'same-target']]);
    const merging = { ...route, partitionMapping: { to: 'merge' } } as const;
    assert.deepEqual(conflicts([merging, 'a-eu'], [merging, 'a-us']), []);
  });

  test('names that Kafka’s metrics cannot tell apart do not meet at one cluster', () => {
    const other = routeOf('s', { source: 'north' });
    assert.deepEqual(conflicts([routeOf('r'), 'a.b'], [other, 'a_b']), [['s/a_b', 'alike-target']]);
    const elsewhere = routeOf('s', { source: 'north', target: 'south' });
    assert.deepEqual(conflicts([routeOf('r'), 'a.b'], [elsewhere, 'a_b']), []);
  });

  test('a selection takes no hop through its own source’s other name', () => {
    const ALL = { include: ['.*'], exclude: [], targetMustExist: false, onUnmatched: 'keep' } as const;
    const naming = { policy: 'default', separator: '.' } as const;
    const there = routeOf('there', { naming, selection: ALL });
    const back = routeOf('back', { source: 'occident', target: 'east', naming, selection: ALL });
    const world = new SelectionWorld({
      routes: new Map([
        ['there', there],
        ['back', back],
      ]),
      entries: [{ route: 'there', topic: 't' }],
      denials: new Set(),
      clusters: ['east', 'west', 'occident'],
      identity,
    });
    const rules = new RuleBook([]).rulesOf(ALL);
    const judge = (route: Route, topic: string) =>
      world.judge(route, { topic, rules, internal: false, hasTarget: () => false }).kind;
    assert.equal(judge(back, 'east.t'), 'mirror');
    // Brought there by somebody else: the name says it all.
    assert.equal(judge(there, 'occident.u'), 'mirror');
    assert.equal(judge(there, 'foreign.west.u'), 'mirror');
    assert.equal(judge(there, 'foreign.u'), 'selected');
  });

  test('topic ids tell a topic that would be written into itself, whatever clusters are called', () => {
    const desired = desiredTopics({
      routes: new Map([['r', routeOf('r', { source: 'north', target: 'south' })]]),
      unreadableRoutes: new Set(),
      entries: [{ entry: entryOf('r', 't'), order: 1n }],
      unreadableEntries: new Set(),
      exclusions: new Map(),
      unreadableExclusions: new Set(),
      progress: new Map(),
      unreadableProgress: new Set(),
      standings: new Map(),
      facts: () => {
        const one = { state: 'present', topicId: 'same', partitions: 1 } as const;
        return { source: one, target: one };
      },
    });
    assert.deepEqual(
      desired.problems.map(({ code }) => code),
      ['TARGET_CONFLICT'],
    );
    assert.deepEqual([desired.topics.size, desired.newProgress.length], [0, 0]);
  });
});

describe('naming over REST', () => {
  async function fleet(naming: NamingPolicy) {
    const kit = await ControllerKit.open({ routes: [routeOf('r', { naming })] });
    for (const topic of ['a', 'b', 'a-eu', 'a-us']) kit.kafka.addTopic('east', topic, 1);
    const { client } = await kit.controller();
    const worker = await kit.worker('w');
    await until(async () => (await client.status()).leader !== null);
    return { kit, client, worker };
  }

  test('a second topic for a target topic is refused, whose name is said', async () => {
    const naming: NamingPolicy = {
      ...{ policy: 'regex', match: '(.*)-(eu|us)', replacement: '$1' },
      otherwise: { policy: 'default', separator: '.' },
    };
    const { kit, client } = await fleet(naming);
    try {
      await client.addTopic('r', { topic: 'a-eu' });
      await assert.rejects(client.addTopic('r', { topic: 'a-us' }), (error) => {
        return isCausewayError(error, 'TARGET_CONFLICT') && /already the target of topic a-eu/.test(error.message);
      });
    } finally {
      await kit.close();
    }
  });

  test('of topics that a pattern gives one target topic, a selection takes one and says why it leaves the other', async () => {
    const naming: NamingPolicy = {
      ...{ policy: 'regex', match: '(.*)-(eu|us)', replacement: '$1' },
      otherwise: { policy: 'default', separator: '.' },
    };
    const { kit, client, worker } = await fleet(naming);
    try {
      const selection = { include: ['a-.*'], exclude: [], targetMustExist: false, onUnmatched: 'keep' } as const;
      const tried = await client.selection('r', { ...selection, include: ['a-.*'], exclude: [] });
      assert.deepEqual(tried.selected, ['a-eu']);
      assert.deepEqual(
        tried.left.map(({ topic, why }) => [topic, why]),
        [['a-us', 'conflict']],
      );
      const { etag } = await client.getRoute('r');
      await client.patchRoute('r', { selection: { ...selection, include: ['a-.*'], exclude: [] } }, etag);
      await until(() => worker.held.size === 1);
      assert.deepEqual(
        (await client.listTopics('r')).topics.map(({ topic }) => topic),
        ['a-eu'],
      );
    } finally {
      await kit.close();
    }
  });

  test('a naming that leaves the target topics as they are may change; one that does not has to be meant', async () => {
    const { kit, client, worker } = await fleet({ policy: 'identity' });
    try {
      await client.addTopic('r', { topic: 'a' });
      await client.addTopic('r', { topic: 'b' });
      await until(() => worker.held.size === 2);
      const put = async (naming: unknown, mayRename = false) => {
        const { value, etag } = await client.getRoute('r');
        const { name: _, topics: __, deliveryReason: ___, ...body } = value;
        return await client.putRoute('r', { ...body, naming } as typeof body, etag, { mayRename });
      };
      const otherwise = { policy: 'identity' };
      await put({ policy: 'map', topics: { c: 'd' }, otherwise });
      const swapped = { policy: 'map', topics: { a: 'b', b: 'a' }, otherwise };
      await assert.rejects(put(swapped), (error) => {
        return isCausewayError(error, 'ROUTE_IN_USE') && /2 of its topics .* a from a to b/.test(error.message);
      });
      await assert.rejects(put({ policy: 'map', topics: { a: 'b' }, otherwise }, true), (error) => {
        return isCausewayError(error, 'ROUTE_INVALID') && /would become b/.test(error.message);
      });
      await put(swapped, true);
      // Each on a timeline of its own, and neither begins before the other has let go.
      await until(() => {
        const items = [...worker.held.values()];
        return (
          items.length === 2 &&
          items.every(({ topic, targetTopic, timeline }) => topic !== targetTopic && timeline === 2)
        );
      });
    } finally {
      await kit.close();
    }
  });
});
