import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { batchAround, sealBatch } from '../../../../common/kafka/wire/records/batch-writer.js';
import { type BuildBatchOptions, buildBatch } from '../../../../common/kafka/wire/records/build-batch.js';
import { coalesceBatches } from '../../../../common/kafka/wire/records/coalesce.js';
import { CODEC_NAMES, codecReady, loadCodecs } from '../../../../common/kafka/wire/records/compression.js';
import { decodeBatch, type KafkaRecord } from '../../../../common/kafka/wire/records/record-codec.js';
import { reshapeBatch, reshapeLoaded } from '../../../../common/kafka/wire/records/reshape.js';

const record = (bytes: number, seed = 0): KafkaRecord => ({
  key: Buffer.from(`k${seed}`),
  // Nothing compresses it.
  value: Buffer.from(Array.from({ length: bytes }, (_, i) => (Math.imul(i + seed * 977, 2_654_435_761) >>> 13) & 0xff)),
  headers: [],
  timestamp: 1_700_000_000_000n + BigInt(seed),
});
const slice = (buffer: Buffer) => ({ buffer, start: 0, length: buffer.length });
const made = (sizes: readonly number[], options: BuildBatchOptions = {}): Buffer =>
  buildBatch(sizes.map(record), { baseOffset: 100n, ...options });

describe('splitting', () => {
  before(loadCodecs);

  for (const codec of CODEC_NAMES) {
    test(`a ${codec} record larger than the limit gets a batch of its own between its neighbours`, () => {
      const parts = reshapeLoaded(slice(made([300, 300, 9_000, 300, 300], { codec })), { maxBytes: 1_200 });
      assert.deepEqual(
        parts.map((part) => [part.firstOffset, part.lastOffset]),
        [
          [100, 101],
          [102, 102],
          [103, 104],
        ],
      );
      assert.deepEqual(
        parts.map((part) => part.batch.length <= 1_200),
        [true, false, true],
      );
    });
  }

  test('of an uncompressed batch fills each part as far as it goes', () => {
    const source = made([100, 100, 100, 100, 100]);
    // Around 100 bytes of value a length of two bytes, five fields of one, the key of two and the value's length of two.
    const three = reshapeLoaded(slice(source), { maxBytes: 61 + 3 * 111 });
    assert.deepEqual(
      three.map((part) => part.recordCount),
      [3, 2],
    );
    assert.equal(three[0]?.batch.length, 61 + 3 * 111);
    const two = reshapeLoaded(slice(source), { maxBytes: 61 + 3 * 111 - 1 });
    assert.deepEqual(
      two.map((part) => part.recordCount),
      [2, 2, 1],
    );
  });

  test('leaves a batch whole that is exactly as large as the limit', () => {
    for (const codec of CODEC_NAMES) {
      const source = made([400, 400, 400], { codec });
      assert.equal(reshapeLoaded(slice(source), { maxBytes: source.length }).length, 1, codec);
    }
  });

  test('tells the source offsets only of the parts that have gaps', () => {
    const parts = reshapeLoaded(slice(made([100, 100, 100, 100], { offsetDeltas: [0, 1, 5, 9] })), { maxBytes: 300 });
    assert.deepEqual(
      parts.map((part) => part.sourceOffsets && [...part.sourceOffsets]),
      [null, [105, 109]],
    );
  });

  test('gives each part the greatest timestamp of its own records', () => {
    const times = [5n, 90n, 7n, 2n ** 60n, 3n].map((timestamp, index) => ({ ...record(200, index), timestamp }));
    const parts = reshapeLoaded(slice(buildBatch(times)), { maxBytes: 500 });
    assert.deepEqual(
      parts.map((part) => part.batch.buffer.readBigInt64BE(35)),
      [90n, 2n ** 60n, 3n],
    );
  });
});

