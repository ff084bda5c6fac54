import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CausewayError } from '../../../common/errors/error.js';
import {
  decodeMapKey,
  decodeMapValue,
  encodeMapKey,
  encodeMapValue,
  FIRST_OF_TIMELINE,
  linkBehind,
  MAX_RECORD_ENTRIES,
  type MapEntry,
  type MapPlace,
  mapPartition,
} from '../../../common/model/offset-map-record.js';

const PLACE: MapPlace = {
  route: 'west-east',
  topic: 'orders',
  partition: 3,
  targetTopicId: '6f1f4f0e-0000-4000-8000-000000000001',
  targetTopic: 'west.orders',
  targetPartition: 3,
  timeline: 2,
};

const isCorrupt = (error: unknown): boolean => error instanceof CausewayError && error.code === 'NODE_CORRUPT';
const offsets = fc.integer({ min: 0, max: 2 ** 48 });
const entries: fc.Arbitrary<MapEntry> = fc
  .record({ source: offsets, target: offsets, length: offsets, targetLength: offsets, lost: fc.boolean() })
  .map((entry) => (entry.lost ? { ...entry } : { ...entry, targetLength: entry.length }));

describe('records of the offset map topic', () => {
  test('every chain of runs comes back as it was written', () => {
    fc.assert(
      fc.property(fc.integer({ min: -2, max: 2 ** 48 }), fc.array(entries, { maxLength: 40 }), (link, list) => {
        const chain = { link, entries: list };
        assert.deepEqual(decodeMapValue(encodeMapValue(chain)), chain);
      }),
    );
  });

  test('runs of a usual log take some four bytes each', () => {
    const list: MapEntry[] = [];
    let source = 8_000_000_000;
    for (let i = 0; i < 1_000; i += 1) {
      const length = 100 + (i % 7);
      list.push({ source, target: source - i - 5, length, targetLength: length, lost: false });
      source += length + 1;
    }
    assert.ok(encodeMapValue({ link: FIRST_OF_TIMELINE, entries: list }).length <= 4_100);
  });

  test('garbage, a cut and a claim of more runs than there are bytes are errors, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          decodeMapValue(bytes);
        } catch (error) {
          assert.ok(isCorrupt(error), String(error));
        }
        try {
          decodeMapKey(bytes);
        } catch (error) {
          assert.ok(isCorrupt(error), String(error));
        }
      }),
      { numRuns: 500 },
    );
    const list = [{ source: 5, target: 5, length: 3, targetLength: 3, lost: false }];
    const whole = encodeMapValue({ link: FIRST_OF_TIMELINE, entries: list });
    for (let end = 0; end < whole.length; end += 1)
      assert.throws(() => decodeMapValue(whole.subarray(0, end)), isCorrupt);
    assert.throws(() => decodeMapValue(Buffer.concat([whole, Buffer.from([0])])), isCorrupt);
    assert.throws(() => decodeMapValue(Buffer.from([1, 1, 0xff, 0xff, 0x7f])), isCorrupt);
  });

  test('a record never holds more runs than fit a topic’s usual largest message', () => {
    const far = 2 ** 48;
    const list = Array.from({ length: MAX_RECORD_ENTRIES }, (_, i) => {
      return {
        source: i % 2 === 0 ? far : 0,
        target: i % 2 === 0 ? far : 0,
        length: far,
        targetLength: far,
        lost: false,
      };
    });
    assert.ok(encodeMapValue({ link: -1, entries: list }).length < 1_000_000);
  });

  test('a key names its place and first run, and is the same bytes each time', () => {
    const first = { source: 80, target: 77 };
    const key = encodeMapKey(PLACE, first);
    assert.deepEqual(decodeMapKey(key), { place: PLACE, first });
    assert.deepEqual(key, encodeMapKey({ ...PLACE }, first));
    assert.notDeepEqual(key, encodeMapKey({ ...PLACE, timeline: 3 }, first));
    assert.notDeepEqual(key, encodeMapKey(PLACE, { ...first, source: 81 }));
    const withoutId = { ...PLACE, targetTopicId: null };
    assert.deepEqual(decodeMapKey(encodeMapKey(withoutId, first)).place, withoutId);
  });

  test('a target partition’s map lies in one of sixteen partitions, always the same', () => {
    const seen = new Set(Array.from({ length: 500 }, (_, i) => mapPartition('west.orders', i)));
    assert.equal(seen.size, 16);
    assert.ok([...seen].every((partition) => partition >= 0 && partition < 16));
    assert.equal(mapPartition('west.orders', 3), mapPartition('west.orders', 3));
  });

  test('a chain goes on where its last run ends, lost or not', () => {
    const run = { source: 0, target: 10, length: 5, targetLength: 5, lost: false };
    assert.equal(linkBehind({ link: FIRST_OF_TIMELINE, entries: [] }), FIRST_OF_TIMELINE);
    assert.equal(linkBehind({ link: FIRST_OF_TIMELINE, entries: [run] }), 15);
    assert.equal(linkBehind({ link: 3, entries: [run, { ...run, target: 15, targetLength: 2, lost: true }] }), 17);
  });
});
