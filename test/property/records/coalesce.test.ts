import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import fc from 'fast-check';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { coalesceBatches } from '../../../common/kafka/wire/records/coalesce.js';
import { loadCodecs } from '../../../common/kafka/wire/records/compression.js';
import { codecArbitrary, recordArbitrary } from './arbitraries.js';
import { assertHolds, type Placed } from './recoded-check.js';

before(loadCodecs);

const batchArbitrary = fc.record({
  records: fc.array(recordArbitrary, { minLength: 1, maxLength: 8 }),
  codec: codecArbitrary,
  /** Offsets missing in front of it: markers, or what was cleaned away. */
  gap: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(5000) }),
  transactional: fc.boolean(),
  appended: fc.boolean(),
  horizon: fc.boolean(),
  epoch: fc.nat(9),
});

describe('coalescing', () => {
  test('gives one batch with exactly the records of its sources, in order', () => {
    fc.assert(
      fc.property(
        fc.array(batchArbitrary, { minLength: 1, maxLength: 12 }),
        fc.option(codecArbitrary, { nil: undefined }),
        fc.nat(2 ** 45),
        (made, codec, base) => {
          const expected: Placed[] = [];
          let next = base;
          const pieces = made.map((one) => {
            next += one.gap;
            const batch = buildBatch(one.records, {
              codec: one.codec,
              baseOffset: BigInt(next),
              partitionLeaderEpoch: one.epoch,
              producerId: 7n,
              baseSequence: 3,
              transactional: one.transactional,
              ...(one.appended ? { logAppendTime: 1_800_000_000_000n } : {}),
              ...(one.horizon ? { deleteHorizon: 1_900_000_000_000n } : {}),
            });
            for (const record of one.records) expected.push({ ...record, offset: next++ });
            return batch;
          });
          // As in a fetch response: one behind the other in one buffer.
          const buffer = Buffer.concat(pieces);
          const untouched = Buffer.from(buffer);
          let end = 0;
          const sources = pieces.map(({ length }) => {
            end += length;
            return { buffer, start: end - length, length };
          });
          const merged = coalesceBatches(sources, codec === undefined ? {} : { codec });
          assertHolds([merged], expected);
          assert.equal(merged.codec, codec ?? made[0]?.codec);
          assert.equal(merged.batch.buffer.readInt32BE(merged.batch.start + 12), made.at(-1)?.epoch);
          assert.deepEqual(buffer, untouched);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('of 20,000 batches of one record is dense, with the gaps told', () => {
    const expected = Array.from(
      { length: 20_000 },
      (_, i): Placed => ({
        key: Buffer.from(`k${i}`),
        value: Buffer.alloc(100, i),
        headers: [],
        timestamp: 1_700_000_000_000n + BigInt(i),
        offset: i + Math.floor(i / 100),
      }),
    );
    const sources = expected.map((record) => {
      const buffer = buildBatch([record], { baseOffset: BigInt(record.offset) });
      return { buffer, start: 0, length: buffer.length };
    });
    assertHolds([coalesceBatches(sources)], expected);
  });
});
