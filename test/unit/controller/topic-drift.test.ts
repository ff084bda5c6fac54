import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Route, TopicEntry } from '../../../common/model/route.js';
import type { TopicConfig, TopicConfigs } from '../../../common/model/topic-config.js';
import { DEFAULT_TOPIC_SYNC } from '../../../common/model/topic-sync.js';
import { configDifferences } from '../../../controller/core/config-diff.js';
import { deletionFault, deletionSweep } from '../../../controller/core/topic-deletion.js';
import { type DriftQuestion, topicDrift } from '../../../controller/core/topic-drift.js';
import { configFilter, mirroredConfigs } from '../../../controller/metadata/topic-configs.js';
import { routeOf } from './kit.js';

type Settings = Readonly<Record<string, string | Partial<TopicConfig>>>;

/** A text is a value of the topic's own; an object is a default unless it says otherwise. */
function configs(settings: Settings): TopicConfigs {
  const plain = { value: null, isOwn: false, isReadOnly: false, isSensitive: false };
  return new Map(
    Object.entries(settings).map(([name, set]) => {
      const config = typeof set === 'string' ? { value: set, isOwn: true } : set;
      return [name, { ...plain, ...config, name }];
    }),
  );
}

const isMirrored = configFilter({});

function changes(source: Settings, target: Settings, useDefaultsFrom: 'source' | 'target' = 'target') {
  const found = configDifferences({ source: configs(source), target: configs(target), useDefaultsFrom, isMirrored });
  return found.map(({ name, before, after, left }) => [name, before, after, ...(left === undefined ? [] : ['left'])]);
}

describe('configs', () => {
  test('only what differs is written, in the order of names', () => {
    assert.deepEqual(changes({ b: '1', a: '2', same: 'x' }, { a: '1', b: { value: '2' }, same: { value: 'x' } }), [
      ['a', '1', '2'],
      ['b', '2', '1'],
    ]);
  });

  test('what the source does not set itself is taken away at the target, where it has a value of its own', () => {
    const source = { a: { value: '7' }, b: { value: '7' } };
    assert.deepEqual(changes(source, { a: '1', b: { value: '1' } }), [['a', '1', null]]);
  });

  test('with defaults from the source all that holds there is set', () => {
    const source = { a: { value: '7' }, b: { value: '7' }, strange: { value: '1' } };
    assert.deepEqual(changes(source, { a: '1', b: { value: '7' } }, 'source'), [['a', '1', '7']]);
  });

  test('read-only and sensitive configs are left alone at either end, and so is what a pattern excludes', () => {
    const source = {
      locked: { value: '1', isOwn: true, isReadOnly: true },
      secret: { value: null, isOwn: true, isSensitive: true },
      here: '1',
      'min.insync.replicas': '2',
      'message.timestamp.before.max.ms': '5',
      'log.message.timestamp.after.max.ms': '5',
      'follower.replication.throttled.replicas': '*',
    };
    assert.deepEqual(
      changes(source, { locked: '2', secret: '3', here: { value: null, isOwn: true, isSensitive: true } }),
      [],
    );
  });

  test('a config that the target’s brokers do not know is told and not tried', () => {
    assert.deepEqual(changes({ 'new.config': '1' }, {}), [['new.config', null, '1', 'left']]);
  });

  test('patterns given by the route take the place of the default ones', () => {
    const topicSync = {
      ...DEFAULT_TOPIC_SYNC,
      configs: { ...DEFAULT_TOPIC_SYNC.configs, include: ['retention[.].*', 'min.*'], exclude: ['retention[.]bytes'] },
    };
    const own = {
      'retention.ms': '1',
      'retention.bytes': '2',
      'min.insync.replicas': '2',
      'cleanup.policy': 'compact',
    };
    assert.deepEqual(mirroredConfigs(own, { topicSync }), { 'min.insync.replicas': '2', 'retention.ms': '1' });
  });
});

