import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { buildBatch } from '../../../../common/kafka/wire/records/build-batch.js';
import {
  decodeBatch,
  decodeBatches,
  type KafkaRecord,
  recordsOf,
  walkRecords,
} from '../../../../common/kafka/wire/records/record-codec.js';
import { reshapeBatch, reshapeLoaded } from '../../../../common/kafka/wire/records/reshape.js';

const text = (value: string): Buffer => Buffer.from(value);
const records: KafkaRecord[] = [
  { key: text('k'), value: text('v'), headers: [], timestamp: 1_700_000_000_000n },
  { key: null, value: null, headers: [[text('h'), null]], timestamp: 1_699_999_999_000n },
  {
    key: Buffer.alloc(0),
    value: Buffer.alloc(0),
    headers: [
      [text('h'), text('1')],
      [text('h'), text('2')],
      [Buffer.alloc(0), Buffer.alloc(0)],
    ],
    timestamp: 1_700_000_000_500n,
  },
];
const slice = (buffer: Buffer) => ({ buffer, start: 0, length: buffer.length });

describe('records', () => {
  test('are written as KIP-98 lays them out', () => {
    const batch = buildBatch([{ key: text('K'), value: null, headers: [[text('H'), text('x')]], timestamp: 5n }]);
    const expected =
      '0000000000000000' +
      '0000003d' +
      'ffffffff' +
      '02' +
      '........' +
      '0000' +
      '00000000' +
      '0000000000000005' +
      '0000000000000005' +
      'ffffffffffffffff' +
      'ffff' +
      'ffffffff' +
      '00000001' +
      // length 11, attributes, timestamp delta, offset delta, key length 1, K, value -1, 1 header, key 1, H, value 1, x
      '16' +
      '00' +
      '00' +
      '00' +
      '02' +
      '4b' +
      '01' +
      '02' +
      '02' +
      '48' +
      '02' +
      '78';
    assert.match(batch.toString('hex'), new RegExp(`^${expected}$`));
  });

  test('keep nulls apart from empty, repeated headers in order, and timestamps before the first one', () => {
    const decoded = decodeBatch(buildBatch(records, { baseOffset: 40n }));
    assert.deepEqual(
      decoded.records.map(({ offset, ...content }) => [offset, content]),
      records.map((record, index) => [40n + BigInt(index), record]),
    );
  });

  test('are walked without objects', () => {
    const batch = buildBatch(records);
    const seen: number[][] = [];
    walkRecords(recordsOf(slice(batch)), 3, (record) =>
      seen.push([record.offsetDelta, record.keyLength, record.valueLength, record.headerCount]),
    );
    assert.deepEqual(seen, [
      [0, 1, 1, 0],
      [1, -1, -1, 1],
      [2, 0, 0, 3],
    ]);
  });

  test('show the append time where the batch has one', () => {
    const decoded = decodeBatch(buildBatch(records, { logAppendTime: 99n }));
    assert.deepEqual(
      decoded.records.map((record) => record.timestamp),
      [99n, 99n, 99n],
    );
  });

  test('a batch whose CRC is wrong, or that is cut off, is BATCH_CORRUPT', () => {
    const batch = buildBatch(records);
    batch[batch.length - 1] = 0xff;
    assert.throws(() => decodeBatch(batch), { code: 'BATCH_CORRUPT' });
    assert.throws(() => decodeBatch(buildBatch(records).subarray(0, 70)), { code: 'BATCH_CORRUPT' });
    assert.throws(() => reshapeLoaded(slice(batch)), { code: 'BATCH_CORRUPT' });
  });

  test('a response with a partial batch at its end decodes up to it', () => {
    const response = Buffer.concat([buildBatch(records), buildBatch(records).subarray(0, 50)]);
    assert.equal(decodeBatches(response).length, 1);
  });
});

describe('recoding', () => {
  test('of a batch the cleaner has marked keeps the timestamps although the base is the delete horizon', async () => {
    const source = buildBatch(records, {
      deleteHorizon: 1_900_000_000_000n,
      offsetDeltas: [2, 4, 9],
      baseOffset: 10n,
      lastOffsetDelta: 11,
    });
    const [recoded] = await reshapeBatch(slice(source));
    assert.ok(recoded !== undefined);
    assert.deepEqual(
      decodeBatch(recoded.batch.buffer).records.map((record) => record.timestamp),
      records.map((record) => record.timestamp),
    );
    assert.equal(recoded.batch.buffer.readUInt16BE(21), 0);
    assert.deepEqual([...(recoded.sourceOffsets ?? [])], [12, 14, 19]);
    assert.deepEqual([recoded.firstOffset, recoded.lastOffset, recoded.recordCount], [12, 19, 3]);
  });

  test('of a dense batch from a position inside it needs no offset list', async () => {
    const [recoded] = await reshapeBatch(slice(buildBatch(records, { baseOffset: 10n })), { fromOffset: 11 });
    assert.equal(recoded?.sourceOffsets, null);
    assert.deepEqual([recoded?.firstOffset, recoded?.lastOffset, recoded?.recordCount], [11, 12, 2]);
  });

  test('from a position behind the last record leaves nothing', async () => {
    const source = buildBatch(records, { offsetDeltas: [0, 1, 2], lastOffsetDelta: 9 });
    assert.deepEqual(await reshapeBatch(slice(source), { fromOffset: 5 }), []);
  });

  test('refuses offset deltas that do not grow or leave the batch', () => {
    for (const offsetDeltas of [
      [0, 0, 1],
      [2, 1, 3],
      [-1, 0, 1],
      [0, 1, 12],
    ]) {
      const source = buildBatch(records, { offsetDeltas, lastOffsetDelta: 11 });
      assert.throws(() => reshapeLoaded(slice(source)), { code: 'BATCH_CORRUPT' }, String(offsetDeltas));
    }
  });
});
