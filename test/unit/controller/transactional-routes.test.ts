import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { routeFromSettings } from '../../../common/config/route.js';
import { routeSettings } from '../../../common/config/route-schema.js';
import { decodeTopicProgress, encodeTopicProgress } from '../../../common/coordination/records/desired.js';
import { isCausewayError } from '../../../common/errors/error.js';
import { defaultDelivery, deliveryFault, deliveryReason } from '../../../common/model/delivery.js';
import type { Route } from '../../../common/model/route.js';
import type { TopicProgress } from '../../../common/model/topic-progress.js';
import { findConflicts } from '../../../controller/core/conflicts.js';
import { desiredTopics } from '../../../controller/core/desired.js';
import { ControllerKit, routeOf, until } from './kit.js';

const TRANSACTIONAL = { delivery: 'transactional' } as const;
const EXACT = { delivery: 'exactly-once' } as const;

async function fleet(routes: readonly Route[]) {
  const kit = await ControllerKit.open({ routes });
  kit.kafka.addTopic('east', 't', 1);
  const { client } = await kit.controller();
  await until(async () => (await client.status()).leader !== null);
  return { kit, client };
}

function conflictsOf(...routes: readonly Route[]): string[] {
  const entry = { topic: 't', partitions: 'all', paused: false, skips: [], limits: {}, addedAt: '' } as const;
  const placed = routes.map((route, i) => ({ route, entry: { ...entry, route: route.name }, order: BigInt(i) }));
  return [...findConflicts(placed).keys()];
}

describe('transactional routes', () => {
  test('several of them may write into one topic; any other way beside them may not', () => {
    const [a, b] = [routeOf('a', TRANSACTIONAL), routeOf('b', { ...TRANSACTIONAL, source: 'north' })];
    assert.deepEqual(conflictsOf(a, b), []);
    assert.deepEqual(conflictsOf(a, { ...b, ...EXACT }), ['b/t']);
    assert.deepEqual(conflictsOf({ ...a, ...EXACT }, b), ['b/t']);
    assert.deepEqual(conflictsOf({ ...a, ...EXACT }, { ...b, ...EXACT }), ['b/t']);
    assert.deepEqual(conflictsOf(a, { ...b, delivery: 'at-least-once' }), ['b/t']);
  });

  test('a second source of a target topic is refused with the name of the way that allows it', async () => {
    const { kit, client } = await fleet([routeOf('r', EXACT), routeOf('s', EXACT)]);
    try {
      await client.addTopic('r', { topic: 't' });
      await assert.rejects(client.addTopic('s', { topic: 't' }), (error) => {
        assert.ok(isCausewayError(error, 'TARGET_CONFLICT'));
        return /transactional/.test(error.fix ?? '');
      });
    } finally {
      await kit.close();
    }
  });

  test('a route is not switched to or from transactions while it has topics, and says what its delivery rests on', async () => {
    const { kit, client } = await fleet([routeOf('r', EXACT)]);
    try {
      await client.addTopic('r', { topic: 't' });
      const { value, etag } = await client.getRoute('r');
      assert.match(value.deliveryReason, /no other writer/);
      const body = { source: value.source, target: value.target, ...TRANSACTIONAL };
      await assert.rejects(client.putRoute('r', body, etag), (error) => isCausewayError(error, 'ROUTE_IN_USE'));
      await client.deleteTopic('r', 't');
      const changed = await client.putRoute('r', body, etag);
      assert.match(changed.value.deliveryReason, /committed together/);
    } finally {
      await kit.close();
    }
  });

  test('a topic that comes back under the other way to keep positions begins on a new timeline', () => {
    const before: TopicProgress = {
      route: 'r',
      topic: 't',
      sourceTopicId: 'id',
      targetTopic: 't',
      timeline: 1,
      started: [0],
      initialPartitions: 1,
    };
    const progressOf = (route: Route, progress: TopicProgress): readonly TopicProgress[] =>
      desiredTopics({
        routes: new Map([['r', route]]),
        unreadableRoutes: new Set(),
        entries: [
          {
            entry: { route: 'r', topic: 't', partitions: 'all', paused: false, skips: [], limits: {}, addedAt: '' },
            order: 0n,
          },
        ],
        unreadableEntries: new Set(),
        exclusions: new Map(),
        unreadableExclusions: new Set(),
        progress: new Map([['r/t', progress]]),
        unreadableProgress: new Set(),
        standings: new Map(),
        facts: () => ({
          source: { state: 'present', topicId: 'id', partitions: 1 },
          target: { state: 'present', topicId: 'other', partitions: 1 },
        }),
      }).newProgress;
    const [switched] = progressOf(routeOf('r', TRANSACTIONAL), before);
    assert.ok(switched !== undefined);
    assert.deepEqual([switched.timeline, switched.started, switched.transactional], [2, [], true]);
    assert.deepEqual(decodeTopicProgress(encodeTopicProgress(switched), 'p'), switched);
    const [back] = progressOf(routeOf('r', EXACT), { ...switched, started: [0] });
    assert.deepEqual([back?.timeline, back?.started, back?.transactional], [3, [], undefined]);
  });

  test('a route that does not say how it is delivered is delivered exactly once, in the way its writers allow', () => {
    assert.equal(defaultDelivery({ targetTopics: { create: true } }), 'exactly-once');
    assert.equal(defaultDelivery({ targetTopics: { create: true, shared: true } }), 'transactional');
    const settings = routeSettings.parse({ source: 'a', target: 'b', targetTopics: { shared: true } });
    assert.equal(routeFromSettings('r', settings).delivery, 'transactional');
    const said = { ...settings, delivery: 'at-least-once' as const };
    assert.equal(routeFromSettings('r', said).delivery, 'at-least-once');
  });

  test('shared target topics and exactly-once contradict each other', () => {
    const shared = { create: true, shared: true } as const;
    assert.match(deliveryFault({ ...EXACT, targetTopics: shared }) ?? '', /transactional/);
    assert.equal(deliveryFault({ ...TRANSACTIONAL, targetTopics: shared }), undefined);
    assert.equal(deliveryFault({ delivery: 'at-least-once', targetTopics: shared }), undefined);
    assert.match(deliveryReason({ ...TRANSACTIONAL, targetTopics: shared }), /others write/);
  });
});
