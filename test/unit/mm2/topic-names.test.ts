import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  checkpointsTopic,
  isCheckpointsTopic,
  isCycle,
  isHeartbeatsTopic,
  isInternalTopic,
  offsetSyncsTopic,
  originalTopic,
  separatorOf,
  topicSource,
  upstreamTopic,
} from '../../../common/mm2/topic-names.js';

describe('names of MirrorMaker 2', () => {
  test('of its own topics, with the naming’s separator', () => {
    assert.equal(checkpointsTopic('primary'), 'primary.checkpoints.internal');
    assert.equal(offsetSyncsTopic('backup'), 'mm2-offset-syncs.backup.internal');
    assert.equal(offsetSyncsTopic('backup', '_'), 'mm2-offset-syncs_backup_internal');
    assert.equal(separatorOf({ naming: { policy: 'default', separator: '__' } }), '__');
    assert.equal(separatorOf({ naming: { policy: 'identity' } }), '.');
  });

  test('where a topic comes from, as Java’s split reads it', () => {
    const cases: [string, string | undefined, string | undefined][] = [
      ['t', undefined, undefined],
      ['a.t', 'a', 't'],
      ['a.b.t', 'a', 'b.t'],
      ['foo.', undefined, undefined],
      ['foo..', undefined, undefined],
      ['.b', '', 'b'],
      ['a..b', 'a', '.b'],
    ];
    for (const [topic, source, upstream] of cases) {
      assert.deepEqual([topicSource(topic), upstreamTopic(topic)], [source, upstream], topic);
    }
    assert.equal(originalTopic('a.b.t'), 't');
    assert.equal(topicSource('a__t', '__'), 'a');
    assert.equal(topicSource('a.t', '__'), undefined);
  });

  test('heartbeats, checkpoints and internal topics are recognised', () => {
    assert.deepEqual(
      ['heartbeats', 'a.heartbeats', 'b.a.heartbeats', 'heartbeats!', 'a_heartbeats'].map((name) =>
        isHeartbeatsTopic(name),
      ),
      [true, true, true, false, false],
    );
    assert.equal(isHeartbeatsTopic('us-west.heartbeats', '_'), false);
    assert.deepEqual(
      ['a.checkpoints.internal', 'checkpoints.internal', 'b.a.checkpoints.internal'].map((name) =>
        isCheckpointsTopic(name),
      ),
      [true, false, true],
    );
    for (const name of ['__consumer_offsets', '.x', 'x.internal', 'x-internal', 'a.checkpoints.internal']) {
      assert.ok(isInternalTopic(name), name);
    }
    assert.ok(isInternalTopic('mm2-offset-syncs_b_internal', '_'));
    assert.ok(!isInternalTopic('internal.orders'));
  });

  test('a topic that was at the target before would come back', () => {
    const cycles = ['target.t', 'target.source.t', 'source.target.t', 'source.target.source.t'];
    for (const topic of cycles) assert.ok(isCycle(topic, 'target'), topic);
    for (const topic of ['t', 'source.t']) assert.ok(!isCycle(topic, 'target'), topic);
  });
});
