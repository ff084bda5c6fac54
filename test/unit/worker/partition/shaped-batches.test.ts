import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { attributes, CODEC_MASK } from '../../../../common/kafka/wire/records/batch-header.js';
import { type BuildBatchOptions, buildBatch } from '../../../../common/kafka/wire/records/build-batch.js';
import { CODEC_NAMES, loadCodec } from '../../../../common/kafka/wire/records/compression.js';
import type { KafkaRecord } from '../../../../common/kafka/wire/records/record-codec.js';
import type { SkipOrder } from '../../../../common/model/gap.js';
import type { PendingGap, QueuedBatch } from '../../../../worker/core/partition-queue.js';
import { body, feed, fetched, intakeOf, queuedOffsets, runningIntake, takeAll } from './intake-kit.js';
import { runningOutlet, sendAll } from './partition-kit.js';

const range = (first: number, end: number): number[] => Array.from({ length: end - first }, (_, i) => first + i);

const record = (offset: number, valueBytes = 4): KafkaRecord => ({
  key: Buffer.from(`k${offset}`),
  value: Buffer.alloc(valueBytes, String(offset % 10)),
  headers: [[Buffer.from('h'), Buffer.from(String(offset))]],
  timestamp: BigInt(offset),
});

const batchAt = (first: number, end: number, options: BuildBatchOptions = {}): Buffer =>
  buildBatch(
    range(first, end).map((offset) => record(offset)),
    { baseOffset: BigInt(first), ...options },
  );

