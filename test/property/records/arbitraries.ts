import fc from 'fast-check';
import type { CodecName } from '../../../common/kafka/wire/records/compression.js';
import type { KafkaRecord } from '../../../common/kafka/wire/records/record-codec.js';

const bytes = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

const nullableBytes = (maxLength: number): fc.Arbitrary<Buffer | null> => fc.option(bytes(maxLength), { nil: null });

/** Mostly the present, sometimes none, sometimes anything an int64 can hold. */
const timestamp: fc.Arbitrary<bigint> = fc.oneof(
  { weight: 6, arbitrary: fc.bigInt({ min: 1_700_000_000_000n, max: 1_700_000_100_000n }) },
  { weight: 1, arbitrary: fc.constant(-1n) },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }) },
);

export const recordArbitrary: fc.Arbitrary<KafkaRecord> = fc.record(
  {
    key: nullableBytes(40),
    value: nullableBytes(300),
    headers: fc.array(fc.tuple(bytes(12), nullableBytes(20)), { maxLength: 4 }),
    timestamp,
  },
  { noNullPrototype: true },
);

export const recordsArbitrary = (minLength = 1): fc.Arbitrary<KafkaRecord[]> =>
  fc.array(recordArbitrary, { minLength, maxLength: 30 });

export const codecArbitrary: fc.Arbitrary<CodecName> = fc.constantFrom('none', 'gzip', 'snappy', 'lz4', 'zstd');

/** Strictly growing offset deltas for that many records, with holes, and the batch's last delta behind them. */
export const holesArbitrary = (count: number): fc.Arbitrary<{ offsetDeltas: number[]; lastOffsetDelta: number }> =>
  fc
    .tuple(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: count, maxLength: count }), fc.nat(20))
    .map(([steps, behind]) => {
      let delta = -1;
      const offsetDeltas = steps.map((step) => (delta += step));
      return { offsetDeltas, lastOffsetDelta: delta + behind };
    });

/** What must survive every way through the mirror. */
export const contentOf = (record: KafkaRecord): KafkaRecord => ({
  key: record.key,
  value: record.value,
  headers: record.headers,
  timestamp: record.timestamp,
});