const topic = (partitions: number, replicationFactor = 2, topicId = 'id') => ({
  topicId,
  partitions,
  replicationFactor,
});

function drift(question: Partial<DriftQuestion>, settings: Partial<Route> = {}) {
  const found = topicDrift({
    route: routeOf('r', settings),
    topic: 't',
    source: topic(3),
    target: topic(3),
    configs: undefined,
    targetBrokers: 3,
    isMirroredConfig: isMirrored,
    configFault: () => undefined,
    deletionFault: () => undefined,
    ...question,
  });
  return found.map(({ kind, before, after, applies }) => [kind, before, after, applies]);
}

describe('drift', () => {
  test('a topic that is missing is made, as far as the route makes topics; RF at most the brokers', () => {
    const after = '3 partitions, replication factor 1';
    assert.deepEqual(drift({ target: 'absent', targetBrokers: 1 }), [['topic-create', null, after, true]]);
    const targetTopics = { create: false };
    assert.deepEqual(drift({ target: 'absent', targetBrokers: 1 }, { targetTopics })[0]?.[3], false);
  });

  test('fewer partitions grow, more are told', () => {
    assert.deepEqual(drift({ target: topic(2) }), [['partitions', '2', '3', true]]);
    assert.deepEqual(drift({ target: topic(4) }), [['partitions-extra', '4', '3', false]]);
    assert.deepEqual(drift({}), []);
  });

  test('another replication factor than the route’s is told', () => {
    assert.deepEqual(drift({ target: topic(3, 1) }), [['replication-factor', '1', '2', false]]);
    assert.deepEqual(drift({ target: topic(3, 3) }, { targetTopics: { create: true, replicationFactor: 3 } }), []);
  });

  test('what a cluster could not tell is no difference', () => {
    assert.deepEqual(drift({ source: 'unknown', target: 'absent' }), []);
    assert.deepEqual(drift({ source: 'absent', target: 'unknown' }), []);
  });

  test('configs are changed, or only told, or not looked at', () => {
    const pair = { source: configs({ 'retention.ms': '100' }), target: configs({ 'retention.ms': { value: '50' } }) };
    const withMode = (mode: 'enforce' | 'report' | 'off') =>
      drift(
        { configs: pair },
        { topicSync: { ...DEFAULT_TOPIC_SYNC, configs: { ...DEFAULT_TOPIC_SYNC.configs, mode } } },
      );
    assert.deepEqual(withMode('enforce'), [['config', '50', '100', true]]);
    assert.deepEqual(withMode('report'), [['config', '50', '100', false]]);
    // Somebody should know all the same that records go earlier.
    assert.deepEqual(withMode('off'), [['retention-shorter', '50', '100', false]]);
  });

  test('a config on which another topic has the word is told and not changed', () => {
    const source = configs({ 'cleanup.policy': 'compact', 'retention.ms': '100' });
    const target = configs({ 'cleanup.policy': { value: 'delete' }, 'retention.ms': { value: '50' } });
    const configFault = (name: string) => (name === 'retention.ms' ? 'route b has the word' : undefined);
    assert.deepEqual(drift({ configs: { source, target }, configFault }), [
      ['config', 'delete', 'compact', true],
      ['config', '50', '100', false],
    ]);
  });

  test('a shorter retention at the target is told where nothing is done about it; none is the longest', () => {
    const pair = (there: string, here: string, cleanup = 'delete') => ({
      source: configs({ 'retention.ms': { value: here } }),
      target: configs({ 'retention.ms': { value: there }, 'cleanup.policy': { value: cleanup } }),
    });
    assert.deepEqual(drift({ configs: pair('50', '-1') }), [['retention-shorter', '50', '-1', false]]);
    assert.deepEqual(drift({ configs: pair('-1', '50') }), []);
    assert.deepEqual(drift({ configs: pair('50', '100', 'compact') }), []);
  });

  test('a copy whose source is gone is deleted under that policy alone, and where nothing speaks against it', () => {
    const deletion = { ...DEFAULT_TOPIC_SYNC.deletion, policy: 'delete' } as const;
    const topicSync = { ...DEFAULT_TOPIC_SYNC, deletion };
    assert.deepEqual(drift({ source: 'absent' }, { topicSync }), [['topic-delete', 'present', null, true]]);
    assert.deepEqual(drift({ source: 'absent' }), [['topic-delete', 'present', null, false]]);
    const shared = drift({ source: 'absent', deletionFault: () => 'shared' }, { topicSync });
    assert.deepEqual(shared, [['topic-delete', 'present', null, false]]);
  });
});

