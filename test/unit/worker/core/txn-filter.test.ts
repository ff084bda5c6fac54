import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { scanBatches } from '../../../../common/kafka/wire/records/batch-scan.js';
import { type BuildBatchOptions, buildBatch } from '../../../../common/kafka/wire/records/build-batch.js';
import { type AbortedTransaction, TxnFilter } from '../../../../common/kafka/wire/records/txn-filter.js';

const value = { key: null, value: Buffer.from('v'), headers: [], timestamp: 1n };
const data = (baseOffset: bigint, producerId: bigint, transactional = true): Buffer =>
  buildBatch([value], { baseOffset, producerId, producerEpoch: 0, baseSequence: 0, transactional });
const marker = (baseOffset: bigint, producerId: bigint, type: number, options: BuildBatchOptions = {}): Buffer => {
  const key = Buffer.from([0, 0, 0, type]);
  return buildBatch([{ key, value: Buffer.alloc(6), headers: [], timestamp: 1n }], {
    baseOffset,
    producerId,
    producerEpoch: 0,
    transactional: true,
    control: true,
    ...options,
  });
};

/** Base offsets of the data that the filter calls aborted. */
function abortedOffsets(batches: Buffer[], list: AbortedTransaction[]): number[] {
  const filter = new TxnFilter().reset(list);
  const cursor = scanBatches(Buffer.concat(batches));
  const offsets: number[] = [];
  while (cursor.next()) if (filter.isAborted(cursor)) offsets.push(cursor.baseOffset);
  return offsets;
}

describe('transaction filter', () => {
  test('drops an aborted transaction and keeps the same producer’s next, committed one', () => {
    const log = [data(0n, 1n), data(1n, 2n), marker(2n, 1n, 0), data(3n, 1n), marker(4n, 2n, 1), marker(5n, 1n, 1)];
    assert.deepEqual(abortedOffsets(log, [{ producerId: 1n, firstOffset: 0n }]), [0]);
  });

  test('knows transactions that began before the fetch', () => {
    assert.deepEqual(abortedOffsets([data(50n, 1n), marker(51n, 1n, 0)], [{ producerId: 1n, firstOffset: 3n }]), [50]);
  });

  test('drops both of two aborted transactions of one producer, not what lies between', () => {
    const log = [data(0n, 1n), marker(1n, 1n, 0), data(2n, 1n), marker(3n, 1n, 1), data(4n, 1n), marker(5n, 1n, 0)];
    const list = [
      { producerId: 1n, firstOffset: 4n },
      { producerId: 1n, firstOffset: 0n },
    ];
    assert.deepEqual(abortedOffsets(log, list), [0, 4]);
  });

  test('a commit marker ends no aborted transaction, and plain batches of the producer are not in one', () => {
    const log = [data(0n, 1n), data(1n, 1n, false), marker(2n, 1n, 1), data(3n, 1n)];
    assert.deepEqual(abortedOffsets(log, [{ producerId: 1n, firstOffset: 0n }]), [0, 3]);
  });

  test('a marker emptied by compaction says nothing; one that cannot be read is BATCH_CORRUPT', () => {
    const list = [{ producerId: 1n, firstOffset: 0n }];
    const emptied = buildBatch([], { baseOffset: 1n, producerId: 1n, transactional: true, control: true });
    assert.deepEqual(abortedOffsets([data(0n, 1n), emptied, data(2n, 1n)], list), [0, 2]);
    assert.throws(() => abortedOffsets([marker(0n, 1n, 0, { codec: 'gzip' })], list), { code: 'BATCH_CORRUPT' });
    const keyless = buildBatch([value], { producerId: 1n, transactional: true, control: true });
    assert.throws(() => abortedOffsets([keyless], list), { code: 'BATCH_CORRUPT' });
  });

  test('begins every response anew', () => {
    const filter = new TxnFilter().reset([{ producerId: 1n, firstOffset: 0n }]);
    const cursor = scanBatches(data(0n, 1n));
    assert.ok(cursor.next());
    assert.equal(filter.isAborted(cursor), true);
    assert.equal(filter.reset([]).isAborted(cursor), false);
  });
});
