import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import fc from 'fast-check';
import { scanBatches } from '../../../common/kafka/wire/records/batch-scan.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { loadCodecs } from '../../../common/kafka/wire/records/compression.js';
import { patchCrc32c } from '../../../common/kafka/wire/records/crc-delta.js';
import { crc32c } from '../../../common/kafka/wire/records/crc32c.js';
import { decodeBatch } from '../../../common/kafka/wire/records/record-codec.js';
import { reshapeLoaded } from '../../../common/kafka/wire/records/reshape.js';
import { batchVerdict } from '../../../worker/core/batch-verdict.js';
import { codecArbitrary, contentOf, holesArbitrary, recordsArbitrary } from './arbitraries.js';

before(loadCodecs);

describe('record batches', () => {
  test('build then decode gives the same records, with every codec', () => {
    fc.assert(
      fc.property(
        recordsArbitrary(0),
        codecArbitrary,
        fc.bigInt({ min: 0n, max: 2n ** 50n }),
        (records, codec, baseOffset) => {
          const decoded = decodeBatch(buildBatch(records, { codec, baseOffset }));
          assert.deepEqual(decoded.records.map(contentOf), records);
          assert.deepEqual(
            decoded.records.map((record) => record.offset),
            records.map((_, index) => baseOffset + BigInt(index)),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  test('a CRC patched for any change of the header equals the full recomputation', () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 36 }),
        fc.uint8Array({ maxLength: 3000 }),
        bytes(36),
        bytes(36),
        (changed, rest, a, b) => {
          const before = Buffer.concat([a.subarray(0, changed), rest]);
          const after = Buffer.concat([b.subarray(0, changed), rest]);
          assert.equal(patchCrc32c(crc32c(before), before, 0, after, 0, changed, rest.length), crc32c(after));
        },
      ),
      { numRuns: 1000 },
    );
  });
});

const compacted = recordsArbitrary(1).chain((records) =>
  holesArbitrary(records.length).map((holes) => ({ records, ...holes })),
);

describe('recoding', () => {
  test('keeps every record from the position on, in order, under dense offsets, with the same codec', () => {
    fc.assert(
      fc.property(compacted, codecArbitrary, fc.nat(100), fc.nat(2000), (made, codec, base, skip) => {
        const { records, offsetDeltas, lastOffsetDelta } = made;
        const source = buildBatch(records, {
          codec,
          baseOffset: BigInt(base),
          offsetDeltas,
          lastOffsetDelta,
          producerId: 9n,
        });
        const untouched = Buffer.from(source);
        const fromOffset = base + (skip % (lastOffsetDelta + 2));
        const [recoded] = reshapeLoaded({ buffer: source, start: 0, length: source.length }, { fromOffset });
        assert.deepEqual(source, untouched);
        const kept = records.filter((_, index) => base + (offsetDeltas[index] as number) >= fromOffset);
        if (recoded === undefined) {
          assert.equal(kept.length, 0);
          return;
        }
        const offsets = offsetDeltas.map((delta) => base + delta).filter((offset) => offset >= fromOffset);
        assert.deepEqual(decodeBatch(recoded.batch.buffer).records.map(contentOf), kept);
        assert.equal(recoded.codec, codec);
        assert.equal(recoded.firstOffset, offsets[0]);
        assert.equal(recoded.lastOffset, offsets.at(-1));
        const { firstOffset, recordCount, sourceOffsets } = recoded;
        const mapped = sourceOffsets ?? Float64Array.from({ length: recordCount }, (_, index) => firstOffset + index);
        assert.deepEqual([...mapped], offsets);

        const cursor = scanBatches(recoded.batch.buffer);
        assert.ok(cursor.next());
        assert.equal(batchVerdict(cursor, 0, false).kind, 'raw');
        let latest = -(2n ** 63n);
        for (const { timestamp } of kept) if (timestamp > latest) latest = timestamp;
        assert.equal(recoded.batch.buffer.readBigInt64BE(35), latest);
      }),
      { numRuns: 500 },
    );
  });

  test('takes the append time where asked, else the producers’ times, and clears the bit', () => {
    fc.assert(
      fc.property(recordsArbitrary(1), codecArbitrary, fc.boolean(), (records, codec, flatten) => {
        const batch = buildBatch(records, { codec, logAppendTime: 1_800_000_000_000n });
        const appendTime = flatten ? 'append-time' : 'producer-time';
        const [recoded] = reshapeLoaded({ buffer: batch, start: 0, length: batch.length }, { appendTime });
        assert.ok(recoded !== undefined);
        assert.equal(recoded.batch.buffer.readUInt16BE(21) & 0x08, 0);
        const expected = flatten ? records.map((record) => ({ ...record, timestamp: 1_800_000_000_000n })) : records;
        assert.deepEqual(decodeBatch(recoded.batch.buffer).records.map(contentOf), expected);
      }),
      { numRuns: 200 },
    );
  });
});
