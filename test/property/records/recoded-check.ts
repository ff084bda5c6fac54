import assert from 'node:assert/strict';
import { scanBatches } from '../../../common/kafka/wire/records/batch-scan.js';
import { codecOf } from '../../../common/kafka/wire/records/compression.js';
import type { RecodedBatch } from '../../../common/kafka/wire/records/recoded-batch.js';
import { decodeBatch, type KafkaRecord } from '../../../common/kafka/wire/records/record-codec.js';
import { contentOf } from './arbitraries.js';

/** A record and its place in the source's log. */
export interface Placed extends KafkaRecord {
  readonly offset: number;
}

/** What was made holds exactly these records, under exactly these source offsets, in batches that a target accepts. */
export function assertHolds(made: readonly RecodedBatch[], expected: readonly Placed[]): void {
  let next = 0;
  for (const { batch, recordCount, firstOffset, lastOffset, sourceOffsets, codec } of made) {
    const cursor = scanBatches(batch.buffer.subarray(batch.start, batch.start + batch.length));
    assert.ok(cursor.next());
    assert.equal(cursor.length, batch.length);
    assert.equal(cursor.magic, 2);
    assert.equal(cursor.lastOffset - cursor.baseOffset + 1, cursor.recordCount, 'no holes');
    assert.equal(cursor.recordCount, recordCount);
    assert.equal(cursor.baseOffset, firstOffset);
    assert.equal(cursor.attributes & ~7, 0, 'bits 3-6 are clear');
    assert.equal(codecOf(cursor.attributes), codec);

    const wanted = expected.slice(next, next + recordCount);
    next += recordCount;
    // Checks the CRC as well.
    const decoded = decodeBatch(cursor.buffer);
    assert.deepEqual(decoded.records.map(contentOf), wanted.map(contentOf));
    assert.deepEqual(
      decoded.records.map((record) => Number(record.offset) - firstOffset),
      wanted.map((_, index) => index),
    );
    const offsets = wanted.map((record) => record.offset);
    assert.deepEqual([firstOffset, lastOffset], [offsets[0], offsets.at(-1)]);
    const dense = lastOffset - firstOffset + 1 === recordCount;
    assert.equal(sourceOffsets === null, dense, 'listed only where there are gaps');
    assert.deepEqual([...(sourceOffsets ?? offsets)], offsets);
    assert.equal(cursor.buffer.readBigInt64BE(35), latestOf(wanted));
    assert.deepEqual(
      [cursor.buffer.readBigInt64BE(43), cursor.buffer.readInt16BE(51), cursor.buffer.readInt32BE(53)],
      [-1n, -1, -1],
    );
  }
  assert.equal(next, expected.length, 'no record is missing');
}

/** Each batch keeps the limit, unless it holds a single record. */
export function assertWithin(made: readonly RecodedBatch[], maxBytes: number): void {
  for (const { batch, recordCount } of made) {
    assert.ok(batch.length <= maxBytes || recordCount === 1, `${recordCount} records in ${batch.length} bytes`);
  }
}

function latestOf(records: readonly KafkaRecord[]): bigint {
  let latest = -(2n ** 63n);
  for (const { timestamp } of records) if (timestamp > latest) latest = timestamp;
  return latest;
}
