import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import fc from 'fast-check';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { CODEC_NAMES, loadCodecs } from '../../../common/kafka/wire/records/compression.js';
import type { KafkaRecord } from '../../../common/kafka/wire/records/record-codec.js';
import { reshapeBatch, reshapeLoaded } from '../../../common/kafka/wire/records/reshape.js';
import { codecArbitrary, holesArbitrary, recordsArbitrary } from './arbitraries.js';
import { assertHolds, assertWithin, type Placed } from './recoded-check.js';

before(loadCodecs);

const APPEND_TIME = 1_800_000_000_000n;

const sourceArbitrary = recordsArbitrary(0).chain((records) =>
  fc.record({
    records: fc.constant(records),
    holes: fc.oneof(fc.constant(undefined), holesArbitrary(records.length)),
    codec: codecArbitrary,
    base: fc.nat(2 ** 40),
    appended: fc.boolean(),
    // The cleaner's deadline: the deltas are relative to it.
    horizon: fc.boolean(),
    transactional: fc.boolean(),
  }),
);

const optionsArbitrary = fc.record({
  from: fc.option(fc.nat(3000), { nil: undefined }),
  omit: fc.option(fc.array(fc.nat(40), { maxLength: 8 }), { nil: undefined }),
  appendTime: fc.constantFrom(undefined, 'producer-time' as const, 'append-time' as const),
  codec: fc.option(codecArbitrary, { nil: undefined }),
  maxBytes: fc.option(fc.integer({ min: 1, max: 4000 }), { nil: undefined }),
});

describe('reshaping', () => {
  test('gives exactly the records that are wanted, whatever the batch and the options', async () => {
    await fc.assert(
      fc.asyncProperty(sourceArbitrary, optionsArbitrary, async (made, wanted) => {
        const { records, base } = made;
        const deltas = made.holes?.offsetDeltas ?? records.map((_, index) => index);
        const source = buildBatch(records, {
          codec: made.codec,
          baseOffset: BigInt(base),
          ...made.holes,
          transactional: made.transactional,
          producerId: 9n,
          partitionLeaderEpoch: 5,
          ...(made.appended ? { logAppendTime: APPEND_TIME } : {}),
          ...(made.horizon ? { deleteHorizon: 1_900_000_000_000n } : {}),
        });
        const padded = Buffer.concat([Buffer.alloc(3, 0xee), source, Buffer.alloc(5, 0xdd)]);
        const untouched = Buffer.from(padded);

        const omit = wanted.omit && new Set(wanted.omit.map((index) => base + (deltas[index] ?? -1)));
        const fromOffset = wanted.from === undefined ? undefined : base + wanted.from;
        const { appendTime, codec, maxBytes } = wanted;
        const options = {
          ...(fromOffset === undefined ? {} : { fromOffset }),
          ...(omit === undefined ? {} : { omit }),
          ...(appendTime === undefined ? {} : { appendTime }),
          ...(codec === undefined ? {} : { codec }),
          ...(maxBytes === undefined ? {} : { maxBytes }),
        };
        const slice = { buffer: padded, start: 3, length: source.length };
        const parts = await reshapeBatch(slice, options);

        const flat = made.appended && appendTime === 'append-time';
        const expected = records
          .map(
            (record, index): Placed => ({
              ...record,
              timestamp: flat ? APPEND_TIME : record.timestamp,
              offset: base + (deltas[index] as number),
            }),
          )
          .filter(({ offset }) => offset >= (fromOffset ?? 0) && !omit?.has(offset));
        assertHolds(parts, expected);
        for (const part of parts) {
          assert.equal(part.codec, codec ?? made.codec);
          assert.equal(part.batch.buffer.readInt32BE(12), 5, 'the leader epoch stays');
        }
        assertWithin(parts, maxBytes ?? Number.POSITIVE_INFINITY);
        if (maxBytes === undefined) assert.ok(parts.length <= 1);
        assert.deepEqual(padded, untouched);
        assert.deepEqual(reshapeLoaded(slice, options), parts, 'the same again');
      }),
      { numRuns: 1500 },
    );
  });

  for (const codec of CODEC_NAMES) {
    const count = codec === 'none' || codec === 'lz4' ? 200_000 : 30_000;
    test(`a ${codec} batch of ${count} records is split, thinned and closed up`, () => {
      const records: KafkaRecord[] = Array.from({ length: count }, (_, i) => ({
        key: null,
        value: Buffer.from(`value ${Math.imul(i, 2_654_435_761) >>> 8}`),
        headers: [],
        timestamp: 1_700_000_000_000n + BigInt((i * 7919) % 1000),
      }));
      const offsetDeltas = records.map((_, i) => i + Math.floor(i / 1000));
      const source = buildBatch(records, { codec, baseOffset: 1000n, offsetDeltas });
      const omit = new Set([1005, 10_000, 10_015, 150_150]);
      const maxBytes = 2 * count;
      const parts = reshapeLoaded(
        { buffer: source, start: 0, length: source.length },
        { omit, maxBytes, fromOffset: 1003 },
      );
      const expected = records
        .map((record, i): Placed => ({ ...record, offset: 1000 + (offsetDeltas[i] as number) }))
        .filter(({ offset }) => offset >= 1003 && !omit.has(offset));
      assert.ok(parts.length > 1);
      assertWithin(parts, maxBytes);
      assertHolds(parts, expected);
      // Not many more batches than there must be.
      const total = parts.reduce((bytes, part) => bytes + part.batch.length, 0);
      assert.ok(parts.length <= 2 * Math.ceil(total / maxBytes) + 1, `${parts.length} parts of ${total} bytes`);
    });
  }
});
