import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { type BuildBatchOptions, buildBatch } from '../../../../common/kafka/wire/records/build-batch.js';
import { loadCodecs } from '../../../../common/kafka/wire/records/compression.js';
import type { KafkaRecord } from '../../../../common/kafka/wire/records/record-codec.js';
import { SkipSet } from '../../../../worker/core/skip-set.js';
import type { WalkTerms } from '../../../../worker/core/walk.js';
import type { ShrunkLogs } from '../../../../worker/core/walk-alignment.js';
import { walkShrunk } from '../../../../worker/walk/shrunk-walk.js';
import type { WalkOutcome } from '../../../../worker/walk/walk-outcome.js';
import { driving, logOf, type MemoryLog, memoryLogs, OURS, termsOf } from './memory-logs.js';

const record = (number: number): KafkaRecord => ({
  key: null,
  value: Buffer.from(`value ${number}`),
  headers: [],
  timestamp: 1_790_000_000_000n + BigInt(number),
});
const numbered = (...numbers: number[]): KafkaRecord[] => numbers.map(record);
const from = (first: number, count: number): KafkaRecord[] =>
  numbered(...Array.from({ length: count }, (_, i) => first + i));
const at = (base: number, content: readonly KafkaRecord[], options: BuildBatchOptions = {}): Buffer =>
  buildBatch(content, { baseOffset: BigInt(base), ...options });
const ours = (base: number, content: readonly KafkaRecord[], options: BuildBatchOptions = {}): Buffer =>
  at(base, content, { producerId: OURS, producerEpoch: 0, baseSequence: 0, ...options });
const marker = (base: number): Buffer =>
  ours(base, [{ ...record(0), key: Buffer.alloc(4), value: Buffer.alloc(6) }], { control: true, transactional: true });

/** A pair at (0, 100) unless said otherwise. */
async function found(
  source: MemoryLog,
  target: MemoryLog,
  logs: Partial<ShrunkLogs>,
  { holes = 'refused', begun = () => undefined }: { holes?: WalkTerms['holes']; begun?: () => void } = {},
): Promise<WalkOutcome> {
  const skips = logs.skips ?? SkipSet.none;
  const walking = { terms: termsOf({ skips, holes }), driving: driving(memoryLogs(source, target)), begun };
  const pair = { sourceOffset: 0, targetOffset: 100, sourceStart: 0, targetStart: 100, closedEnd: 100 };
  const outcome = await walkShrunk(walking, { ...pair, skips, ...logs });
  assert.notEqual(outcome.kind, 'interrupted');
  return outcome as WalkOutcome;
}

const brief = (outcome: WalkOutcome): unknown => {
  switch (outcome.kind) {
    case 'resume':
      return [outcome.kind, Number(outcome.sourceOffset), outcome.basis];
    case 'pause':
      return [outcome.kind, Number(outcome.gap.from), Number(outcome.gap.to)];
    case 'diverged':
      return [outcome.kind, outcome.rank, Number(outcome.sourceOffset), Number(outcome.targetOffset)];
    default:
      return outcome;
  }
};

describe('6.6: the beginning of the target is gone', () => {
  before(loadCodecs);

  test('the number of offsets gone is the number of copies; what is left confirms', async () => {
    const outcome = await found(logOf(at(0, from(0, 20))), logOf(ours(106, from(6, 3))), {
      targetStart: 106,
      closedEnd: 109,
    });
    assert.deepEqual(brief(outcome), ['resume', 9, 'count']);
    assert.deepEqual(outcome.kind === 'resume' && [outcome.counted, outcome.compared], [6, 3]);
  });

  test('6.6 nothing is left of it: a count that markers may have swollen, and nothing bears out, is no position', async () => {
    const outcome = await found(logOf(at(0, from(0, 20))), logOf(), { targetStart: 108, closedEnd: 108 });
    assert.deepEqual(brief(outcome), ['pause', 4, 8], 'at most those are missing');
    const marked = await found(logOf(at(0, from(0, 20))), logOf(marker(108)), { targetStart: 108, closedEnd: 109 });
    assert.deepEqual(brief(marked), ['pause', 4, 8]);
    const single = await found(logOf(at(0, from(0, 20))), logOf(), { targetStart: 101, closedEnd: 101 });
    assert.deepEqual(brief(single), ['pause', 0, 1]);
    const nothing = await found(logOf(at(0, from(0, 20))), logOf(), { targetStart: 100, closedEnd: 100 });
    assert.deepEqual(brief(nothing), ['resume', 0, 'count'], 'nothing was hidden');
  });

  test('the log begins inside a batch', async () => {
    const outcome = await found(logOf(at(0, from(0, 20))), logOf(ours(104, from(4, 5))), {
      targetStart: 106,
      closedEnd: 109,
    });
    assert.deepEqual(brief(outcome), ['resume', 9, 'count']);
  });

  test('markers among what is gone are found out by what is left', async () => {
    const outcome = await found(logOf(at(0, from(0, 20))), logOf(ours(106, from(4, 3)), marker(109)), {
      targetStart: 106,
      closedEnd: 110,
    });
    assert.deepEqual(brief(outcome), ['resume', 7, 'alignment']);
  });

  test('more copies were counted than the source has records: markers are no excuse where nothing is left to see', async () => {
    const outcome = await found(logOf(at(0, from(0, 9))), logOf(), { targetStart: 111, closedEnd: 111 });
    assert.deepEqual(brief(outcome), ['diverged', 9, 9, 109]);
  });

  test('what contradicts the source is told at the rank that the count gives', async () => {
    const outcome = await found(logOf(at(0, from(0, 20))), logOf(ours(106, numbered(6, 70, 8))), {
      targetStart: 106,
      closedEnd: 109,
    });
    assert.deepEqual(brief(outcome), ['diverged', 7, 7, 107]);
  });
});

