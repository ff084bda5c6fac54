import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  decodeTopicEntry,
  decodeTopicProgress,
  encodeTopicEntry,
  encodeTopicProgress,
} from '../../../common/coordination/records/desired.js';
import { type ContinuityPolicy, DEFAULT_CONTINUITY, type ResolveOrder } from '../../../common/model/continuity.js';
import type { TopicEntry } from '../../../common/model/route.js';
import type { TopicProgress } from '../../../common/model/topic-progress.js';
import { judgeContinuity, resolutionOf, withBreak } from '../../../controller/core/continuity.js';
import { desiredTopics } from '../../../controller/core/desired.js';
import { itemOf } from '../../../controller/core/desired-topic.js';
import type { TopicFact } from '../../../controller/core/topic-facts.js';
import { routeOf } from './kit.js';

const PROGRESS: TopicProgress = {
  route: 'r',
  topic: 't',
  sourceTopicId: 's1',
  targetTopic: 't',
  targetTopicId: 't1',
  timeline: 3,
  started: [0, 1, 2],
  initialPartitions: 3,
};

const present = (topicId: string | null, partitions = 3): TopicFact => ({ state: 'present', topicId, partitions });
const ABSENT: TopicFact = { state: 'absent' };
const UNKNOWN: TopicFact = { state: 'unknown' };

function verdict(
  facts: { readonly source?: TopicFact; readonly target?: TopicFact },
  policy: Partial<ContinuityPolicy> = {},
  resolutions: readonly ResolveOrder[] = [],
  progress: Partial<TopicProgress> = {},
) {
  return judgeContinuity({
    route: routeOf('r', { continuity: { ...DEFAULT_CONTINUITY, ...policy } }),
    entry: { resolutions },
    progress: { ...PROGRESS, ...progress },
    facts: { source: present('s1'), target: present('t1'), ...facts },
  });
}

const order = (changes: Partial<ResolveOrder>): ResolveOrder => ({
  partition: null,
  action: 'restart',
  timeline: 3,
  reason: 'because',
  at: '2026-01-01T00:00:00Z',
  ...changes,
});

describe('4.2 topics that are not what they were', () => {
  test('the same topics, or nothing known of them: nothing changes', () => {
    for (const facts of [
      {},
      { source: UNKNOWN },
      { target: UNKNOWN },
      { source: present(null), target: present(null) },
    ]) {
      assert.deepEqual(verdict(facts), { problems: [], leavesTarget: false, isSourceGone: false, isOver: false });
    }
  });

  test('a recreated source topic is kept from being copied, unless the policy starts it anew in another timeline', () => {
    const facts = { source: present('s2', 2) };
    const paused = verdict(facts);
    assert.equal(paused.hold?.code, 'SOURCE_RECREATED');
    assert.match(paused.hold?.message ?? '', /s1 before, s2 now/);
    assert.equal(paused.progress, undefined);
    const { progress, hold } = verdict(facts, { sourceRecreated: 'restart' });
    assert.equal(hold, undefined);
    assert.deepEqual(progress, {
      ...PROGRESS,
      sourceTopicId: 's2',
      timeline: 4,
      origin: { cause: 'source-recreated', from: 'start', former: 3 },
      started: [],
      initialPartitions: 0,
    });
  });

  test('a recreated target topic: paused, copied again from the start, or from the position each partition had', () => {
    const facts = { target: present('t2') };
    assert.equal(verdict(facts).hold?.code, 'TARGET_TOPIC_RECREATED');
    const restart = verdict(facts, { targetRecreated: 'restart' }).progress;
    assert.deepEqual(
      [restart?.timeline, restart?.targetTopicId, restart?.origin, restart?.started, restart?.initialPartitions],
      [4, 't2', { cause: 'target-recreated', from: 'start', former: 3 }, [], 3],
    );
    const carried = verdict(facts, { targetRecreated: 'continue' }).progress;
    assert.deepEqual([carried?.origin?.from, carried?.carried, carried?.started], ['position', [0, 1, 2], []]);
  });

  test('a target topic made anew before anything was copied lost nothing', () => {
    const { progress, hold } = verdict({ target: present('t2') }, {}, [], { started: [] });
    assert.equal(hold, undefined);
    assert.deepEqual([progress?.timeline, progress?.targetTopicId], [3, 't2']);
  });

  test('a deleted target topic is made anew only where policy or operator go on with it', () => {
    const facts = { target: ABSENT };
    const left = verdict(facts);
    assert.deepEqual([left.leavesTarget, left.problems[0]?.code, left.hold], [true, 'TARGET_TOPIC_DELETED', undefined]);
    assert.equal(verdict(facts, { targetRecreated: 'continue' }).leavesTarget, false);
    assert.equal(verdict(facts, {}, [order({ action: 'continue' })]).leavesTarget, false);
    assert.equal(verdict(facts, {}, [order({ action: 'continue', timeline: 2 })]).leavesTarget, true, 'an old order');
    assert.equal(verdict(facts, {}, [], { started: [] }).leavesTarget, false, 'it never had anything');
  });

  test('a deleted source topic keeps its partitions, or gives them up, by policy', () => {
    const waiting = verdict({ source: ABSENT });
    assert.deepEqual([waiting.problems[0]?.code, waiting.isOver], ['SOURCE_TOPIC_DELETED', false]);
    assert.equal(verdict({ source: ABSENT }, { sourceDeleted: 'stop' }).isOver, true);
    assert.deepEqual(verdict({ source: ABSENT }, { sourceDeleted: 'stop' }, [], { started: [] }).problems, []);
  });

  test('an operator restarts the whole topic, once; the cause is what is found', () => {
    const cause = (facts: Parameters<typeof verdict>[0]) => verdict(facts, {}, [order({})]).progress?.origin?.cause;
    assert.equal(cause({}), 'operator');
    assert.equal(cause({ source: present('s2') }), 'source-recreated');
    assert.equal(cause({ target: present('t2') }), 'target-recreated');
    assert.equal(verdict({}, {}, [order({ timeline: 2 })]).progress, undefined);
    assert.equal(verdict({ source: UNKNOWN }, {}, [order({})]).progress, undefined, 'not blindly');
  });

  test('an operator restarts one partition: it alone has another timeline, and is not started in it', () => {
    const { progress } = verdict({}, {}, [order({ partition: 1 })]);
    assert.deepEqual(progress?.breaks, [{ partition: 1, timeline: 4, cause: 'operator', from: 'start', former: 3 }]);
    assert.deepEqual([progress?.timeline, progress?.started], [3, [0, 2]]);
    assert.equal(verdict({}, {}, [order({ partition: 1 })], progress).progress, undefined, 'once');
    assert.equal(
      verdict({ source: present('s2') }, { sourceRecreated: 'restart' }, [], progress).progress?.timeline,
      5,
    );
  });

  test('breaks of a partition count up; items carry timeline, origin and order of their own partition', () => {
    const broken = withBreak(withBreak(PROGRESS, { partition: 2, cause: 'source-truncated', from: 90n }), {
      partition: 2,
      cause: 'target-truncated',
      from: 80n,
    });
    assert.deepEqual(broken.breaks, [{ partition: 2, timeline: 5, cause: 'target-truncated', from: 80n, former: 4 }]);
    assert.deepEqual(decodeTopicProgress(encodeTopicProgress(broken), '/p'), broken);
    const topic = { ...broken, resolutions: [order({ action: 'continue' }), order({ partition: 2, timeline: 5 })] };
    assert.deepEqual(
      [0, 1, 2].map((partition) => resolutionOf(topic, partition)?.action),
      ['continue', 'continue', 'restart'],
    );
  });
});