describe('deleting a target topic', () => {
  const progress = {
    ...{ route: 'r', topic: 't', sourceTopicId: 'a', targetTopic: 't', targetTopicId: 'id' },
    ...{ timeline: 1, started: [0], initialPartitions: 3 },
  };
  const entry = (route: string, name: string): TopicEntry => ({
    ...{ route, topic: name, partitions: 'all', paused: false, skips: [], limits: {}, addedAt: '' },
  });
  const ask = (question: Partial<Parameters<typeof deletionFault>[0]> = {}) => {
    const route = routeOf('r');
    const asked = { route, topic: 't', target: topic(3), progress, routes: [route], entries: [entry('r', 't')] };
    return deletionFault({ ...asked, identity: (cluster) => cluster, ...question });
  };

  test('is for the route that copied into this very topic, and is alone there', () => {
    assert.equal(ask(), undefined);
    assert.match(ask({ progress: undefined }) ?? '', /nothing is known to have been copied/);
    assert.match(ask({ progress: { ...progress, started: [] } }) ?? '', /nothing is known to have been copied/);
    assert.match(ask({ progress: { ...progress, targetTopicId: 'other' } }) ?? '', /not known to be the topic/);
    assert.match(ask({ target: { ...topic(3), topicId: null } }) ?? '', /not known to be the topic/);
    assert.match(ask({ progress: { ...progress, targetTopic: 'u' } }) ?? '', /went into u/);
    assert.match(ask({ route: routeOf('r', { targetTopics: { create: true, shared: true } }) }) ?? '', /shared/);
  });

  test('is not for one of several routes, nor where dead letters are', () => {
    const other = routeOf('s', { source: 'north' });
    assert.match(
      ask({ routes: [routeOf('r'), other], entries: [entry('s', 't')] }) ?? '',
      /route s is mirrored into it/,
    );
    const elsewhere = routeOf('s', { target: 'north' });
    assert.equal(ask({ routes: [routeOf('r'), elsewhere], entries: [entry('s', 't')] }), undefined);
    const letters = routeOf('s', { deadLetterTopic: 't' });
    assert.match(ask({ routes: [routeOf('r'), letters] }) ?? '', /dead letters/);
  });

  test('waits for the delay, and for somebody where many are gone at once', () => {
    const policy = { policy: 'delete', delayMs: 100, maxTopics: 3, maxPercent: 20 } as const;
    const sweep = (since: readonly number[], total: number) =>
      deletionSweep(policy, new Map(since.map((ms, i) => [`t${i}`, ms])), { total, nowMs: 1_000 });
    assert.deepEqual(sweep([950], 10), { due: [] });
    assert.deepEqual(sweep([900], 10), { due: ['t0'] });
    assert.deepEqual(sweep([900, 950], 10), { due: ['t0'] });
    // One topic is nobody's accident, however few there are.
    assert.deepEqual(sweep([900], 1), { due: ['t0'] });
    assert.match(sweep([900, 950], 9).held ?? '', /2 of 9/);
    assert.match(sweep([900, 950, 950, 950], 1_000).held ?? '', /maxTopics/);
    assert.deepEqual(sweep([900, 950, 950, 950], 1_000).due, []);
  });
});
