import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { isCausewayError } from '../../../common/errors/error.js';
import { scanBatches } from '../../../common/kafka/wire/records/batch-scan.js';
import { compress, loadCodecs } from '../../../common/kafka/wire/records/compression.js';
import { decodeBatches } from '../../../common/kafka/wire/records/record-codec.js';
import { reshapeBatch, reshapeLoaded } from '../../../common/kafka/wire/records/reshape.js';
import { codecArbitrary, recordArbitrary } from './arbitraries.js';
import { OLD_CODECS, oldEntry, oldSet, oldWrapper, resealEntry } from './old-format.js';
import { assertHolds, assertWithin, type Placed } from './recoded-check.js';

before(loadCodecs);

const setArbitrary = fc.record({
  magic: fc.constantFrom(0 as const, 1 as const),
  codec: fc.constantFrom(...OLD_CODECS),
  messages: fc.array(recordArbitrary, { minLength: 1, maxLength: 20 }),
  steps: fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 20, maxLength: 20 }),
  compacted: fc.boolean(),
  appendTime: fc.option(fc.constant(1_800_000_000_000n), { nil: undefined }),
  base: fc.nat(2 ** 40),
  firstInner: fc.nat(30),
});

type MadeSet = typeof setArbitrary extends fc.Arbitrary<infer T> ? T : never;

function made(set: MadeSet): { bytes: Buffer; records: Placed[] } {
  let offset = set.base + set.firstInner;
  const offsets = set.messages.map((_, index) => (offset += set.compacted ? (set.steps[index] as number) : 1));
  const { magic, codec, firstInner } = set;
  // A plain message of a LogAppendTime topic carries that time itself.
  const appendTime = magic === 1 && codec !== 'none' ? set.appendTime : undefined;
  const bytes = oldSet(set.messages, { magic, codec, offsets, firstInner, ...(appendTime ? { appendTime } : {}) });
  const records = set.messages.map(
    (message, index): Placed => ({
      key: message.key,
      value: message.value,
      headers: [],
      timestamp: magic === 0 ? -1n : (appendTime ?? message.timestamp),
      offset: offsets[index] as number,
    }),
  );
  return { bytes, records };
}

describe('message sets of the formats 0 and 1', () => {
  test('become batches of format 2 with the same records, whatever is left out, split or compressed anew', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(setArbitrary, { minLength: 1, maxLength: 3 }),
        fc.option(codecArbitrary, { nil: undefined }),
        fc.option(fc.nat(100), { nil: undefined }),
        fc.option(fc.integer({ min: 1, max: 1500 }), { nil: undefined }),
        fc.array(fc.nat(19), { maxLength: 4 }),
        async (sets, codec, from, maxBytes, omitted) => {
          // Sets of one log lie behind each other.
          let base = 0;
          const all = sets.map((set) => {
            const one = made({ ...set, base: base + (set.base % 1000) });
            base = (one.records.at(-1)?.offset ?? 0) + 1;
            return one;
          });
          const records = all.flatMap((one) => one.records);
          const omit = new Set(omitted.map((index) => records[index]?.offset ?? -1));
          const fromOffset = from === undefined ? 0 : (records[0]?.offset ?? 0) + from;
          const response = Buffer.concat([...all.map((one) => one.bytes), Buffer.alloc(11)]);
          const parts = [];
          const cursor = scanBatches(response);
          let previous = -1;
          while (cursor.next()) {
            assert.equal(cursor.recordCount, -1);
            assert.equal(cursor.baseOffset, cursor.lastOffset);
            assert.ok(cursor.lastOffset > previous);
            previous = cursor.lastOffset;
            const options = { fromOffset, omit, ...(codec ? { codec } : {}), ...(maxBytes ? { maxBytes } : {}) };
            const [slice, lastOffset] = [{ ...cursor }, cursor.lastOffset];
            const reshaped = await reshapeBatch(cursor, options);
            const here = records.filter((record) => record.offset <= lastOffset);
            assert.ok(reshaped.every((part) => part.lastOffset <= (here.at(-1)?.offset ?? -1)));
            assert.equal(slice.start, cursor.start);
            parts.push(...reshaped);
          }
          assert.equal(cursor.partial, true);
          assert.equal(previous, records.at(-1)?.offset);
          assertHolds(
            parts,
            records.filter(({ offset }) => offset >= fromOffset && !omit.has(offset)),
          );
          if (maxBytes !== undefined) assertWithin(parts, maxBytes);
          if (codec !== undefined) assert.ok(parts.every((part) => part.codec === codec));
        },
      ),
      { numRuns: 700 },
    );
  });

  test('keep their codec and decode for auditors as what they become', () => {
    fc.assert(
      fc.property(setArbitrary, (set) => {
        const { bytes, records } = made(set);
        const decoded = decodeBatches(bytes).flatMap((batch) => batch.records);
        assert.deepEqual(
          decoded.map((record) => ({ ...record, offset: Number(record.offset) })),
          records,
        );
        const cursor = scanBatches(bytes);
        assert.ok(cursor.next());
        assert.equal(reshapeLoaded(cursor)[0]?.codec, set.codec);
      }),
      { numRuns: 300 },
    );
  });

  test('30,000 damaged ones end in records or in a declared error, whether or not the CRCs were made right', () => {
    const damageArbitrary = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    const rss = process.memoryUsage.rss();
    fc.assert(
      fc.property(
        setArbitrary,
        fc.array(fc.tuple(damageArbitrary, fc.nat(40), fc.boolean()), { minLength: 25, maxLength: 25 }),
        (set, damages) => {
          const { bytes } = made(set);
          for (const [flips, cut, deep] of damages) {
            treat(damaged(bytes, flips, deep ? 0 : cut % 20));
            treat(resealEntry(damaged(bytes, flips, 0)));
            if (set.codec === 'none') {
              // Damage inside a wrapper that is whole itself.
              const offset = set.base + 1000;
              treat(oldWrapper(set.magic, 'gzip', offset, damaged(bytes, flips, cut)));
            }
          }
        },
      ),
      { numRuns: 500 },
    );
    assert.ok(process.memoryUsage.rss() - rss < 512 * 1024 * 1024, 'memory stays bounded');
  });
});

