import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CausewayError } from '../../../../common/errors/error.js';
import { refKey } from '../../../../common/model/assignment.js';
import { SkipSet } from '../../../../worker/core/skip-set.js';
import { readSkipsOfMany, type SkipQuestion, TooManyGaps } from '../../../../worker/walk/declared-skips.js';

const PARTITIONS = 1_000;
const questions: SkipQuestion[] = Array.from({ length: PARTITIONS }, (_, partition) => ({
  route: 'r',
  topic: 't',
  partition,
  targetTopic: 't',
  timeline: 1,
  sourceTopicId: null,
}));

/** A reading that holds `limit` ranges in all; each partition has as many as `rangesOf` says. */
function reading(limit: number, rangesOf: (partition: number) => number) {
  const asked: number[] = [];
  const read = (some: readonly SkipQuestion[]): Promise<Map<string, SkipSet>> => {
    asked.push(some.length);
    const declared = new Map<string, SkipSet>();
    let total = 0;
    for (const question of some) {
      const count = rangesOf(question.partition);
      total += count;
      if (total > limit) return Promise.reject(new TooManyGaps(question));
      if (count > 0)
        declared.set(refKey(question), SkipSet.of([{ first: question.partition, last: question.partition }]));
    }
    return Promise.resolve(declared);
  };
  return { asked, read };
}

test('gaps that one reading holds cost one reading, whoever asks', async () => {
  const { asked, read } = reading(10, (partition) => (partition === 3 ? 10 : 0));
  const skips = await readSkipsOfMany(questions, read);
  assert.deepEqual(asked, [PARTITIONS]);
  assert.equal((skips[3] as SkipSet).after(3), 4);
  assert.equal(skips[4], SkipSet.none);
});

test('too many for one reading are read in halves, not one by one; each partition has its own', async () => {
  const { asked, read } = reading(300, () => 1);
  const skips = await readSkipsOfMany(questions, read);
  assert.ok(asked.length <= 7, `${asked.length} readings`);
  assert.deepEqual(
    skips.map((skip, i) => (skip as SkipSet).after(i)),
    questions.map(({ partition }) => partition + 1),
  );
});

test('a partition with too many of its own is told so, and no other', async () => {
  const { asked, read } = reading(300, (partition) => (partition === 700 ? 301 : 0));
  const skips = await readSkipsOfMany(questions, read);
  const refused = skips.flatMap((skip, i) =>
    skip instanceof CausewayError ? [[i, skip.code, skip.place.partition]] : [],
  );
  assert.deepEqual(refused, [[700, 'BATCH_UNSUPPORTED', 700]]);
  assert.ok(asked.length <= 2 * Math.ceil(Math.log2(PARTITIONS)) + 1, `${asked.length} readings`);
});

test('what else goes wrong is not tried again in parts', async () => {
  let readings = 0;
  const failing = (): Promise<never> => {
    readings += 1;
    return Promise.reject(new CausewayError('BATCH_UNSUPPORTED', 'a codec that is not known'));
  };
  await assert.rejects(readSkipsOfMany(questions, failing), { code: 'BATCH_UNSUPPORTED' });
  assert.equal(readings, 1);
});
