import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchAround, sealBatch } from '../../../../common/kafka/wire/records/batch-writer.js';
import { buildBatch } from '../../../../common/kafka/wire/records/build-batch.js';
import { canCompress } from '../../../../common/kafka/wire/records/compression.js';
import { decodeBatch } from '../../../../common/kafka/wire/records/record-codec.js';
import { reshapeLoaded } from '../../../../common/kafka/wire/records/reshape.js';

const LZ4 = 3;

/** An lz4 frame of one stored block: needs no compressor. */
function lz4Frame(content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE((content.length | 0x8000_0000) >>> 0);
  return Buffer.concat([Buffer.from('04224d18604082', 'hex'), length, content, Buffer.alloc(4)]);
}

// Runs in a process of its own (scripts/lib/test-files.mjs), in which no codec has been loaded.
test('a codec that can be read but not written here is re-emitted uncompressed, and the result says so', () => {
  assert.equal(canCompress('lz4'), false);
  const record = { key: Buffer.from('k'), value: Buffer.from('v'), headers: [], timestamp: 1_700_000_000_000n };
  const plain = buildBatch([record, record], { offsetDeltas: [1, 4] });
  const source = sealBatch(batchAround(lz4Frame(plain.subarray(61))), {
    baseOffset: 7n,
    partitionLeaderEpoch: 0,
    attributes: LZ4,
    lastOffsetDelta: 4,
    baseTimestamp: record.timestamp,
    maxTimestamp: record.timestamp,
    producerId: -1n,
    producerEpoch: -1,
    baseSequence: -1,
    recordCount: 2,
  });
  const [recoded] = reshapeLoaded({ buffer: source, start: 0, length: source.length });
  assert.ok(recoded !== undefined);
  assert.equal(recoded.codec, 'none');
  const decoded = decodeBatch(recoded.batch.buffer);
  assert.equal(decoded.attributes, 0);
  assert.deepEqual(
    decoded.records.map(({ key, value }) => [key, value]),
    [
      [record.key, record.value],
      [record.key, record.value],
    ],
  );
});
