import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  isCycle,
  isHeartbeatsTopic,
  isInternalTopic,
  isInvertible,
  type NamingPolicy,
  originalTopic,
  sourceName,
  targetName,
  topicSource,
  upstreamTopic,
} from '../../../common/model/naming.js';
import { rewriteFault } from '../../../common/patterns/name-rewrite.js';

const named = (naming: NamingPolicy, topic: string, source = 'source1'): string =>
  targetName({ source, naming }, topic);
const DEFAULT: NamingPolicy = { policy: 'default', separator: '.' };
const IDENTITY: NamingPolicy = { policy: 'identity' };

/** Kafka 4.0: ReplicationPolicyTest, MirrorClientTest, MirrorSourceConnectorTest, MirrorCheckpointTaskTest (mirrormaker2.md 7.2). */
describe('MirrorMaker 2’s policies', () => {
  test('default naming puts the alias in front, once for every hop', () => {
    assert.equal(named(DEFAULT, 'topic3'), 'source1.topic3');
    assert.equal(named(DEFAULT, 'source6.topic7'), 'source1.source6.topic7');
    assert.equal(named({ policy: 'default', separator: '__' }, 'topic3'), 'source1__topic3');
  });

  test('topicSource is what stands in front of the first separator; separators at the end do not count', () => {
    assert.equal(topicSource('source.topic'), 'source');
    assert.equal(topicSource('source1.source2.topic'), 'source1');
    assert.equal(topicSource('topic'), null);
    assert.equal(topicSource('foo.'), null);
    assert.equal(topicSource('foo..'), null);
    assert.equal(topicSource('.'), null);
    assert.equal(topicSource('.b'), '');
    assert.equal(topicSource('..b'), '');
    assert.equal(topicSource('us-west_topic', '_'), 'us-west');
    assert.equal(topicSource('us-west.topic', '_'), null);
  });

  test('upstreamTopic and originalTopic go back one hop, and all of them', () => {
    assert.equal(upstreamTopic('source1.source2.topic'), 'source2.topic');
    assert.equal(upstreamTopic('topic'), null);
    assert.equal(originalTopic('topic'), 'topic');
    assert.equal(originalTopic('source1.topic'), 'topic');
    assert.equal(originalTopic('source3.source2.source1.topic'), 'topic');
    assert.equal(originalTopic('source__topic', '__'), 'topic');
  });

  test('heartbeats are heartbeats however many hops away, by the policy’s own separator', () => {
    for (const topic of ['heartbeats', 'source1.heartbeats', 'source2.source1.heartbeats']) {
      assert.equal(isHeartbeatsTopic(topic), true, topic);
    }
    for (const topic of ['heartbeats!', '!heartbeats', 'source1heartbeats', 'source1-heartbeats', 'heartbeats.x']) {
      assert.equal(isHeartbeatsTopic(topic), false, topic);
    }
    assert.equal(isHeartbeatsTopic('us-west_heartbeats', '_'), true);
    assert.equal(isHeartbeatsTopic('us-west.heartbeats', '_'), false);
  });

  test('internal topics are those of Kafka, of Connect and its own', () => {
    for (const topic of ['__consumer_offsets', '.hidden', 'connect-offsets-internal', 'mm2-offset-syncs.A.internal']) {
      assert.equal(isInternalTopic(topic), true, topic);
    }
    assert.equal(isInternalTopic('A_checkpoints_internal', '_'), true);
    assert.equal(isInternalTopic('A_checkpoints_internal'), false);
    assert.equal(isInternalTopic('internal'), false);
    assert.equal(isInternalTopic('orders'), false);
  });

  test('what has been through the target is a cycle, whichever hop that was', () => {
    for (const topic of [
      'target.topic1',
      'target.source.topic1',
      'source.target.topic1',
      'target.source.target.topic1',
      'source.target.source.topic1',
    ]) {
      assert.equal(isCycle(topic, 'target'), true, topic);
    }
    for (const topic of ['topic1', 'source.topic1', 'target', 'target-topic']) {
      assert.equal(isCycle(topic, 'target'), false, topic);
    }
  });

  test('identity keeps names, but for those that end in heartbeats', () => {
    assert.equal(named(IDENTITY, 'topic3'), 'topic3');
    assert.equal(named(IDENTITY, 'target2.topic3'), 'target2.topic3');
    assert.equal(named(IDENTITY, 'heartbeats'), 'source1.heartbeats');
    assert.equal(named(IDENTITY, 'source2.heartbeats'), 'source1.source2.heartbeats');
    assert.equal(named({ policy: 'identity', separator: '_' }, 'heartbeats'), 'source1_heartbeats');
  });
});

