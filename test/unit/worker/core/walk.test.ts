import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { CODEC_MASK } from '../../../../common/kafka/wire/records/batch-header.js';
import { type BuildBatchOptions, buildBatch } from '../../../../common/kafka/wire/records/build-batch.js';
import { loadCodecs } from '../../../../common/kafka/wire/records/compression.js';
import type { KafkaRecord } from '../../../../common/kafka/wire/records/record-codec.js';
import { SkipSet } from '../../../../worker/core/skip-set.js';
import type { WalkResult } from '../../../../worker/core/walk.js';
import { MAX_WALKED_RUNS, RunList } from '../../../../worker/core/walk-runs.js';
import { oldSet } from '../../../property/records/old-format.js';
import { logOf, OURS, walked } from '../walk/memory-logs.js';

const TODAY = 1_790_000_000_000n;

const record = (number: number, change: Partial<KafkaRecord> = {}): KafkaRecord => ({
  key: Buffer.from(`k${number}`),
  value: Buffer.from(`value ${number}`),
  headers: [[Buffer.from('n'), Buffer.from(String(number))]],
  timestamp: TODAY + BigInt(number),
  ...change,
});
const records = (from: number, count: number): KafkaRecord[] =>
  Array.from({ length: count }, (_, i) => record(from + i));

const at = (base: number, content: readonly KafkaRecord[], options: BuildBatchOptions = {}): Buffer =>
  buildBatch(content, { baseOffset: BigInt(base), ...options });
const ours = (base: number, content: readonly KafkaRecord[], options: BuildBatchOptions = {}): Buffer =>
  at(base, content, { producerId: OURS, producerEpoch: 3, baseSequence: 0, ...options });
const marker = (base: number, producerId = OURS, type = 0): Buffer =>
  at(base, [{ key: Buffer.from([0, 0, 0, type]), value: Buffer.alloc(6), headers: [], timestamp: TODAY }], {
    control: true,
    transactional: true,
    producerId,
    producerEpoch: 4,
  });

function resumed(result: WalkResult): WalkResult & { readonly kind: 'resume' } {
  assert.equal(
    result.kind,
    'resume',
    JSON.stringify(result, (_key, value) => String(value)),
  );
  return result as WalkResult & { readonly kind: 'resume' };
}

