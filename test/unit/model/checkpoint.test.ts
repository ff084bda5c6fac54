import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Checkpoint,
  checkpointGroup,
  decodeCheckpoint,
  encodeCheckpointMetadata,
  firstTimelineGroup,
  MAX_CHECKPOINT_METADATA_BYTES,
} from '../../../common/model/checkpoint.js';
import { laneTransactionalId } from '../../../common/model/worker.js';

const LONGEST_ID = 'x'.repeat(63);

const checkpoint: Checkpoint = {
  sourceOffset: 9_223_372_036_854_775_807n,
  targetOffset: 9_223_372_036_854_775_806n,
  sourceLeaderEpoch: 2_147_483_647,
  sourceTopicId: '11111111-2222-3333-4444-555555555555',
  targetTopicId: '66666666-7777-8888-9999-000000000000',
  timeline: Number.MAX_SAFE_INTEGER,
  runSourceStart: 9_223_372_036_854_775_807n,
  runTargetStart: 9_223_372_036_854_775_807n,
  lane: {
    transactionalId: laneTransactionalId(LONGEST_ID, LONGEST_ID, 'a1b2c3d4e5f6', 10_000),
    producerId: 9_223_372_036_854_775_807n,
    producerEpoch: 32_767,
  },
  rulesVersion: 1,
  released: true,
};

describe('checkpoint metadata, format 1', () => {
  test('round trip, and far below the limit even with the longest names and largest numbers', () => {
    const metadata = encodeCheckpointMetadata(checkpoint);
    assert.deepEqual(decodeCheckpoint(checkpoint.targetOffset, metadata), checkpoint);
    assert.ok(Buffer.byteLength(metadata) < MAX_CHECKPOINT_METADATA_BYTES);
  });

  test('the format is pinned: a later version must still read this', () => {
    const small = '1:["5",0,null,null,1,"0","0","causeway.f.w.i.0","7",0,1]';
    assert.equal(decodeCheckpoint(5n, small).sourceOffset, 5n);
    assert.equal(encodeCheckpointMetadata(decodeCheckpoint(5n, small)), small);
    assert.equal(decodeCheckpoint(5n, small).released, false);
    assert.equal(decodeCheckpoint(5n, small.replace('1]', '1,1,"later"]')).released, true);
  });

  for (const strange of ['', 'hello', '2:[]', '1:{}', '1:[1,2]', '1:["x",0,null,null,1,"0","0","t","7",0,1]']) {
    test(`a stranger's metadata ${JSON.stringify(strange)} is refused, not guessed at`, () => {
      assert.throws(() => decodeCheckpoint(0n, strange), { code: 'NODE_CORRUPT' });
    });
  }

  test('a partition keeps its group, and sixteen groups share the load', () => {
    const group = (partition: number, timeline = 1): string =>
      checkpointGroup({ route: 'r', targetTopic: 'topic', partition, timeline });
    const groups = new Set(Array.from({ length: 500 }, (_, partition) => group(partition)));
    assert.equal(groups.size, 16);
    assert.equal(group(3), group(3));
    for (const group of groups) assert.match(group, /^causeway\.r\.(?:[0-9]|1[0-5])$/);
  });

  test('4.1, 4.2 each timeline has its own groups; those of the first keep the names they always had', () => {
    const place = { route: 'r', targetTopic: 'topic', partition: 3, timeline: 1 };
    const first = checkpointGroup(place);
    assert.equal(first, firstTimelineGroup(place));
    assert.equal(checkpointGroup({ ...place, timeline: 2 }), `${first}.t2`);
    assert.notEqual(checkpointGroup({ ...place, timeline: 12 }), checkpointGroup({ ...place, timeline: 2 }));
  });
});