/** A reference to a group by its name. */
const group = (name: string): string => `$\{${name}}`;

describe('naming by template, pattern and map', () => {
  const REGEX: NamingPolicy = {
    policy: 'regex',
    match: '(?P<team>[a-z]+)[.](.*)',
    replacement: `${group('team')}-$2-$$`,
    otherwise: DEFAULT,
  };
  const MAP: NamingPolicy = {
    policy: 'map',
    topics: { orders: 'sales', sales: 'old-sales' },
    otherwise: { policy: 'template', template: 'm-{topic}' },
  };

  test('a template has source and topic put in; what looks like a reference in a name is none', () => {
    const naming: NamingPolicy = { policy: 'template', template: 'from-{source}.{topic}.v1' };
    assert.equal(named(naming, 'orders'), 'from-source1.orders.v1');
    assert.equal(named(naming, '$&'), 'from-source1.$&.v1');
  });

  test('a pattern rewrites whole names, groups by number and by name; others are named otherwise', () => {
    assert.equal(named(REGEX, 'pay.in.eu'), 'pay-in.eu-$');
    assert.equal(named(REGEX, 'Pay.in'), 'source1.Pay.in');
    assert.equal(named({ ...REGEX, match: 'a(b)?', replacement: 'x$1', otherwise: IDENTITY }, 'a'), 'x');
  });

  test('a map names single topics, whatever they are called', () => {
    assert.equal(named(MAP, 'orders'), 'sales');
    assert.equal(named(MAP, 'sales'), 'old-sales');
    assert.equal(named(MAP, 'constructor'), 'm-constructor');
  });

  test('the source’s name is found from the target’s, and only where that is its copy', () => {
    for (const naming of [IDENTITY, DEFAULT, MAP, { policy: 'template', template: '{topic}.{source}' }] as const) {
      assert.equal(isInvertible(naming), true);
      for (const topic of ['orders', 'a.b.c', 'heartbeats', 'source1.heartbeats', 'sales', 'm-x', 'source1.t']) {
        const route = { source: 'source1', naming };
        assert.equal(sourceName(route, targetName(route, topic)), topic, `${naming.policy} ${topic}`);
      }
    }
    assert.equal(sourceName({ source: 'source1', naming: DEFAULT }, 'orders'), undefined);
    assert.equal(sourceName({ source: 'source1', naming: DEFAULT }, 'source1.'), undefined);
    assert.equal(sourceName({ source: 'source1', naming: IDENTITY }, 'heartbeats'), undefined);
    // It would be the copy of orders if orders were not called otherwise.
    assert.equal(sourceName({ source: 'source1', naming: MAP }, 'm-orders'), undefined);
    assert.equal(isInvertible(REGEX), false);
    assert.equal(sourceName({ source: 'source1', naming: REGEX }, 'pay-in-$'), undefined);
  });

  test('a replacement that names what the pattern does not have is refused', () => {
    assert.match(rewriteFault('(a)', '$2') ?? '', /group 2/);
    assert.match(rewriteFault('(a)', group('b')) ?? '', /group b/);
    assert.match(rewriteFault('(a)', 'x$') ?? '', /\$\$/);
    assert.match(rewriteFault('(a', '$1') ?? '', /missing/);
    assert.equal(rewriteFault('(?P<b>a)', `${group('b')}$1$0$$`), undefined);
  });
});