describe('a walk beside both logs', () => {
  before(loadCodecs);

  test('the same batches: goes on behind the last of them, in one run', async () => {
    const source = logOf(at(0, records(0, 5)), at(5, records(5, 3)), at(8, records(8, 4)));
    const target = logOf(ours(100, records(0, 5)), ours(105, records(5, 3)));
    const result = resumed(await walked(source, target, { targetOffset: 100, closedEnd: 108 }));
    assert.deepEqual([result.sourceOffset, result.targetOffset, result.compared], [8, 108, 8]);
    assert.deepEqual(result.runs, [{ source: 0, target: 100, length: 8 }]);
  });

  test('an empty target: goes on at the pair itself', async () => {
    const result = resumed(await walked(logOf(at(7, records(0, 2))), logOf(), { sourceOffset: 7, closedEnd: 0 }));
    assert.deepEqual([result.sourceOffset, result.compared], [7, 0]);
  });

  test('it tells under which leadership of the source it read: the position is checked against that one, not the pair’s', async () => {
    const source = logOf(
      at(0, records(0, 2), { partitionLeaderEpoch: 4 }),
      at(2, records(2, 2), { partitionLeaderEpoch: 7 }),
      at(4, records(4, 1), { partitionLeaderEpoch: 9 }),
    );
    const moved = resumed(await walked(source, logOf(ours(0, records(0, 4))), { closedEnd: 4 }));
    assert.deepEqual([moved.sourceOffset, moved.sourceLeaderEpoch], [4, 7]);
    const unmoved = resumed(await walked(source, logOf(), { closedEnd: 0 }));
    assert.deepEqual([unmoved.sourceOffset, unmoved.sourceLeaderEpoch], [0, -1]);
  });

  test('a pair inside batches on both sides, and a target that ends inside a source batch', async () => {
    const source = logOf(at(0, records(0, 10)));
    const target = logOf(ours(0, records(0, 4)), ours(4, records(4, 3)));
    const result = resumed(await walked(source, target, { sourceOffset: 2, targetOffset: 2, closedEnd: 7 }));
    assert.deepEqual([result.sourceOffset, result.compared], [7, 5]);
  });

  test('split, merged and recompressed batches are paired record by record', async () => {
    const source = logOf(
      at(0, records(0, 6), { codec: 'lz4' }),
      at(6, records(6, 1)),
      at(7, records(7, 1), { codec: 'gzip' }),
      at(8, records(8, 2)),
    );
    const target = logOf(
      ours(0, records(0, 2), { codec: 'gzip' }),
      ours(2, records(2, 4), { codec: 'zstd' }),
      ours(6, records(6, 3), { codec: 'snappy' }),
    );
    const result = resumed(await walked(source, target, { closedEnd: 9 }));
    assert.deepEqual([result.sourceOffset, result.compared], [9, 9]);
  });

  test('markers are passed, however many and whosesoever', async () => {
    const source = logOf(at(0, records(0, 4)));
    const target = logOf(
      marker(0, 77n),
      ours(1, records(0, 2)),
      marker(3),
      marker(4, 77n, 1),
      ours(5, records(2, 1)),
      marker(6),
      marker(7),
    );
    const result = resumed(await walked(source, target, { closedEnd: 8 }));
    assert.equal(result.sourceOffset, 3);
    assert.deepEqual(result.runs, [
      { source: 0, target: 1, length: 2 },
      { source: 2, target: 5, length: 1 },
    ]);
  });

  test('6.4 a batch of an unknown producer is foreign, and nothing behind it counts', async () => {
    const source = logOf(at(0, records(0, 6)));
    const target = logOf(ours(0, records(0, 2)), ours(2, records(2, 2), { producerId: 9n }), ours(4, records(4, 2)));
    const result = await walked(source, target, { closedEnd: 6 });
    assert.deepEqual(result, {
      kind: 'foreign',
      producerId: 9n,
      producerEpoch: 3,
      offset: 2,
      agreed: { sourceOffset: 2, targetOffset: 2 },
    });
    const plain = await walked(source, logOf(at(0, records(0, 2))), { closedEnd: 2 });
    assert.equal(plain.kind === 'foreign' && plain.producerId, -1n);
  });

  const changes: [string, Partial<KafkaRecord>][] = [
    ['key', { key: null }],
    ['value', { value: Buffer.from('valuf 3') }],
    ['headers', { headers: [] }],
    ['headers', { headers: [[Buffer.from('n'), null]] }],
    ['timestamp', { timestamp: TODAY }],
  ];
  for (const [what, change] of changes) {
    test(`another ${what} is told with its rank and both offsets`, async () => {
      const target = logOf(ours(50, [...records(0, 3), record(3, change), ...records(4, 2)]));
      const result = await walked(logOf(at(10, records(0, 6))), target, {
        sourceOffset: 10,
        targetOffset: 50,
        closedEnd: 56,
      });
      assert.deepEqual(result, {
        kind: 'diverged',
        rank: 3,
        sourceOffset: 13,
        targetOffset: 53,
        what,
        agreed: { sourceOffset: 13, targetOffset: 53 },
      });
    });
  }

  test('equal records cannot be aligned wrongly: rank decides', async () => {
    const same = Array.from({ length: 9 }, () => record(1));
    const source = logOf(at(0, same.slice(0, 4)), at(4, same.slice(0, 5)));
    const result = resumed(await walked(source, logOf(ours(0, same.slice(0, 5))), { closedEnd: 5 }));
    assert.equal(result.sourceOffset, 5);
  });

  test('a target that stamps what it appends is not compared by time; one that does not is', async () => {
    const source = logOf(at(0, records(0, 3)));
    const stamped = resumed(
      await walked(source, logOf(ours(0, records(0, 3), { logAppendTime: TODAY + 99n })), { closedEnd: 3 }),
    );
    assert.equal(stamped.sourceOffset, 3);
    const shifted = records(0, 3).map((each) => ({ ...each, timestamp: each.timestamp + 1n }));
    const result = await walked(source, logOf(ours(0, shifted)), { closedEnd: 3 });
    assert.equal(result.kind === 'diverged' && result.what, 'timestamp');
  });

  test('records of an append-time source have the time that its readers see', async () => {
    const source = logOf(at(0, records(0, 3), { logAppendTime: TODAY + 500n }));
    const copied = records(0, 3).map((each) => ({ ...each, timestamp: TODAY + 500n }));
    assert.equal(resumed(await walked(source, logOf(ours(0, copied)), { closedEnd: 3 })).sourceOffset, 3);
    const raw = await walked(source, logOf(ours(0, records(0, 3))), { closedEnd: 3 });
    assert.equal(raw.kind === 'diverged' && raw.what, 'timestamp', 'the producers’ times are not what readers see');
  });

  test('timestamps beyond what a Number holds are compared exactly', async () => {
    const extreme = [2n ** 63n - 1n, -1n, 0n, 2n ** 60n + 1n].map((timestamp) => record(1, { timestamp }));
    const source = logOf(at(0, extreme));
    const rebased = logOf(ours(0, extreme.slice(0, 1)), ours(1, extreme.slice(1)));
    assert.equal(resumed(await walked(source, rebased, { closedEnd: 4 })).sourceOffset, 4);
    const off = [...extreme.slice(0, 3), record(1, { timestamp: 2n ** 60n })];
    const result = await walked(source, logOf(ours(0, off)), { closedEnd: 4 });
    assert.equal(result.kind === 'diverged' && result.rank, 3);
  });

  test('what the route does not deliver is left out: holes, emptied and aborted batches, markers', async () => {
    const source = {
      batches: [
        at(0, records(0, 3), { offsetDeltas: [0, 4, 7], lastOffsetDelta: 9 }),
        at(10, [], { lastOffsetDelta: 4 }),
        at(20, records(900, 2), { transactional: true, producerId: 5n, producerEpoch: 0 }),
        at(22, records(3, 1)),
        marker(23, 5n, 0),
        at(24, records(4, 2), { transactional: true, producerId: 5n, producerEpoch: 0 }),
        marker(26, 5n, 1),
        at(27, records(6, 2)),
      ],
      aborted: [{ producerId: 5n, firstOffset: 20, markerOffset: 23 }],
    };
    const target = logOf(ours(0, records(0, 5)), ours(5, records(5, 2)));
    const result = resumed(await walked(source, target, { closedEnd: 7 }));
    assert.equal(result.sourceOffset, 28);
    assert.deepEqual(result.runs, [
      { source: 0, target: 0, length: 1 },
      { source: 4, target: 1, length: 1 },
      { source: 7, target: 2, length: 1 },
      { source: 22, target: 3, length: 1 },
      { source: 24, target: 4, length: 2 },
      { source: 27, target: 6, length: 1 },
    ]);
  });

  test('messages of the old formats are paired with their copies', async () => {
    const old = records(0, 4).map(({ key, value, timestamp }) => ({ key, value, timestamp }));
    const wrapped = oldSet(old, { magic: 1, codec: 'gzip', offsets: [3, 4, 6, 9] });
    const copies = old.map((each) => ({ ...each, headers: [] }));
    const result = resumed(
      await walked(logOf(wrapped), logOf(ours(0, copies.slice(1, 3))), { sourceOffset: 4, closedEnd: 2 }),
    );
    assert.equal(result.sourceOffset, 9);
  });

  test('6.5: what gap records declare is passed, and never decided anew', async () => {
    const source = logOf(at(0, records(0, 10)), marker(10, 5n), at(11, records(11, 4)));
    const skips = SkipSet.of([
      { first: 3, last: 4 },
      { first: 9, last: 9 },
      { first: 11, last: 12 },
      { first: 14, last: 14 },
    ]);
    const kept = [...records(0, 3), ...records(5, 4)];
    const whole = resumed(await walked(source, logOf(ours(0, kept)), { closedEnd: 7 }, { skips }));
    assert.equal(whole.sourceOffset, 13, 'declared behind the last copy, with a marker in between');
    assert.deepEqual(whole.declared, [{ first: 14, last: 14 }]);
    const early = resumed(await walked(source, logOf(ours(0, kept.slice(0, 2))), { closedEnd: 2 }, { skips }));
    assert.equal(early.sourceOffset, 2, 'a gap is declared before the rest of its batch is sent');
    assert.deepEqual(early.declared[0], { first: 3, last: 4 });
  });

  test('a damaged batch that was declared as a whole is not looked into', async () => {
    const damaged = at(5, records(5, 5));
    damaged[damaged.length - 3] = (damaged[damaged.length - 3] as number) ^ 1;
    const source = logOf(at(0, records(0, 5)), damaged, at(10, records(10, 2)));
    const target = logOf(ours(0, records(0, 5)), ours(5, records(10, 1)));
    const skips = SkipSet.of([{ first: 5, last: 9 }]);
    assert.equal(resumed(await walked(source, target, { closedEnd: 6 }, { skips })).sourceOffset, 11);
    await assert.rejects(walked(source, target, { closedEnd: 6 }), { code: 'BATCH_CORRUPT' });
  });

  test('batches whose codec nobody here can read are paired by their bytes', async () => {
    const unreadable = (batch: Buffer): Buffer => {
      batch.writeUInt16BE((batch.readUInt16BE(21) & ~CODEC_MASK) | 4, 21);
      return batch;
    };
    const source = logOf(unreadable(at(0, records(0, 3))), at(3, records(3, 1)));
    const target = logOf(unreadable(ours(0, records(0, 3))));
    assert.equal(resumed(await walked(source, target, { closedEnd: 3 })).sourceOffset, 3);
  });

  test('the same bytes under another codec are not the same records', async () => {
    const flagged = at(0, records(0, 3));
    flagged.writeUInt16BE(flagged.readUInt16BE(21) | 4, 21);
    await assert.rejects(walked(logOf(flagged), logOf(ours(0, records(0, 3))), { closedEnd: 3 }), {
      code: 'BATCH_CORRUPT',
    });
  });

  test('what lies behind the closed end does not count, inside a batch too', async () => {
    const source = logOf(at(0, records(0, 5)));
    const target = logOf(ours(0, records(0, 5)), ours(5, records(70, 5)));
    assert.equal(resumed(await walked(source, target, { closedEnd: 3 })).sourceOffset, 3);
    assert.equal(resumed(await walked(source, target, { closedEnd: 5 })).sourceOffset, 5);
  });

  test('a target with more records than the source is told', async () => {
    const result = await walked(logOf(at(0, records(0, 2))), logOf(ours(0, records(0, 3))), { closedEnd: 3 });
    assert.deepEqual(result.kind === 'diverged' && [result.what, result.rank, result.targetOffset], [
      'source-ended',
      2,
      2,
    ]);
  });

  test('an offset of the target that holds nothing: told, or counted where a cleaner may have been', async () => {
    const source = logOf(at(0, records(0, 10)));
    const cleaned = logOf(
      ours(0, [record(0), record(2), record(4)], { offsetDeltas: [0, 2, 4], lastOffsetDelta: 5 }),
      ours(7, records(7, 1)),
    );
    const refused = await walked(source, cleaned, { closedEnd: 9 });
    assert.deepEqual(refused.kind === 'diverged' && [refused.what, refused.targetOffset], ['target-hole', 1]);
    const counted = resumed(await walked(source, cleaned, { closedEnd: 9 }, { holes: 'counted' }));
    assert.deepEqual([counted.sourceOffset, counted.compared, counted.counted], [9, 4, 5]);
    const beforeMarker = logOf(ours(0, records(0, 1)), marker(3), ours(4, records(3, 1)));
    const behind = resumed(await walked(source, beforeMarker, { closedEnd: 5 }, { holes: 'counted' }));
    assert.deepEqual([behind.sourceOffset, behind.counted], [4, 2], 'a marker has no rank, what is gone before it has');
    const emptied = logOf(ours(0, [], { lastOffsetDelta: 2 }), ours(3, records(3, 1)));
    assert.equal(resumed(await walked(source, emptied, { closedEnd: 4 }, { holes: 'counted' })).sourceOffset, 4);
    const strangers = logOf(ours(0, [], { lastOffsetDelta: 2, producerId: 9n }), ours(3, records(3, 1)));
    const foreign = await walked(source, strangers, { closedEnd: 4 }, { holes: 'counted' });
    assert.equal(foreign.kind, 'foreign', 'an emptied batch still says who wrote it');
    const altered = logOf(ours(3, records(4, 1)));
    const result = await walked(source, altered, { closedEnd: 4 }, { holes: 'counted' });
    assert.deepEqual(result.kind === 'diverged' && [result.rank, result.sourceOffset], [3, 3]);
  });

  test('copies that the target does not show any more are counted, the rest confirms', async () => {
    const source = logOf(at(0, records(0, 4)), at(4, records(4, 4)), at(8, records(8, 4)));
    const target = logOf(ours(105, records(5, 2)));
    const result = resumed(await walked(source, target, { targetOffset: 105, hidden: 5, closedEnd: 107 }));
    assert.deepEqual([result.sourceOffset, result.counted, result.compared], [7, 5, 2]);
    const skips = SkipSet.of([{ first: 5, last: 5 }]);
    const thinned = resumed(await walked(source, logOf(), { targetOffset: 108, hidden: 8, closedEnd: 108 }, { skips }));
    assert.equal(thinned.sourceOffset, 9, 'what was declared was never a copy');
    const wrong = await walked(source, target, { targetOffset: 105, hidden: 6, closedEnd: 107 });
    assert.deepEqual(wrong.kind === 'diverged' && [wrong.rank, wrong.sourceOffset], [6, 6]);
    const short = await walked(source, target, { targetOffset: 105, hidden: 14, closedEnd: 107 });
    assert.deepEqual(short.kind === 'diverged' && [short.what, short.agreed], [
      'source-ended',
      { sourceOffset: 12, targetOffset: 103 },
    ]);
  });
});

describe('the runs of a walk', () => {
  test('are bounded: the newest stay, every one is told', () => {
    let told = 0;
    const list = new RunList(() => (told += 1));
    const total = 3 * MAX_WALKED_RUNS + 7;
    for (let i = 0; i < total; i++) list.add(i * 2, i, 1);
    const kept = list.finish();
    assert.equal(told, total);
    assert.equal(kept.length, MAX_WALKED_RUNS);
    assert.equal(list.leftOut, total - MAX_WALKED_RUNS);
    assert.deepEqual(kept.at(-1), { source: (total - 1) * 2, target: total - 1, length: 1 });
  });
});
