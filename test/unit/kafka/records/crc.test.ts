import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { patchCrc32c, shiftRemainder } from '../../../../common/kafka/wire/records/crc-delta.js';
import { crc32c } from '../../../../common/kafka/wire/records/crc32c.js';
import { CRC32C_TABLE, crc32cPortable } from '../../../../common/kafka/wire/records/crc32c-table.js';

describe('CRC-32C', () => {
  test('gives the published check values (RFC 3720 B.4), native and portable', () => {
    const vectors: [Buffer, number][] = [
      [Buffer.from('123456789'), 0xe3069283],
      [Buffer.alloc(0), 0],
      [Buffer.alloc(32), 0x8a9136aa],
      [Buffer.alloc(32, 0xff), 0x62a8ab43],
      [Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
    ];
    for (const [data, expected] of vectors) {
      assert.equal(crc32c(data), expected);
      assert.equal(crc32cPortable(data), expected);
    }
  });

  test('portable and native agree at every length around the slice width', () => {
    for (let length = 0; length < 70; length++) {
      const data = randomBytes(length);
      assert.equal(crc32cPortable(data), crc32c(data));
    }
  });
});

describe('CRC delta', () => {
  test('shifting a remainder equals feeding zero bytes, at every power of two and beside it', () => {
    const lengths = [0, 1, 2, 3, 7, 8, 63, 64, 65, 1023, 1024, 65_535, 65_536, 1_048_576];
    for (const length of lengths) {
      let expected = 0x1234_5678 | 0;
      for (let i = 0; i < length; i++) expected = (expected >>> 8) ^ (CRC32C_TABLE[expected & 0xff] as number);
      assert.equal(shiftRemainder(0x1234_5678, length) | 0, expected, `${length} bytes`);
    }
  });

  test('a patched CRC equals the full recomputation for a change in front of 100 MB', () => {
    const data = Buffer.alloc(100_000_000, 7);
    const before = crc32c(data);
    const changed = Buffer.from(data);
    randomBytes(36).copy(changed, 0);
    assert.equal(patchCrc32c(before, data, 0, changed, 0, 36, data.length - 36), crc32c(changed));
  });

  test('no change leaves the CRC alone, wrong as it may be', () => {
    const data = randomBytes(100);
    assert.equal(patchCrc32c(0xdead_beef, data, 0, data, 0, 36, 64), 0xdead_beef);
  });
});