function damaged(bytes: Buffer, flips: readonly (readonly [number, number])[], cut: number): Buffer {
  const copy = Buffer.from(bytes);
  for (const [where, value] of flips) copy[where % copy.length] = value;
  return copy.subarray(0, copy.length - cut);
}

function treat(bytes: Buffer): void {
  try {
    const cursor = scanBatches(bytes);
    while (cursor.next()) {
      for (const part of reshapeLoaded(cursor, { fromOffset: 3, maxBytes: 300 }))
        assert.ok(part.lastOffset <= cursor.lastOffset, 'nothing lies behind the entry’s own offset');
    }
  } catch (error) {
    assert.ok(
      isCausewayError(error, 'BATCH_CORRUPT') || isCausewayError(error, 'BATCH_UNSUPPORTED'),
      String((error as Error).stack),
    );
  }
}

describe('hostile message sets', () => {
  const message = { key: null, value: Buffer.from('v'), timestamp: 1n };
  const slice = (buffer: Buffer) => ({ buffer, start: 0, length: buffer.length });

  test('wrappers inside wrappers are refused, however deep', () => {
    let content = oldEntry(1, 0, message);
    for (let depth = 0; depth < 50; depth++) content = oldWrapper(1, 'gzip', 0, content);
    assert.throws(() => reshapeLoaded(slice(content)), { code: 'BATCH_CORRUPT' });
  });

  test('a wrapper without content, without messages, or of fewer offsets than messages is refused', () => {
    const two = Buffer.concat([oldEntry(1, 0, message), oldEntry(1, 1, message)]);
    const backwards = Buffer.concat([oldEntry(0, 5, message), oldEntry(0, 5, message)]);
    for (const entry of [
      oldEntry(1, 3, { ...message, value: null }, 1),
      oldWrapper(1, 'gzip', 3, Buffer.alloc(0)),
      oldWrapper(1, 'snappy', 0, two),
      oldWrapper(0, 'lz4', 0, two),
      oldWrapper(0, 'gzip', 9, backwards),
    ]) {
      assert.throws(() => reshapeLoaded(slice(entry)), { code: 'BATCH_CORRUPT' });
    }
  });

  test('a wrong CRC-32, outside or inside, is BATCH_CORRUPT', () => {
    const plain = oldEntry(1, 0, message);
    plain[plain.length - 1] = 0;
    assert.throws(() => reshapeLoaded(slice(plain)), { code: 'BATCH_CORRUPT' });
    assert.throws(() => reshapeLoaded(slice(oldWrapper(1, 'gzip', 0, plain))), { code: 'BATCH_CORRUPT' });
  });

  test('zstd, unknown codecs and unknown formats are BATCH_UNSUPPORTED', () => {
    for (const attributes of [4, 5, 7])
      assert.throws(() => reshapeLoaded(slice(oldEntry(1, 0, message, attributes))), { code: 'BATCH_UNSUPPORTED' });
    const future = oldEntry(1, 0, message);
    future[16] = 3;
    assert.throws(() => reshapeLoaded(slice(future)), { code: 'BATCH_UNSUPPORTED' });
  });

  test('bombs are refused at the limit, without their content being allocated', () => {
    const content = Buffer.alloc(200 * 1024 * 1024);
    for (const [codec, value] of [
      [1, zlib.gzipSync(content)],
      [2, compress('snappy', content)],
      [3, compress('lz4', content)],
    ] as const) {
      const bomb = oldEntry(1, 0, { key: null, value, timestamp: 1n }, codec);
      const held = process.memoryUsage().arrayBuffers;
      assert.throws(() => reshapeLoaded(slice(bomb)), { code: 'BATCH_UNSUPPORTED' });
      assert.ok(process.memoryUsage().arrayBuffers - held < 140 * 1024 * 1024);
    }
  });
});
