import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import {
  CODEC_NAMES,
  canCompress,
  codecOf,
  compress,
  decompress,
  loadCodecs,
} from '../../../../common/kafka/wire/records/compression.js';
import { zstdContentBound } from '../../../../common/kafka/wire/records/zstd-bound.js';

before(loadCodecs);

/** Compressible and not, below and above every codec's block size. */
const contents: Buffer[] = [0, 1, 5, 64, 1000, 40_000, 300_000, 5_000_000].flatMap((size) => [
  Buffer.alloc(size, 'abcabcabd'),
  Buffer.from(Array.from({ length: Math.min(size, 300_000) }, (_, i) => (Math.imul(i, 2_654_435_761) >>> 11) & 0xff)),
]);

describe('compression', () => {
  for (const codec of CODEC_NAMES) {
    test(`${codec} gives back what it was given`, () => {
      assert.ok(canCompress(codec));
      for (const content of contents)
        assert.ok(decompress(codec, compress(codec, content)).equals(content), `${content.length} bytes`);
    });
  }

  test('codecs have their numbers of the record format; others are refused', () => {
    assert.deepEqual([0, 1, 2, 3, 4].map(codecOf), ['none', 'gzip', 'snappy', 'lz4', 'zstd']);
    assert.equal(codecOf(0x58 | 3), 'lz4');
    assert.throws(() => codecOf(5), { code: 'BATCH_UNSUPPORTED' });
  });

  test('lz4 blocks may refer to earlier blocks, be stored, and carry checksums and a content size', () => {
    const frame = Buffer.concat([
      // version 1, dependent blocks, block checksums, content size; 64 KB blocks
      Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x58, 0x40]),
      Buffer.from([23, 0, 0, 0, 0, 0, 0, 0]),
      Buffer.from([0]),
      // stored: abcdefgh
      Buffer.from([8, 0, 0, 0x80]),
      Buffer.from('abcdefgh'),
      Buffer.alloc(4),
      // 0 literals, match 8 back of 4 + 6; then the literals "VWXYZ"
      Buffer.from([9, 0, 0, 0, 0x06, 8, 0, 0x50]),
      Buffer.from('VWXYZ'),
      Buffer.alloc(4),
      Buffer.alloc(4),
    ]);
    assert.equal(decompress('lz4', frame).toString(), 'abcdefghabcdefghabVWXYZ');
  });

  test('snappy is read with snappy-java’s framing and as one bare block', () => {
    // 11 bytes: literal "abcd", copy of 7 from 4 back (one-byte distance)
    const block = Buffer.from([11, 0x0c, 0x61, 0x62, 0x63, 0x64, 0x0d, 4]);
    assert.equal(decompress('snappy', block).toString(), 'abcdabcdabc');
    const framed = Buffer.concat([
      Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]),
      Buffer.from([0, 0, 0, 8]),
      block,
      Buffer.from([0, 0, 0, 8]),
      block,
    ]);
    assert.equal(decompress('snappy', framed).toString(), 'abcdabcdabcabcdabcdabc');
    assert.deepEqual(compress('snappy', Buffer.from('x')).subarray(0, 16), framed.subarray(0, 16));
  });

  test('content exactly at the limit passes, one byte more does not', () => {
    for (const codec of ['gzip', 'snappy'] as const) {
      const block = compress(codec, Buffer.alloc(1000));
      assert.equal(decompress(codec, block, 1000).length, 1000);
      assert.throws(() => decompress(codec, block, 999), { code: 'BATCH_UNSUPPORTED' });
    }
  });

  test('a zstd frame’s bound is never below its content', () => {
    for (const content of contents) assert.ok(zstdContentBound(compress('zstd', content)) >= content.length);
  });

  test('garbage is BATCH_CORRUPT', () => {
    for (const codec of CODEC_NAMES.slice(1)) {
      assert.throws(
        () => decompress(codec, Buffer.from('this is not compressed at all')),
        { code: 'BATCH_CORRUPT' },
        codec,
      );
    }
  });
});