describe('6.6: the beginning of the source is gone', () => {
  before(loadCodecs);

  test('in a run without holes the count says where its first record is, and the content agrees', async () => {
    const outcome = await found(logOf(at(5, from(5, 20))), logOf(ours(100, from(0, 9))), {
      sourceStart: 5,
      closedEnd: 109,
    });
    assert.deepEqual(brief(outcome), ['resume', 9, 'count']);
  });

  test('one copy is enough where count and content agree', async () => {
    const outcome = await found(logOf(at(5, from(5, 20))), logOf(ours(100, from(0, 6))), {
      sourceStart: 5,
      closedEnd: 106,
    });
    assert.deepEqual(brief(outcome), ['resume', 6, 'count']);
  });

  test('exactly what is gone was copied: nothing is lost', async () => {
    const outcome = await found(logOf(at(5, from(5, 20))), logOf(ours(100, from(0, 5)), marker(105)), {
      sourceStart: 5,
      closedEnd: 106,
    });
    assert.deepEqual(brief(outcome), ['resume', 5, 'count']);
  });

  test('records that were not copied are gone: at most these', async () => {
    const outcome = await found(logOf(at(9, from(9, 5))), logOf(ours(100, from(0, 4))), {
      sourceStart: 9,
      closedEnd: 104,
    });
    assert.deepEqual(brief(outcome), ['pause', 4, 9]);
    assert.equal(outcome.kind === 'pause' && outcome.targetOffset, 104n);
  });

  test('all of the source is gone', async () => {
    const outcome = await found(logOf(), logOf(ours(100, from(0, 4))), { sourceStart: 9, closedEnd: 104 });
    assert.deepEqual(brief(outcome), ['pause', 4, 9]);
    const more = await found(logOf(), logOf(ours(100, from(0, 12))), { sourceStart: 9, closedEnd: 112 });
    assert.deepEqual(brief(more), ['diverged', 9, 9, 109]);
  });

  test('holes before the first record: aligned by content where it is found once', async () => {
    // Offsets 1, 3, 5 and 7 held nothing: the record at 8 is the fifth.
    const outcome = await found(logOf(at(8, from(8, 6))), logOf(ours(100, numbered(0, 2, 4, 6, 8, 9, 10))), {
      sourceStart: 8,
      closedEnd: 107,
    });
    assert.deepEqual(brief(outcome), ['resume', 11, 'alignment']);
  });

  test('too few records that look alike prove no holes', async () => {
    const outcome = await found(logOf(at(8, from(8, 6))), logOf(ours(100, numbered(8))), {
      sourceStart: 8,
      closedEnd: 101,
    });
    assert.deepEqual(brief(outcome), ['pause', 1, 9]);
  });

  test('records that all look alike: nobody can tell', async () => {
    const same = Array.from({ length: 12 }, () => record(1));
    const outcome = await found(logOf(at(5, same)), logOf(ours(100, same.slice(0, 9))), {
      sourceStart: 5,
      closedEnd: 109,
    });
    assert.equal(outcome.kind, 'pause');
    assert.ok(outcome.kind === 'pause' && outcome.gap.from <= 9n && outcome.gap.to >= 9n);
    const many = Array.from({ length: 40 }, () => record(1));
    let walks = 0;
    const begun = (): void => {
      walks += 1;
    };
    const logs = { sourceStart: 30, closedEnd: 140 };
    const crowded = await found(logOf(at(30, many)), logOf(ours(100, many)), logs, { begun });
    assert.deepEqual([crowded.kind, walks], ['pause', 0], 'more candidates than are tried');
  });

  test('a copy whose rank is beyond what the gone offsets allow is no candidate', async () => {
    const source = [...numbered(5, 6, 7), record(5), ...numbered(9, 10)];
    const copies = [...from(0, 8), record(5)];
    const outcome = await found(logOf(at(5, source)), logOf(ours(100, copies)), { sourceStart: 5, closedEnd: 109 });
    assert.deepEqual(brief(outcome), ['resume', 9, 'count']);
  });

  test('copies that the target’s cleaner took have a rank, too', async () => {
    const target = logOf(ours(100, numbered(0, 2)), ours(104, from(4, 4)));
    const cleaned = logOf(
      ours(100, numbered(0, 2), { offsetDeltas: [0, 2], lastOffsetDelta: 3 }),
      ours(104, from(4, 4)),
    );
    const logs = { sourceStart: 5, closedEnd: 108 };
    const outcome = await found(logOf(at(5, from(5, 20))), cleaned, logs, { holes: 'counted' });
    assert.deepEqual(brief(outcome), ['resume', 8, 'count']);
    const between = await found(logOf(at(5, from(5, 20))), target, logs, { holes: 'counted' });
    assert.deepEqual(brief(between), ['resume', 8, 'count']);
  });

  test('6.6 a count alone is a position only where nothing of the target was taken: its cleaner takes markers, too', async () => {
    const source = logOf(at(5, from(5, 20)));
    const whole = await found(source, logOf(ours(100, from(0, 5))), { sourceStart: 5, closedEnd: 105 });
    assert.deepEqual(brief(whole), ['resume', 5, 'count']);
    assert.equal(whole.kind === 'resume' && whole.compared, 0);
    const cleaned = logOf(ours(100, from(0, 3)), ours(104, from(4, 1)));
    const outcome = await found(source, cleaned, { sourceStart: 5, closedEnd: 105 }, { holes: 'counted' });
    assert.equal(outcome.kind, 'pause');
  });

  test('copies that contradict the source are told', async () => {
    const outcome = await found(logOf(at(5, from(5, 20))), logOf(ours(100, [...from(0, 5), ...from(70, 3)])), {
      sourceStart: 5,
      closedEnd: 108,
    });
    assert.deepEqual(brief(outcome), ['diverged', 5, 5, 105]);
  });

  test('what was declared of the gone part is no copy and no loss', async () => {
    const skips = SkipSet.of([{ first: 2, last: 3 }]);
    const source = logOf(at(6, from(6, 10)));
    const resumed = await found(source, logOf(ours(100, numbered(0, 1, 4, 5, 6, 7))), {
      sourceStart: 6,
      closedEnd: 106,
      skips,
    });
    assert.deepEqual(brief(resumed), ['resume', 8, 'count']);
    const lost = await found(source, logOf(ours(100, numbered(0, 1))), { sourceStart: 6, closedEnd: 102, skips });
    assert.deepEqual(brief(lost), ['pause', 4, 6]);
  });

  test('both beginnings are gone', async () => {
    const source = logOf(at(5, from(5, 20)));
    const within = await found(source, logOf(ours(103, from(3, 6))), {
      sourceStart: 5,
      targetStart: 103,
      closedEnd: 109,
    });
    assert.deepEqual(brief(within), ['resume', 9, 'count']);
    const beyond = await found(source, logOf(ours(108, from(8, 4))), {
      sourceStart: 5,
      targetStart: 108,
      closedEnd: 112,
    });
    assert.deepEqual(brief(beyond), ['resume', 12, 'count']);
    const one = await found(source, logOf(ours(108, from(8, 1))), { sourceStart: 5, targetStart: 108, closedEnd: 109 });
    assert.deepEqual(brief(one), ['resume', 9, 'count']);
    const nothing = await found(source, logOf(), { sourceStart: 5, targetStart: 112, closedEnd: 112 });
    assert.deepEqual(brief(nothing), ['pause', 5, 12]);
  });

  test('a stranger’s batch is told before anything is aligned', async () => {
    const outcome = await found(logOf(at(5, from(5, 20))), logOf(ours(100, from(0, 5), { producerId: 8n })), {
      sourceStart: 5,
      closedEnd: 105,
    });
    assert.equal(outcome.kind === 'foreign' && outcome.producerId, 8n);
  });
});
