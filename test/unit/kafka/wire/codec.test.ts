import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isCausewayError } from '../../../../common/errors/error.js';
import { Reader } from '../../../../common/kafka/wire/reader.js';
import { Writer } from '../../../../common/kafka/wire/writer.js';

const hex = (writer: Writer): string => Buffer.concat(writer.toBuffers()).toString('hex');
const read = (bytes: string, flexible = true): Reader => new Reader(Buffer.from(bytes, 'hex'), flexible);
const protocol = (error: unknown): boolean => isCausewayError(error, 'KAFKA_PROTOCOL');

describe('primitive types', () => {
  test('varints are those of the protocol page', () => {
    const vectors: [number, string][] = [
      [0, '00'],
      [-1, '01'],
      [1, '02'],
      [63, '7e'],
      [-64, '7f'],
      [64, '8001'],
      [2_147_483_647, 'feffffff0f'],
      [-2_147_483_648, 'ffffffff0f'],
    ];
    for (const [value, bytes] of vectors) {
      assert.equal(hex(new Writer(true).varint(value)), bytes);
      assert.equal(read(bytes).varint(), value);
    }
    const unsigned: [number, string][] = [
      [0, '00'],
      [127, '7f'],
      [128, '8001'],
      [300, 'ac02'],
      [2 ** 32 - 1, 'ffffffff0f'],
    ];
    for (const [value, bytes] of unsigned) {
      assert.equal(hex(new Writer(true).uvarint(value)), bytes);
      assert.equal(read(bytes).uvarint(), value);
    }
    const long: [bigint, string][] = [
      [0n, '00'],
      [-1n, '01'],
      [2n ** 63n - 1n, 'feffffffffffffffff01'],
      [-(2n ** 63n), 'ffffffffffffffffff01'],
    ];
    for (const [value, bytes] of long) {
      assert.equal(hex(new Writer(true).varlong(value)), bytes);
      assert.equal(read(bytes).varlong(), value);
    }
  });

  test('varints that are too long are refused', () => {
    assert.throws(() => read('ffffffff1f').uvarint(), protocol);
    assert.throws(() => read('808080808001').uvarint(), protocol);
    assert.throws(() => read('ffffffffffffffffff02').varlong(), protocol);
    assert.throws(() => read('ff').uvarint(), protocol);
  });

  test('int64 as a number is exact up to 2^53 and refused beyond', () => {
    for (const value of [0, -1, 1, 2 ** 31, 2 ** 32, -(2 ** 32) - 1, Number.MAX_SAFE_INTEGER, -(2 ** 53) + 1]) {
      const bytes = hex(new Writer(true).int64FromNumber(value));
      assert.equal(bytes, hex(new Writer(true).int64(BigInt(value))));
      assert.equal(read(bytes).int64AsNumber(), value);
    }
    assert.throws(() => read('0020000000000000').int64AsNumber(), protocol);
    assert.throws(() => read('7fffffffffffffff').int64AsNumber(), protocol);
    assert.throws(() => new Writer(true).int64FromNumber(2 ** 53));
  });

  test('strings, bytes and arrays take the form their version has', () => {
    assert.equal(hex(new Writer(false).string('é')), '0002c3a9');
    assert.equal(hex(new Writer(true).string('é')), '03c3a9');
    assert.equal(hex(new Writer(false).nullableString(null)), 'ffff');
    assert.equal(hex(new Writer(true).nullableString(null)), '00');
    assert.equal(hex(new Writer(false).arrayLength(-1)), 'ffffffff');
    assert.equal(hex(new Writer(true).arrayLength(-1)), '00');
    assert.equal(hex(new Writer(false).tags()), '');
    assert.equal(hex(new Writer(true).tags()), '00');
    assert.equal(read('0002c3a9', false).string(), 'é');
    assert.equal(read('00').nullableString(), null);
    assert.equal(read('00').nullableBytes(), null);
    assert.throws(() => read('00').string(), protocol);
    assert.throws(() => read('00').arrayLength(1), protocol);
  });

  test('uuids are canonical text', () => {
    const text = '01234567-89ab-cdef-8edc-ba9876543210';
    assert.equal(read(hex(new Writer(true).uuid(text))).uuid(), text);
    assert.equal(hex(new Writer(true).uuid(null)), '0'.repeat(32));
    assert.throws(() => new Writer(true).uuid('not-a-uuid'));
  });

  test('tagged fields are passed over', () => {
    const reader = read('0200021122050333333309');
    reader.tags();
    assert.equal(reader.int8(), 9);
    reader.end();
  });
});

describe('hostile lengths', () => {
  test('are refused before anything is allocated', () => {
    assert.throws(() => read('7fff', false).string(), protocol);
    assert.throws(() => read('fffe', false).string(), protocol);
    assert.throws(() => read('7fffffff', false).bytes(), protocol);
    assert.throws(() => read('80000000', false).nullableBytes(), protocol);
    assert.throws(() => read('7fffffff', false).arrayLength(1), protocol);
    assert.throws(() => read('80000000', false).nullableArrayLength(1), protocol);
    assert.throws(() => read('ffffffff0f').nullableArrayLength(1), protocol);
    assert.throws(() => read('ffffffff0f00').tags(), protocol);
    assert.throws(() => read('0100ffffffff0f').tags(), protocol);
  });
});

describe('the writer', () => {
  test('grows over many chunks and keeps the order around embedded buffers', () => {
    const writer = new Writer(false);
    const foreign = Buffer.alloc(4000, 0xee);
    const small = Buffer.from([0xab]);
    for (let i = 0; i < 50_000; i += 1) writer.int32(i);
    writer.embed(foreign).embed(small).int8(5);
    const pieces = writer.toBuffers();
    assert.ok(pieces.includes(foreign));
    const all = Buffer.concat(pieces);
    assert.equal(all.length, 200_000 + 4000 + 1 + 1);
    assert.equal(writer.size, all.length);
    for (let i = 0; i < 50_000; i += 1) assert.equal(all.readInt32BE(i * 4), i);
    assert.deepEqual([...all.subarray(-2)], [0xab, 5]);
  });
});
