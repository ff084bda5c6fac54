import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseGapRecord } from '../../../../worker/gap/declared-gap.js';
import { gapRecord } from '../../../../worker/gap/gap-record.js';
import { testPartition } from '../partition/partition-kit.js';

describe('a gap record read back', () => {
  test('says what the journal wrote', () => {
    const partition = testPartition('r', 3);
    partition.sourceTopicId = '00000000-0000-4000-8000-000000000001';
    const gap = { firstOffset: 10, lastOffset: 2 ** 52, reason: 'operator', detail: 'x'.repeat(5_000) } as const;
    const { value } = gapRecord(partition, { gap, deadLetters: [] }, 'w', 1_790_000_000_000);
    assert.deepEqual(value === null ? undefined : parseGapRecord(value), {
      route: 'r',
      topic: 'topic',
      topicId: partition.sourceTopicId,
      partition: 3,
      targetTopic: 'topic',
      timeline: 1,
      firstOffset: 10,
      lastOffset: 2 ** 52,
    });
  });

  test('what is none is passed over', () => {
    const good = { route: 'r', topic: 't', topicId: null, partition: 0, targetTopic: 't', timeline: 1 };
    const parsed = (value: unknown): unknown => parseGapRecord(Buffer.from(JSON.stringify(value)));
    assert.notEqual(parsed({ ...good, firstOffset: '1', lastOffset: '1' }), undefined);
    for (const bad of [
      null,
      [],
      'gap',
      good,
      { ...good, firstOffset: '2', lastOffset: '1' },
      { ...good, firstOffset: 1, lastOffset: 2 },
      { ...good, firstOffset: '1', lastOffset: '9999999999999999' },
      { ...good, firstOffset: '-1', lastOffset: '1' },
      { ...good, partition: 0.5, firstOffset: '1', lastOffset: '1' },
      { ...good, topicId: 7, firstOffset: '1', lastOffset: '1' },
    ]) {
      assert.equal(parsed(bad), undefined, JSON.stringify(bad));
    }
    assert.equal(parseGapRecord(Buffer.from('{')), undefined);
  });
});
