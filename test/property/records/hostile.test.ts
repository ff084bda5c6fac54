import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import fc from 'fast-check';
import { isCausewayError } from '../../../common/errors/error.js';
import { scanBatches } from '../../../common/kafka/wire/records/batch-scan.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { coalesceBatches } from '../../../common/kafka/wire/records/coalesce.js';
import {
  CODEC_NAMES,
  type CodecName,
  compress,
  decompress,
  loadCodecs,
} from '../../../common/kafka/wire/records/compression.js';
import { crc32c } from '../../../common/kafka/wire/records/crc32c.js';
import { decodeBatches } from '../../../common/kafka/wire/records/record-codec.js';
import { reshapeLoaded } from '../../../common/kafka/wire/records/reshape.js';
import { TxnFilter } from '../../../common/kafka/wire/records/txn-filter.js';
import { batchImage, producerIdentity } from '../../../worker/core/batch-image.js';
import { batchVerdict } from '../../../worker/core/batch-verdict.js';
import { codecArbitrary, recordsArbitrary } from './arbitraries.js';

before(loadCodecs);

/** Overwrites one to four bytes, or cuts the end off. */
const damageArbitrary = fc.record({
  flips: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }),
  cut: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(60) }),
  headerOnly: fc.boolean(),
});

function damaged(batch: Buffer, damage: { flips: [number, number][]; cut: number; headerOnly: boolean }): Buffer {
  const copy = Buffer.from(batch);
  for (const [where, value] of damage.flips)
    copy[where % (damage.headerOnly ? Math.min(61, copy.length) : copy.length)] = value;
  return copy.subarray(0, Math.max(0, copy.length - damage.cut));
}

/** Makes the CRC right again, so that damage reaches the parser behind it. */
function resealed(batch: Buffer): Buffer {
  if (batch.length > 61) batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
  return batch;
}

/** Everything the data path does with strangers' bytes; only the two declared errors may come out. */
function treat(bytes: Buffer): void {
  const cursor = scanBatches(bytes);
  const filter = new TxnFilter().reset([{ producerId: 9n, firstOffset: 0n }]);
  try {
    while (cursor.next()) {
      const verdict = batchVerdict(cursor, 3, filter.isAborted(cursor));
      if (verdict.kind === 'raw') batchImage(cursor, producerIdentity(1n, 0), 0);
      if (verdict.kind === 'recode') reshapeLoaded(cursor, { fromOffset: 3 });
    }
    split(bytes);
    decodeBatches(bytes);
  } catch (error) {
    assert.ok(
      isCausewayError(error, 'BATCH_CORRUPT') || isCausewayError(error, 'BATCH_UNSUPPORTED'),
      String((error as Error).stack),
    );
  }
}

/** Whatever the verdict would have been. */
function split(bytes: Buffer): void {
  const cursor = scanBatches(bytes);
  if (!cursor.next()) return;
  const { buffer, start, length } = cursor;
  const parts = reshapeLoaded(cursor, { omit: new Set([4]), appendTime: 'append-time', maxBytes: 200 });
  assert.ok(parts.every((part) => part.batch.length <= 200 || part.recordCount === 1));
  const behind = buildBatch([{ key: null, value: null, headers: [], timestamp: 1n }], { baseOffset: 2n ** 53n - 2n });
  const merged = coalesceBatches([
    { buffer, start, length },
    { buffer: behind, start: 0, length: behind.length },
  ]);
  assert.equal(merged.recordCount, cursor.recordCount + 1);
}

describe('hostile batches', () => {
  const cases = fc.record({
    records: recordsArbitrary(1),
    codec: codecArbitrary,
    transactional: fc.boolean(),
    control: fc.boolean(),
    damages: fc.array(damageArbitrary, { minLength: 20, maxLength: 20 }),
  });

  test('24,000 damaged batches never crash, hang or allocate beyond the limit', () => {
    const before = process.memoryUsage.rss();
    fc.assert(
      fc.property(cases, ({ records, codec, transactional, control, damages }) => {
        const plain = control ? 'none' : codec;
        const batch = buildBatch(records, { codec: plain, baseOffset: 2n, producerId: 9n, transactional, control });
        for (const damage of damages) {
          treat(damaged(batch, damage));
          treat(resealed(damaged(batch, damage)));
        }
      }),
      { numRuns: 600 },
    );
    assert.ok(process.memoryUsage.rss() - before < 512 * 1024 * 1024, 'memory stays bounded');
  });

  test('damaged compressed blocks end in content or in a declared error', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 2000 }),
        codecArbitrary,
        fc.array(damageArbitrary, { minLength: 10, maxLength: 10 }),
        (content, codec, damages) => {
          const block = compress(codec, Buffer.concat([content, content]));
          for (const damage of damages) {
            if (block.length === 0) continue;
            try {
              assert.ok(decompress(codec, damaged(block, damage), 1_000_000).length <= 1_000_000);
            } catch (error) {
              assert.ok(
                isCausewayError(error, 'BATCH_CORRUPT') || isCausewayError(error, 'BATCH_UNSUPPORTED'),
                String(error),
              );
            }
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  for (const codec of CODEC_NAMES.filter((name): name is Exclude<CodecName, 'none'> => name !== 'none')) {
    test(`a ${codec} bomb is refused at the limit, without its content being allocated`, () => {
      const bomb = compress(codec, Buffer.alloc(64 * 1024 * 1024));
      const before = process.memoryUsage().arrayBuffers;
      assert.throws(() => decompress(codec, bomb, 1024 * 1024), { code: 'BATCH_UNSUPPORTED' });
      assert.ok(process.memoryUsage().arrayBuffers - before < 8 * 1024 * 1024);
      assert.equal(decompress(codec, bomb).length, 64 * 1024 * 1024);
    });
  }
});
