import assert from 'node:assert/strict';
import { crc32 } from '@node-rs/crc32';
import type { AbortedTransaction } from '../../../common/kafka/wire/apis/fetch.js';
import { scanBatches } from '../../../common/kafka/wire/records/batch-scan.js';
import { batchAround, sealBatch } from '../../../common/kafka/wire/records/batch-writer.js';
import {
  CODEC_NAMES,
  type CodecName,
  compress,
  decompress,
  MAX_DECOMPRESSED_BYTES,
} from '../../../common/kafka/wire/records/compression.js';
import { crc32c } from '../../../common/kafka/wire/records/crc32c.js';
import { decodeBatch, decodeBatches } from '../../../common/kafka/wire/records/record-codec.js';
import { reshapeLoaded } from '../../../common/kafka/wire/records/reshape.js';
import { TxnFilter } from '../../../common/kafka/wire/records/txn-filter.js';
import { batchImage, producerIdentity } from '../../../worker/core/batch-image.js';
import { batchVerdict } from '../../../worker/core/batch-verdict.js';
import { bomb } from '../bombs.js';
import type { Dice } from '../dice.js';
import type { FuzzTarget } from '../fuzz-target.js';
import { mutate } from '../mutate.js';
import { OLD_SETS, VALID_BATCHES, VALID_SETS } from '../valid-batches.js';

const MIB = 1024 * 1024;
const PACKED = ['gzip', 'snappy', 'lz4', 'zstd'] as const;
/** Beyond the limit, and small ones that are within it. */
const LARGE_BOMBS = PACKED.map((codec) => [codec, bomb(codec, MAX_DECOMPRESSED_BYTES + MIB)] as const);
const SMALL_BOMBS = PACKED.map((codec) => [codec, bomb(codec, 4 * MIB)] as const);
const ONE_LARGE_BOMB_IN = 4_000;
const ONE_SMALL_BOMB_IN = 100;
const PLAIN_RECORDS = VALID_BATCHES[0]?.subarray(61) as Buffer;
const PRODUCER = producerIdentity(1n, 0);
const CODES = ['BATCH_CORRUPT', 'BATCH_UNSUPPORTED'] as const;
/** Records of larger batches are not made into objects here: that is for auditors. */
const MAX_DECODED_BYTES = 1 * MIB;

/** Gives every batch whose length can be believed its right CRC, so that damage reaches what lies behind the check. */
function resealed(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  for (let at = 0; at + 61 <= copy.length; ) {
    const end = at + 12 + copy.readInt32BE(at + 8);
    if (end < at + 26 || end > copy.length) break;
    if ((copy[at + 16] as number) < 2) copy.writeUInt32BE(crc32(copy.subarray(at + 16, end)), at + 12);
    else if (end >= at + 61) copy.writeUInt32BE(crc32c(copy.subarray(at + 21, end)), at + 17);
    at = end;
  }
  return copy;
}

/** A batch around any payload, sealed. */
function sealed(dice: Dice, codec: CodecName, payload: Buffer, recordCount: number): Buffer {
  return sealBatch(batchAround(payload), {
    baseOffset: 2n,
    partitionLeaderEpoch: 0,
    attributes: CODEC_NAMES.indexOf(codec) | (dice.oneIn(8) ? 1 << dice.below(16) : 0),
    lastOffsetDelta: recordCount - 1 + dice.below(3),
    baseTimestamp: 1_700_000_000_000n,
    maxTimestamp: 1_700_000_000_000n,
    producerId: 9n,
    producerEpoch: 0,
    baseSequence: 0,
    recordCount,
  });
}

/** Damage in every layer of a batch: as it lies there, behind a right checksum, inside the codec's framing; and bombs. */
export function damageBatches(dice: Dice, valid: Buffer): Buffer {
  if (dice.oneIn(ONE_LARGE_BOMB_IN)) return sealed(dice, ...dice.pick(LARGE_BOMBS), 1 + dice.below(1_000));
  if (dice.oneIn(ONE_SMALL_BOMB_IN)) return sealed(dice, ...dice.pick(SMALL_BOMBS), 1 + dice.below(100_000));
  switch (dice.below(4)) {
    case 0:
      return mutate(dice, valid, VALID_SETS);
    case 1:
    case 2:
      return resealed(mutate(dice, valid, VALID_SETS));
    default: {
      // Damage that the codec's own framing hides.
      const codec = dice.pick(CODEC_NAMES);
      const records = mutate(dice, PLAIN_RECORDS, [PLAIN_RECORDS]);
      const count = dice.oneIn(4) ? dice.pick([0, 1, 4, 6, 2 ** 20, 2 ** 30]) : 5;
      return sealed(dice, codec, compress(codec, records), count);
    }
  }
}

/** Aborted transactions that need not fit the batches. */
export function hostileAborted(dice: Dice): AbortedTransaction[] {
  const ids = [9n, 11n, -1n, 2n ** 63n - 1n];
  const offsets = [0, 2, 7, -1, Number.MAX_SAFE_INTEGER];
  return Array.from({ length: dice.below(6) }, () => ({ producerId: dice.pick(ids), firstOffset: dice.pick(offsets) }));
}

