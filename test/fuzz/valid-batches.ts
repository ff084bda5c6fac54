import { crc32 } from '@node-rs/crc32';
import { buildBatch } from '../../common/kafka/wire/records/build-batch.js';
import { CODEC_NAMES, type CodecName, compress, loadCodecs } from '../../common/kafka/wire/records/compression.js';
import type { KafkaRecord } from '../../common/kafka/wire/records/record-codec.js';

await loadCodecs();

/** Between them: null and empty keys and values, repeated, null and empty headers, odd timestamps. */
export const RECORDS: readonly KafkaRecord[] = [
  { key: Buffer.from('k0'), value: Buffer.from('value 0'), headers: [], timestamp: 1_700_000_000_000n },
  {
    key: null,
    value: null,
    headers: [
      [Buffer.from('h'), Buffer.from('1')],
      [Buffer.from('h'), null],
    ],
    timestamp: 1_700_000_000_001n,
  },
  { key: Buffer.alloc(0), value: Buffer.alloc(0), headers: [[Buffer.alloc(0), Buffer.alloc(0)]], timestamp: -1n },
  { key: Buffer.from('k3'), value: Buffer.alloc(200, 'x'), headers: [], timestamp: 1_700_000_100_000n },
  { key: Buffer.from('k4'), value: Buffer.from('end'), headers: [], timestamp: 2n ** 62n },
];

const marker = (type: number): KafkaRecord => ({
  key: Buffer.from([0, 0, 0, type]),
  value: Buffer.from('000000000007', 'hex'),
  headers: [],
  timestamp: 1_700_000_000_500n,
});

/** Single batches of magic 2 from offset 2 on, in every codec and of every kind that a log may hold. */
export const VALID_BATCHES: readonly Buffer[] = [
  ...CODEC_NAMES.map((codec) =>
    buildBatch(RECORDS, { codec, baseOffset: 2n, producerId: 9n, partitionLeaderEpoch: 4 }),
  ),
  ...(['none', 'lz4', 'zstd'] as const).map((codec) =>
    buildBatch(RECORDS, { codec, baseOffset: 2n, offsetDeltas: [0, 2, 3, 7, 8], lastOffsetDelta: 11 }),
  ),
  buildBatch(RECORDS, { baseOffset: 2n, logAppendTime: 1_700_000_000_900n }),
  buildBatch(RECORDS, { codec: 'gzip', baseOffset: 2n, deleteHorizon: 1_700_000_000_900n }),
  buildBatch(RECORDS, { baseOffset: 2n, producerId: 9n, producerEpoch: 1, baseSequence: 3, transactional: true }),
  buildBatch([], { baseOffset: 2n, producerId: 9n, lastOffsetDelta: 4 }),
  buildBatch([marker(0)], { baseOffset: 2n, producerId: 9n, transactional: true, control: true }),
  buildBatch([marker(1)], { baseOffset: 2n, producerId: 11n, transactional: true, control: true }),
];

/** One message of magic 0 or 1 (KIP-31, KIP-32), with its right CRC. */
function message(magic: 0 | 1, offset: number, attributes: number, key: Buffer | null, value: Buffer | null): Buffer {
  const timestamp = Buffer.alloc(magic === 1 ? 8 : 0);
  if (magic === 1) timestamp.writeBigInt64BE(1_500_000_000_000n);
  const body = Buffer.concat([Buffer.from([magic, attributes]), timestamp, field(key), field(value)]);
  const head = Buffer.alloc(16);
  head.writeBigInt64BE(BigInt(offset));
  head.writeInt32BE(body.length + 4, 8);
  head.writeUInt32BE(crc32(body), 12);
  return Buffer.concat([head, body]);
}

function field(bytes: Buffer | null): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes?.length ?? -1);
  return bytes === null ? length : Buffer.concat([length, bytes]);
}

/** Four plain messages, or a wrapper around them (relative offsets inside for magic 1, absolute ones for magic 0). */
function oldSet(magic: 0 | 1, codec: CodecName): Buffer {
  const first = magic === 1 && codec !== 'none' ? 0 : 2;
  const messages = [
    message(magic, first, 0, Buffer.from('k'), Buffer.from('old value')),
    message(magic, first + 1, 0, null, null),
    message(magic, first + 2, 0, Buffer.alloc(0), Buffer.alloc(0)),
    message(magic, first + 3, 0, Buffer.from('k2'), Buffer.alloc(100, 'y')),
  ];
  const plain = Buffer.concat(messages);
  return codec === 'none' ? plain : message(magic, 5, CODEC_NAMES.indexOf(codec), null, compress(codec, plain));
}

export const OLD_SETS: readonly Buffer[] = ([0, 1] as const).flatMap((magic) =>
  (['none', 'gzip', 'snappy', 'lz4'] as const).map((codec) => oldSet(magic, codec)),
);

/** What a fetch may bring: several batches behind each other, the last one perhaps cut. */
export const VALID_SETS: readonly Buffer[] = [
  ...VALID_BATCHES.map((batch) => shifted([batch, batch, batch])),
  shifted(VALID_BATCHES),
  shifted([...VALID_BATCHES].reverse()).subarray(0, -7),
  Buffer.concat(OLD_SETS.slice(0, 1)),
];

/** The batches with base offsets behind each other. */
function shifted(batches: readonly Buffer[]): Buffer {
  let next = 2;
  return Buffer.concat(
    batches.map((batch) => {
      const copy = Buffer.from(batch);
      copy.writeBigInt64BE(BigInt(next));
      next += batch.readInt32BE(23) + 1;
      return copy;
    }),
  );
}