const order = (from: number, to: number): SkipOrder => ({
  partition: 0,
  from: BigInt(from),
  to: BigInt(to),
  reason: 'poison',
  at: '2026-01-01T00:00:00Z',
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('batches that are shaped on their way', () => {
  test('a search goes on in the first parts of a batch that is split anyway: it would never end otherwise', async () => {
    const { partition, intake } = runningIntake(0);
    const batch = batchAt(0, 100);
    partition.shaping.tooLarge(batch.length, 0);
    const refused = Math.floor(batch.length / 2);
    partition.shaping.search(49, refused);
    await feed(intake, partition, [batch], 100);
    const parts = takeAll(partition);
    assert.ok(parts.every(({ bytes }) => bytes <= refused / 2));
    assert.deepEqual(
      parts.flatMap(({ sourceFirst, recordCount }) => range(sourceFirst, sourceFirst + recordCount)),
      range(0, 100),
    );
  });

  test('what the target does not know the compression of is compressed anew, however small', async () => {
    await loadCodec('zstd');
    const { partition, intake } = runningIntake(0);
    partition.shaping.codec = 'gzip';
    await feed(intake, partition, [batchAt(0, 3, { codec: 'zstd' })], 3);
    const [only] = takeAll(partition) as [QueuedBatch];
    assert.equal(CODEC_NAMES[attributes(only.source.buffer, only.source.start) & CODEC_MASK], 'gzip');
  });

  test('a search in a batch of many records does not bring all of them into the queue at once', async () => {
    const { partition, intake, budget } = runningIntake(0);
    const COUNT = 5_000;
    const batch = batchAt(0, COUNT);
    partition.shaping.search(COUNT - 1, 2);
    const seen: number[] = [];
    while (partition.queue.fetchNext < COUNT) {
      intake.accept(fetched(batch, 0, COUNT), body());
      while (intake.wanted() === undefined) await turn();
      assert.ok(partition.queue.length <= 2_000);
      const { records } = queuedOffsets(partition);
      assert.ok(records.every((offsets) => offsets.length === 1));
      seen.push(...records.flat());
      budget.release(budget.usedBytes);
    }
    assert.deepEqual(seen, range(0, COUNT));
  });
});

describe('batches that nobody else looks at', () => {
  const CONTROL_BIT = 0x20;
  const damages: readonly [string, (batch: Buffer) => void][] = [
    ['a marker', (batch) => batch.writeUInt16BE(batch.readUInt16BE(21) | CONTROL_BIT, 21)],
    ['empty', (batch) => batch.writeInt32BE(0, 57)],
  ];
  for (const [what, damage] of damages) {
    test(`one that a flipped bit makes ${what} is fetched again, not skipped`, async () => {
      const { partition, intake } = runningIntake(0);
      const damaged = batchAt(0, 5);
      damage(damaged);
      intake.accept(fetched(damaged), body());
      await turn();
      assert.equal(partition.queue.fetchNext, 0);
      intake.accept(fetched(batchAt(0, 5)), body());
      assert.equal(partition.queue.fetchNext, 5);
      assert.deepEqual(queuedOffsets(partition).records, [range(0, 5)]);
    });
  }

  test('so is one of an aborted transaction', async () => {
    const { partition, intake } = runningIntake(0);
    const batch = batchAt(0, 5, { transactional: true, producerId: 7n });
    const aborted = { ...fetched(batch), abortedTransactions: [{ producerId: 7n, firstOffset: 0 }] };
    intake.accept(aborted, body());
    assert.equal(partition.queue.fetchNext, 5);
    const { partition: other, intake: otherIntake } = runningIntake(0);
    const damaged = Buffer.from(batch);
    damaged.writeUInt8(1, damaged.length - 1);
    otherIntake.accept({ ...aborted, records: damaged }, body());
    assert.equal(other.queue.fetchNext, 0);
  });
});

describe('an operator’s order', () => {
  for (const [how, options] of [
    ['passes raw', {}],
    ['is decoded', { logAppendTime: 9n }],
  ] as const) {
    test(`that begins and ends inside a batch that ${how} leaves out just that`, async () => {
      const { partition, intake } = runningIntake(0);
      partition.item = { ...partition.item, skip: order(13, 15) };
      await feed(intake, partition, [batchAt(0, 10, options), batchAt(10, 20, options), batchAt(20, 25, options)], 25);
      const { records, gaps } = queuedOffsets(partition);
      assert.deepEqual(records, [range(0, 10), range(10, 13), range(15, 20), range(20, 25)]);
      assert.deepEqual(
        gaps.map(({ firstOffset, lastOffset, reason }) => [firstOffset, lastOffset, reason]),
        [[13, 14, 'operator']],
      );
      assert.equal(partition.queue.settledNext, 25);
    });
  }

  test('that begins where compaction left nothing', async () => {
    const { partition, intake } = runningIntake(0);
    partition.item = { ...partition.item, skip: order(7, 12) };
    await feed(intake, partition, [batchAt(0, 5), batchAt(10, 20)], 20);
    assert.deepEqual(queuedOffsets(partition).records, [range(0, 5), range(12, 20)]);
  });

  test('that reaches far ahead fills the queue at last, where nobody writes its gaps down', () => {
    const { partition, intake } = runningIntake(0);
    partition.item = { ...partition.item, skip: order(0, 1_000_000_000) };
    let answers = 0;
    for (let end = 1; end <= 100_000 && intake.wanted() !== undefined; end++, answers++)
      intake.accept(fetched(null, 0, end), body());
    assert.ok(answers < 100_000, `${partition.queue.length} gaps wait`);
  });
});

describe('gaps of refused records', () => {
  test('one that is written down is not written again when its batch is shaped anew', async () => {
    const written: PendingGap[] = [];
    const { partition, outlet, port, budget } = runningOutlet(0, {
      route: { onRefusedRecord: 'dead-letter', deadLetterTopic: 'letters' },
      declare: (gap) => {
        written.push(gap);
        return Promise.resolve();
      },
    });
    const intake = intakeOf(partition, port, budget);
    const refused = new Set([3, 7]);
    const copied: number[] = [];
    for (let round = 0; partition.queue.settledNext < 10; round++) {
      assert.ok(round < 50, 'it must end');
      if (intake.wanted() === 0) intake.accept(fetched(batchAt(0, 10)), body());
      await turn();
      for (const batch of sendAll(outlet)) {
        const offsets = range(0, batch.recordCount).map((i) => batch.sourceOffsets?.[i] ?? batch.sourceFirst + i);
        // A target that names only the first.
        const blamed = offsets.findIndex((offset) => refused.has(offset));
        if (blamed < 0) copied.push(...offsets);
        outlet.answered(batch, blamed < 0 ? 0 : 87, 0, -1, blamed < 0 ? [] : [blamed]);
      }
    }
    assert.deepEqual(copied, [0, 1, 2, 4, 5, 6, 8, 9]);
    assert.deepEqual(
      written.map(({ gap, deadLetters }) => [gap.firstOffset, gap.lastOffset, deadLetters.length]),
      [
        [3, 3, 1],
        [7, 7, 1],
      ],
    );
    assert.equal(partition.gapRecords, 2);
    assert.equal(budget.usedBytes, 0);
    assert.equal(partition.bytesCopied, batchAt(0, 8).length, 'dead letters are not copied');
  });

  test('their records come whole and in memory of their own', async () => {
    const { partition, intake, budget } = runningIntake(0);
    partition.route = { ...partition.route, onRefusedRecord: 'dead-letter', deadLetterTopic: 'letters' };
    for (const offset of [4, 5, 8]) partition.shaping.refuse(offset, { reason: 'invalid', detail: 'd' });
    await feed(intake, partition, [batchAt(0, 10, { codec: 'gzip' })], 10);
    assert.equal(budget.usedBytes, partition.queue.bytes);
    const letters = takeAll(partition).flatMap(({ gap }) => gap?.deadLetters ?? []);
    assert.deepEqual(
      letters.map(({ offset, record: { key, value, headers, timestamp } }) => ({
        offset,
        record: { key, value, headers, timestamp },
      })),
      [4, 5, 8].map((offset) => ({ offset, record: record(offset) })),
    );
  });
});
