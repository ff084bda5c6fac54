import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isMapDead } from '../../../../controller/core/map-retention.js';

const map = (timeline = 1, targetTopicId: string | null = 'a') => ({ timeline, targetTopicId });
const there = (topicId: string | null) => ({ kind: 'there', topicId }) as const;

describe('which offset maps answer no question any more', () => {
  test('those of a target topic that is gone, or another by the same name', () => {
    assert.equal(isMapDead(map(), { kind: 'missing' }, 1), true);
    assert.equal(isMapDead(map(), there('b'), 1), true);
    assert.equal(isMapDead(map(), there('a'), 1), false);
  });

  test('not where the target does not say, or has no topic ids', () => {
    assert.equal(isMapDead(map(), { kind: 'unsure' }, 1), false);
    assert.equal(isMapDead(map(), there(null), 1), false);
    assert.equal(isMapDead(map(1, null), there('b'), 1), false);
  });

  test('those of timelines before the last one, where the store knows the present one', () => {
    assert.equal(isMapDead(map(1), there('a'), 2), false);
    assert.equal(isMapDead(map(1), there('a'), 3), true);
    assert.equal(isMapDead(map(3), there('a'), 3), false);
    assert.equal(isMapDead(map(9), there('a'), 3), false);
    assert.equal(isMapDead(map(1), there('a'), undefined), false);
    assert.equal(isMapDead(map(1), { kind: 'unsure' }, 3), true);
  });

  test('those of jobs that were deleted', () => {
    assert.equal(isMapDead(map(), there('a'), 'forsaken'), true);
  });
});