describe('reshaping', () => {
  test('loads what it needs, for the source and for the target', async () => {
    for (const codec of ['lz4', 'zstd'] as const) {
      const [part] = await reshapeBatch(slice(made([500, 500])), { codec });
      assert.equal(part?.codec, codec);
      assert.ok(codecReady(codec));
      assert.equal(decodeBatch(part.batch.buffer).records.length, 2);
    }
  });

  test('of records of which none is wanted gives no batch', () => {
    const source = slice(made([10, 10]));
    assert.deepEqual(reshapeLoaded(source, { omit: new Set([100, 101]) }), []);
    assert.deepEqual(reshapeLoaded(source, { fromOffset: 102 }), []);
    assert.deepEqual(reshapeLoaded(slice(buildBatch([], { lastOffsetDelta: 4 }))), []);
  });

  test('verifies the CRC before all else, even where the attributes make no sense', () => {
    for (const at of [22, 30, 61, 70]) {
      const batch = made([50, 50]);
      batch[at] = (batch[at] as number) ^ 0x07;
      assert.throws(() => reshapeLoaded(slice(batch)), { code: 'BATCH_CORRUPT' }, `byte ${at}`);
    }
  });

  test('never makes records of a marker', () => {
    assert.throws(() => reshapeLoaded(slice(made([4], { control: true }))), { code: 'BATCH_UNSUPPORTED' });
  });
});

describe('coalescing', () => {
  before(loadCodecs);

  test('takes only what may be merged', () => {
    const good = slice(made([10]));
    const later = (options: BuildBatchOptions) => slice(made([10, 10], { baseOffset: 500n, ...options }));
    assert.equal(coalesceBatches([good, later({})]).recordCount, 3);
    for (const wrong of [later({ control: true }), later({ offsetDeltas: [0, 2] }), later({ lastOffsetDelta: 3 })])
      assert.throws(() => coalesceBatches([good, wrong]), { code: 'BATCH_UNSUPPORTED' });
    assert.throws(() => coalesceBatches([later({}), good]), { code: 'BATCH_CORRUPT' });
    assert.throws(() => coalesceBatches([good, good]), { code: 'BATCH_CORRUPT' });
    assert.throws(() => coalesceBatches([]), { code: 'INTERNAL_INVARIANT' });
    const damaged = later({});
    damaged.buffer[75] = 0xff;
    assert.throws(() => coalesceBatches([good, damaged]), { code: 'BATCH_CORRUPT' });
  });

  test('refuses a batch whose header hides holes or claims more than it holds', () => {
    const fields = {
      baseOffset: 0n,
      partitionLeaderEpoch: 0,
      attributes: 0,
      baseTimestamp: 0n,
      maxTimestamp: 0n,
      producerId: -1n,
      producerEpoch: -1,
      baseSequence: -1,
    };
    const payload = made([10, 10], { offsetDeltas: [0, 2] }).subarray(61);
    const hiding = sealBatch(batchAround(payload), { ...fields, lastOffsetDelta: 1, recordCount: 2 });
    assert.throws(() => coalesceBatches([slice(hiding)]), { code: 'BATCH_CORRUPT' });
    const claiming = sealBatch(batchAround(payload), {
      ...fields,
      lastOffsetDelta: 0x7fff_fffe,
      recordCount: 0x7fff_ffff,
    });
    assert.throws(() => coalesceBatches([slice(claiming)]), { code: 'BATCH_CORRUPT' });
  });

  test('keeps timestamps that are further apart than a Number can say', () => {
    const times = [5n, -1n, 2n ** 62n, 0n, 2n ** 63n - 1n];
    const sources = times.map((timestamp, i) =>
      slice(buildBatch([{ ...record(3, i), timestamp }], { baseOffset: BigInt(i) })),
    );
    const merged = decodeBatch(coalesceBatches(sources).batch.buffer);
    assert.deepEqual(
      merged.records.map((one) => one.timestamp),
      times,
    );
  });

  test('stops at the limit of what one batch may hold', () => {
    const bomb = buildBatch([{ ...record(1), value: Buffer.alloc(100 << 20) }], { codec: 'gzip', baseOffset: 1n });
    const again = buildBatch([{ ...record(1), value: Buffer.alloc(100 << 20) }], { codec: 'gzip', baseOffset: 2n });
    assert.throws(() => coalesceBatches([slice(bomb), slice(again)]), { code: 'BATCH_UNSUPPORTED' });
    const [one, two] = [slice(made([400], { codec: 'gzip' })), slice(made([400], { baseOffset: 200n }))];
    assert.equal(coalesceBatches([one, two], { maxContentBytes: 900 }).recordCount, 2);
    assert.throws(() => coalesceBatches([one, two], { maxContentBytes: 800 }), { code: 'BATCH_UNSUPPORTED' });
    assert.throws(() => coalesceBatches([one, two], { maxContentBytes: 300 }), { code: 'BATCH_UNSUPPORTED' });
  });
});
