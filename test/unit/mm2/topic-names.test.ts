import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkpointsTopic, offsetSyncsTopic } from '../../../common/mm2/topic-names.js';

test('names of MirrorMaker 2’s own topics have the naming’s separator', () => {
  assert.equal(checkpointsTopic('primary'), 'primary.checkpoints.internal');
  assert.equal(checkpointsTopic('primary', '_'), 'primary_checkpoints_internal');
  assert.equal(offsetSyncsTopic('backup'), 'mm2-offset-syncs.backup.internal');
  assert.equal(offsetSyncsTopic('backup', '__'), 'mm2-offset-syncs__backup__internal');
});
