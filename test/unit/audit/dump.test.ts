import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BuildBatchOptions, buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { decodeFetched } from '../../audit/dump.js';

const abortKey = Buffer.from([0, 0, 0, 0]);
const commitKey = Buffer.from([0, 0, 0, 1]);

function batch(baseOffset: number, values: readonly string[], options: BuildBatchOptions = {}): Buffer {
  const records = values.map((value) => ({ key: null, value: Buffer.from(value), headers: [], timestamp: 5n }));
  return buildBatch(records, { baseOffset: BigInt(baseOffset), ...options });
}

function marker(baseOffset: number, producerId: bigint, key: Buffer): Buffer {
  const record = { key, value: Buffer.alloc(6), headers: [], timestamp: 5n };
  return buildBatch([record], {
    baseOffset: BigInt(baseOffset),
    producerId,
    producerEpoch: 0,
    transactional: true,
    control: true,
  });
}

const of = (producerId: bigint): BuildBatchOptions => ({
  producerId,
  producerEpoch: 0,
  baseSequence: 0,
  transactional: true,
});
const valuesOf = (result: ReturnType<typeof decodeFetched>): string[] =>
  result.records.map(({ value }) => String(value));

describe('reading a log as a read_committed consumer', () => {
  // 7 aborts its first transaction and commits its second; 8 commits; 9 writes without one.
  const log = Buffer.concat([
    batch(0, ['a7', 'b7'], of(7n)),
    batch(2, ['a8'], of(8n)),
    batch(3, ['a9'], { producerId: 9n, producerEpoch: 0, baseSequence: 0 }),
    marker(4, 7n, abortKey),
    batch(5, ['c7'], of(7n)),
    marker(6, 8n, commitKey),
    marker(7, 7n, commitKey),
    batch(8, ['plain']),
  ]);
  const aborted = [{ producerId: 7n, firstOffset: 0 }];

  test('aborted records and markers are left out, the same producer’s next transaction is not', () => {
    const result = decodeFetched(log, 0, aborted);
    assert.deepEqual(valuesOf(result), ['a8', 'a9', 'c7', 'plain']);
    assert.deepEqual(
      result.records.map(({ offset }) => offset),
      [2, 3, 5, 8],
    );
    assert.equal(result.nextOffset, 9);
  });

  test('a batch that begins before the fetch offset is trimmed, not read twice', () => {
    const result = decodeFetched(batch(10, ['a', 'b', 'c']), 11, []);
    assert.deepEqual(valuesOf(result), ['b', 'c']);
    assert.equal(result.nextOffset, 13);
  });

  test('a batch that the answer cuts off is left for the next fetch', () => {
    const whole = batch(0, ['a']);
    const result = decodeFetched(Buffer.concat([whole, batch(1, ['b']).subarray(0, 65)]), 0, []);
    assert.deepEqual(valuesOf(result), ['a']);
    assert.equal(result.nextOffset, 1);
  });

  test('a damaged batch is an error and not a record', () => {
    const damaged = Buffer.from(batch(0, ['abc']));
    damaged[damaged.length - 2] = (damaged[damaged.length - 2] as number) ^ 1;
    assert.throws(() => decodeFetched(damaged, 0, []), { code: 'BATCH_CORRUPT' });
  });
});
