import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { maxTimestampMs, readOffset } from '../../../../common/kafka/wire/records/batch-header.js';
import { scanBatches } from '../../../../common/kafka/wire/records/batch-scan.js';
import { buildBatch } from '../../../../common/kafka/wire/records/build-batch.js';
import type { KafkaRecord } from '../../../../common/kafka/wire/records/record-codec.js';

const record: KafkaRecord = { key: null, value: Buffer.from('v'), headers: [], timestamp: 1_700_000_000_123n };
const batchAt = (baseOffset: bigint, count = 1): Buffer =>
  buildBatch(
    Array.from({ length: count }, () => record),
    { baseOffset },
  );

describe('batch scan', () => {
  test('walks concatenated batches and shows their headers', () => {
    const cursor = scanBatches(Buffer.concat([batchAt(5n, 2), batchAt(7n), batchAt(100n, 3)]));
    const seen: number[][] = [];
    while (cursor.next()) seen.push([cursor.baseOffset, cursor.lastOffset, cursor.recordCount, cursor.magic]);
    assert.deepEqual(seen, [
      [5, 6, 2, 2],
      [7, 7, 1, 2],
      [100, 102, 3, 2],
    ]);
    assert.equal(cursor.partial, false);
    assert.equal(cursor.next(), false);
  });

  test('ends at a batch that is cut off, wherever the cut is, and says how large it would be', () => {
    const first = batchAt(0n, 3);
    const second = batchAt(3n, 9);
    for (let kept = 1; kept < second.length; kept++) {
      const cursor = scanBatches(Buffer.concat([first, second.subarray(0, kept)]));
      assert.ok(cursor.next());
      assert.equal(cursor.next(), false);
      assert.equal(cursor.partial, true);
      assert.equal(cursor.partialBytes, kept < 12 ? 0 : second.length);
    }
  });

  test('an empty response has no batches and is not partial', () => {
    const cursor = scanBatches(Buffer.alloc(0));
    assert.equal(cursor.next(), false);
    assert.equal(cursor.partial, false);
  });

  test('lengths, counts and offsets that no log holds are BATCH_CORRUPT', () => {
    const faults: [string, (batch: Buffer) => void][] = [
      ['negative length', (batch) => batch.writeInt32BE(-1, 8)],
      ['length 0', (batch) => batch.writeInt32BE(0, 8)],
      ['length beyond any broker’s limit', (batch) => batch.writeInt32BE(0x7fff_ffff, 8)],
      ['magic 2 shorter than its header', (batch) => batch.writeInt32BE(30, 8)],
      ['negative count', (batch) => batch.writeInt32BE(-5, 57)],
      ['more records than offsets', (batch) => batch.writeInt32BE(2, 57)],
      ['negative delta', (batch) => batch.writeInt32BE(-1, 23)],
      ['negative offset', (batch) => batch.writeBigInt64BE(-1n, 0)],
      ['offset 2^53', (batch) => batch.writeBigInt64BE(2n ** 53n, 0)],
    ];
    for (const [name, damage] of faults) {
      const batch = batchAt(0n);
      damage(batch);
      assert.throws(() => scanBatches(batch).next(), { code: 'BATCH_CORRUPT' }, name);
    }
  });

  test('offsets up to 2^53 - 1 are exact', () => {
    const bytes = Buffer.alloc(8);
    for (const offset of [0n, 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 52n + 3n, 2n ** 53n - 1n]) {
      bytes.writeBigInt64BE(offset);
      assert.equal(BigInt(readOffset(bytes, 0)), offset);
    }
  });

  test('the maximum timestamp comes as milliseconds, -1 for none', () => {
    assert.equal(maxTimestampMs(batchAt(0n), 0), 1_700_000_000_123);
    assert.equal(maxTimestampMs(buildBatch([{ ...record, timestamp: -1n }]), 0), -1);
  });

  test('messages of magic 0 and 1 show their own offset and no count', () => {
    const message = Buffer.alloc(40);
    message.writeBigInt64BE(77n);
    message.writeInt32BE(28, 8);
    message[16] = 1;
    const cursor = scanBatches(message);
    assert.ok(cursor.next());
    assert.deepEqual([cursor.magic, cursor.baseOffset, cursor.lastOffset, cursor.recordCount], [1, 77, 77, -1]);
  });
});