/** Everything the data path does with a fetch response's records. */
function treat(input: Buffer, dice: Dice): void {
  const position = dice.below(8);
  const cursor = scanBatches(input);
  const filter = new TxnFilter().reset(hostileAborted(dice));
  let next = position;
  while (cursor.next()) {
    assert.ok(cursor.length > 0 && cursor.start + cursor.length <= input.length, 'a batch lies inside its response');
    assert.ok(cursor.lastOffset >= cursor.baseOffset && Number.isSafeInteger(cursor.lastOffset), 'offsets are sane');
    const verdict = batchVerdict(cursor, next, filter.isAborted(cursor));
    if (verdict.kind === 'raw') {
      assert.equal(cursor.recordCount, cursor.lastOffset - cursor.baseOffset + 1);
      batchImage(cursor, PRODUCER, dice.below(2 ** 31));
    } else if (verdict.kind === 'recode') {
      reshape(input.subarray(cursor.start, cursor.start + cursor.length), next, dice);
    }
    next = Math.max(next, cursor.lastOffset + 1);
  }
}

/** What comes out of a damaged batch may be any records, but they must be a batch that a target takes. */
function reshape(batch: Buffer, fromOffset: number, dice: Dice): void {
  const maxBytes = dice.oneIn(2) ? Number.POSITIVE_INFINITY : 100 + dice.below(1_000);
  const codec = dice.oneIn(3) ? dice.pick(CODEC_NAMES) : undefined;
  const options = {
    fromOffset,
    maxBytes,
    appendTime: 'append-time',
    ...(codec === undefined ? {} : { codec }),
  } as const;
  let last = fromOffset - 1;
  for (const made of reshapeLoaded({ buffer: batch, start: 0, length: batch.length }, options)) {
    assert.ok(made.firstOffset > last && made.lastOffset >= made.firstOffset, 'offsets ascend');
    assert.ok(made.batch.length <= maxBytes || made.recordCount === 1, 'the limit is kept');
    last = made.lastOffset;
    if (made.batch.length > MAX_DECODED_BYTES || made.recordCount > 10_000) continue;
    const { buffer, start, length } = made.batch;
    assert.equal(decodeBatch(buffer.subarray(start, start + length)).records.length, made.recordCount);
  }
}

const isLarge = (input: Buffer): boolean => LARGE_BOMBS.some(([, block]) => input.length === block.length + 61);

function oldSetTarget(): FuzzTarget {
  return {
    name: 'records/old-magic',
    weight: 90,
    codes: CODES,
    valid: OLD_SETS,
    limitBytes: MAX_DECOMPRESSED_BYTES,
    damage: (dice, valid) => {
      const damaged = mutate(dice, valid, OLD_SETS);
      return dice.oneIn(3) ? damaged : resealed(damaged);
    },
    run: (input, dice) => {
      const cursor = scanBatches(input);
      const from = dice.below(6);
      while (cursor.next()) reshape(input.subarray(cursor.start, cursor.start + cursor.length), from, dice);
    },
  };
}

/** The codecs by themselves, at a limit that small inputs reach. */
function codecTargets(): FuzzTarget[] {
  const limitBytes = 256 * 1024;
  const content = Buffer.concat([PLAIN_RECORDS, Buffer.alloc(3_000, 'ab'), PLAIN_RECORDS]);
  return PACKED.map((codec) => {
    const valid = [compress(codec, content), compress(codec, Buffer.alloc(0)), compress(codec, PLAIN_RECORDS)];
    const bombs = [bomb(codec, limitBytes + 1), bomb(codec, 4 * MIB)];
    return {
      name: `codec/${codec}`,
      weight: 40,
      codes: CODES,
      valid,
      limitBytes,
      damage: (dice, bytes) => {
        if (dice.oneIn(200)) return dice.pick(bombs);
        return dice.oneIn(10) ? mutate(dice, dice.pick(bombs), valid) : mutate(dice, bytes, valid);
      },
      run: (input) => {
        const length = decompress(codec, input, limitBytes).length;
        assert.ok(length <= limitBytes, `${length} bytes of content, the limit is ${limitBytes}`);
      },
    };
  });
}

export function batchTargets(): FuzzTarget[] {
  const path: FuzzTarget = {
    name: 'records/data-path',
    weight: 220,
    codes: CODES,
    valid: VALID_SETS,
    limitBytes: MAX_DECOMPRESSED_BYTES,
    damage: damageBatches,
    run: treat,
  };
  const decoder: FuzzTarget = {
    ...path,
    name: 'records/decode',
    weight: 60,
    valid: VALID_SETS.slice(0, -1),
    run: (input) => {
      if (!isLarge(input)) decodeBatches(input);
    },
  };
  return [path, decoder, oldSetTarget(), ...codecTargets()];
}
