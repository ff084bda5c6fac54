import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Gap } from '../../../../common/model/gap.js';
import { parseGapRecord } from '../../../../worker/gap/declared-gap.js';
import { gapRecord } from '../../../../worker/gap/gap-record.js';
import { testPartition } from '../partition/partition-kit.js';

const recordOf = (gap: Gap) => gapRecord(testPartition(), { gap, deadLetters: [] }, 'w', 0);
const fieldsOf = (gap: Gap): Record<string, unknown> => JSON.parse(String(recordOf(gap).value));

const LOST: Gap = { firstOffset: 5, lastOffset: 9, reason: 'retention', detail: 'd' };
const BROKEN: Gap = {
  firstOffset: 5,
  lastOffset: 9,
  reason: 'source-truncated',
  detail: 'd',
  bound: 'at-most',
  breaks: {
    kind: 'diverged',
    timeline: 1,
    sourceTopicId: 's',
    targetTopicId: 't',
    copies: { firstOffset: 3, lastOffset: 7 },
    targetOffset: 8,
  },
};

test('a gap says what kind it is and how exactly it is known; walks leave out what it declares', () => {
  const fields = fieldsOf(LOST);
  assert.deepEqual([fields['kind'], fields['bound'], fields['records']], ['gap', 'exact', 5]);
  assert.equal(fieldsOf({ ...LOST, bound: 'at-most' })['bound'], 'at-most');
  assert.equal(parseGapRecord(recordOf(LOST).value as Buffer)?.lastOffset, 9);
});

test('the end of a timeline is declared under that timeline and in its own place; no walk leaves anything out for it', () => {
  const fields = fieldsOf(BROKEN);
  const { kind, timeline, nextTimeline, topicId, copiesFirstOffset, copiesLastOffset, targetOffset } = fields;
  assert.deepEqual([kind, timeline, nextTimeline, topicId], ['diverged', 1, 1, 's']);
  assert.deepEqual([copiesFirstOffset, copiesLastOffset, targetOffset], ['3', '7', '8']);
  assert.equal(parseGapRecord(recordOf(BROKEN).value as Buffer), undefined);
  const gapKind: Gap = { ...BROKEN, breaks: { ...(BROKEN.breaks as NonNullable<Gap['breaks']>), kind: 'gap' } };
  assert.equal(parseGapRecord(recordOf(gapKind).value as Buffer), undefined);
  assert.notEqual(String(recordOf(BROKEN).key), String(recordOf(LOST).key));
  const none = fieldsOf({ ...BROKEN, lastOffset: 4 });
  assert.equal(none['records'], 0);
});