describe('items of topics that are not what they were', () => {
  const entry: TopicEntry = {
    route: 'r',
    topic: 't',
    partitions: 'all',
    paused: false,
    skips: [],
    limits: {},
    addedAt: '',
  };

  function desired(
    progress: TopicProgress,
    source: TopicFact,
    target: TopicFact,
    policy: Partial<ContinuityPolicy> = {},
  ) {
    const route = routeOf('r', { continuity: { ...DEFAULT_CONTINUITY, ...policy } });
    return desiredTopics({
      routes: new Map([['r', route]]),
      unreadableRoutes: new Set(),
      entries: [{ entry, order: 1n }],
      unreadableEntries: new Set(),
      exclusions: new Map(),
      unreadableExclusions: new Set(),
      progress: new Map([['r/t', progress]]),
      unreadableProgress: new Set(),
      standings: new Map(),
      facts: () => ({ source, target }),
    });
  }

  test('with an origin at the position, partitions that had none begin as those that were added', () => {
    const progress: TopicProgress = {
      ...PROGRESS,
      origin: { cause: 'target-recreated', from: 'position', former: 2 },
      carried: [0],
      started: [],
      initialPartitions: 1,
    };
    const topic = desired(progress, present('s1', 2), present('t1', 2)).topics.get('r/t');
    assert.ok(topic !== undefined);
    const items = [0, 1].map((partition) => itemOf(topic, partition, 'own'));
    assert.deepEqual(
      items.map(({ origin, start }) => [origin?.from, start]),
      [
        ['position', 'earliest'],
        [undefined, 'beginning'],
      ],
    );
  });

  test('a topic made anew with fewer partitions gives up the others', () => {
    const restarted: TopicProgress = {
      ...PROGRESS,
      origin: { cause: 'source-recreated', from: 'start', former: 2 },
      started: [0],
    };
    assert.equal(desired(restarted, present('s1', 2), present('t1')).topics.get('r/t')?.limit, 2);
    assert.equal(desired(restarted, UNKNOWN, present('t1')).topics.get('r/t')?.limit, Number.POSITIVE_INFINITY);
  });

  test('the target topic that was deleted is no need while the policy is pause', () => {
    assert.deepEqual(desired(PROGRESS, present('s1'), ABSENT).needs, []);
    assert.equal(desired(PROGRESS, present('s1'), ABSENT, { targetRecreated: 'restart' }).needs.length, 1);
  });

  test('a held topic says so in its items', () => {
    const topic = desired(PROGRESS, present('s2'), present('t1')).topics.get('r/t');
    assert.ok(topic !== undefined);
    const { paused, hold } = itemOf(topic, 0, 'own');
    assert.deepEqual([paused, hold?.code], [true, 'SOURCE_RECREATED']);
  });

  test('orders are kept with the entry', () => {
    const resolved = { ...entry, resolutions: [order({ partition: 4 })] };
    assert.deepEqual(decodeTopicEntry(encodeTopicEntry(resolved), '/e'), resolved);
    assert.deepEqual(decodeTopicEntry(encodeTopicEntry(entry), '/e'), entry);
  });
});
