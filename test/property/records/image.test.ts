import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import fc from 'fast-check';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { loadCodecs } from '../../../common/kafka/wire/records/compression.js';
import { decodeBatch } from '../../../common/kafka/wire/records/record-codec.js';
import { batchImage, nextSequence, producerIdentity } from '../../../worker/core/batch-image.js';
import { codecArbitrary, contentOf, recordsArbitrary } from './arbitraries.js';

before(loadCodecs);

const sourceOptions = fc.record({
  codec: codecArbitrary,
  baseOffset: fc.bigInt({ min: 0n, max: 2n ** 52n }),
  partitionLeaderEpoch: fc.integer({ min: -1, max: 1000 }),
  producerId: fc.bigInt({ min: -1n, max: 2n ** 62n }),
  producerEpoch: fc.integer({ min: -1, max: 32_767 }),
  baseSequence: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
  transactional: fc.boolean(),
});

const identity = fc.record({
  id: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  epoch: fc.integer({ min: 0, max: 32_767 }),
  sequence: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
});

/** Header bytes that the image may change: base offset, leader epoch, CRC, the low attributes byte, the producer's three fields. */
const PERMITTED = new Set(
  [
    [0, 8],
    [12, 16],
    [17, 21],
    [22, 23],
    [43, 57],
  ].flatMap(([from, to]) =>
    Array.from({ length: (to as number) - (from as number) }, (_, index) => (from as number) + index),
  ),
);

describe('batch image', () => {
  test('differs from the source only in the permitted bytes, has a right CRC, leaves the source alone', () => {
    fc.assert(
      fc.property(
        recordsArbitrary(1),
        sourceOptions,
        identity,
        fc.nat(100),
        fc.boolean(),
        fc.boolean(),
        (records, options, own, offset, appended, transactional) => {
          const batch = buildBatch(records, appended ? { ...options, logAppendTime: 1_800_000_000_000n } : options);
          const buffer = Buffer.concat([Buffer.alloc(offset, 0xee), batch, Buffer.alloc(7, 0xdd)]);
          const untouched = Buffer.from(buffer);
          const source = { buffer, start: offset, length: batch.length };
          const producer = producerIdentity(own.id, own.epoch, transactional);
          const image = batchImage(source, producer, own.sequence);
          assert.deepEqual(buffer, untouched);
          const sent = Buffer.concat([image.header, image.payload]);
          for (let i = 0; i < batch.length; i++) if (!PERMITTED.has(i)) assert.equal(sent[i], batch[i], `byte ${i}`);
          assert.equal(sent.length, batch.length);
          assert.equal(sent.readBigInt64BE(0), 0n);
          assert.equal(sent.readInt32BE(12), -1);
          assert.equal(sent.readUInt16BE(21), (batch.readUInt16BE(21) & 0x07) | (transactional ? 0x10 : 0));
          assert.equal(sent.readBigInt64BE(43), own.id);
          assert.equal(sent.readInt16BE(51), own.epoch);
          assert.equal(sent.readInt32BE(53), own.sequence);
          // decodeBatch checks the CRC in full.
          assert.deepEqual(decodeBatch(sent).records.map(contentOf), records);
          assert.equal(image.payload.buffer, buffer.buffer, 'the payload is a view');

          const again = batchImage(source, producer, own.sequence);
          assert.deepEqual(again.header, image.header, 'a resend is the same bytes');
        },
      ),
      { numRuns: 500 },
    );
  });

  test('a payload damaged before stays detectable afterwards', () => {
    fc.assert(
      fc.property(
        recordsArbitrary(1),
        codecArbitrary,
        identity,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (records, codec, own, where, flip) => {
          const batch = buildBatch(records, { codec });
          const at = 61 + (where % (batch.length - 61));
          batch[at] = (batch[at] as number) ^ flip;
          const image = batchImage(
            { buffer: batch, start: 0, length: batch.length },
            producerIdentity(own.id, own.epoch),
            own.sequence,
          );
          assert.throws(() => decodeBatch(Buffer.concat([image.header, image.payload])), { code: 'BATCH_CORRUPT' });
        },
      ),
      { numRuns: 200 },
    );
  });

  test('sequences count records modulo 2^31', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 31 - 1 }),
        fc.integer({ min: 1, max: 2 ** 31 - 1 }),
        (sequence, count) => {
          assert.equal(nextSequence(sequence, count), Number((BigInt(sequence) + BigInt(count)) % 2n ** 31n));
        },
      ),
    );
  });
});
