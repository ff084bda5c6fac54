import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { BatchSlice } from '../../../common/kafka/wire/records/batch-header.js';
import { type BatchCursor, scanBatches } from '../../../common/kafka/wire/records/batch-scan.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { coalesceBatches } from '../../../common/kafka/wire/records/coalesce.js';
import { CODEC_NAMES, type CodecName, codecOf, loadCodecs } from '../../../common/kafka/wire/records/compression.js';
import {
  type DecodedRecord,
  decodeBatch,
  decodeBatches,
  type KafkaRecord,
} from '../../../common/kafka/wire/records/record-codec.js';
import { reshapeBatch } from '../../../common/kafka/wire/records/reshape.js';
import { batchVerdict } from '../../../worker/core/batch-verdict.js';
import { type KafkaClusterHandle, startKafkaCluster } from '../../bed/kafka.js';
import { waitUntil } from '../../bed/wait.js';
import { OLD_CODECS, oldSet } from '../../property/records/old-format.js';
import { BatchLog } from './records-kit.js';

const NOW = BigInt(Date.now());
const RECORDS = 500;
/** The compressible records make a few parts of this with every codec. */
const PART_BYTES = 4_000;

/** Nulls, empties, repeated headers, times out of order; keys repeat so that the cleaner has something to remove. */
const records: KafkaRecord[] = Array.from({ length: RECORDS }, (_, i) => ({
  key: Buffer.from(`key-${i % 3 === 0 ? i % 30 : i}`),
  value: i % 7 === 0 ? Buffer.alloc(0) : Buffer.from(`value ${i} `.repeat(1 + (i % 90))),
  headers:
    i % 5 === 0
      ? [
          [Buffer.from('h'), null],
          [Buffer.from('h'), Buffer.from([i & 0xff])],
        ]
      : [],
  timestamp: NOW + BigInt((i * 37) % 500),
}));

const contentOf = ({ key, value, headers, timestamp }: KafkaRecord): KafkaRecord => ({
  key,
  value,
  headers,
  timestamp,
});
const withoutHoles = (cursor: BatchCursor): boolean => cursor.lastOffset - cursor.baseOffset + 1 === cursor.recordCount;

for (const version of ['3.9.1', '4.1.0'] as const) {
  describe(`record batches and a real ${version} broker`, () => {
    let cluster: KafkaClusterHandle;
    let log: BatchLog;

    before(async () => {
      await loadCodecs();
      const config = { 'log.cleaner.backoff.ms': '100', 'log.cleaner.min.cleanable.ratio': '0.01' };
      cluster = await startKafkaCluster({ name: 'records', version, config });
      log = new BatchLog(cluster.bootstrapServers);
    });
    after(async () => {
      await log?.close();
      await cluster?.stop();
    });

    for (const codec of CODEC_NAMES) {
      test(`a ${codec} batch of ours is accepted, forwarded raw and read back identical`, async () => {
        const [source, target] = [`ours-${codec}`, `ours-${codec}-copy`];
        await log.create(source);
        await log.create(target);
        assert.equal((await log.produce(source, [buildBatch(records, { codec })])).errorCode, 0);
        const fetched = await log.read(source);
        assert.ok(fetched.next());
        assert.equal(batchVerdict(fetched, 0, false).kind, 'raw');
        assert.equal(await log.forward(target, fetched, fetched.recordCount), 0);
        assert.equal(await log.forward(target, fetched, fetched.recordCount), RECORDS);

        const [first, second] = decodeBatches(await log.readBytes(target));
        assert.equal(codecOf(first?.attributes ?? -1), codec);
        assert.deepEqual(first?.records.map(contentOf), records);
        assert.deepEqual(second?.records.map(contentOf), records);
      });
    }

    for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
      test(`what the broker compresses with ${codec} is read and trimmed to a position inside it`, async () => {
        const [source, target] = [`theirs-${codec}`, `theirs-${codec}-copy`];
        await log.create(source, { 'compression.type': codec });
        await log.create(target);
        assert.equal((await log.produce(source, [buildBatch(records)])).errorCode, 0);
        const fetched = await log.read(source, 123);
        assert.ok(fetched.next());
        assert.equal(codecOf(fetched.attributes), codec);
        const whole = decodeBatch(fetched.buffer.subarray(fetched.start, fetched.start + fetched.length));
        assert.deepEqual(whole.records.map(contentOf), records);

        const verdict = batchVerdict(fetched, 123, false);
        assert.ok(verdict.kind === 'recode' && verdict.reason === 'position-inside');
        const [recoded] = await reshapeBatch(fetched, { fromOffset: 123 });
        assert.ok(recoded !== undefined);
        assert.equal(await log.forward(target, recoded.batch, recoded.recordCount), 0);
        const [copied] = decodeBatches(await log.readBytes(target));
        assert.deepEqual(copied?.records.map(contentOf), records.slice(123));
        assert.equal(copied?.lastOffset, BigInt(RECORDS - 123 - 1));
      });
    }

    for (const codec of CODEC_NAMES) {
      test(`a ${codec} batch cut into parts, and its parts put together again, are accepted and read back identical`, async () => {
        const [parted, merged] = [`parted-${codec}`, `merged-${codec}`];
        await log.create(parted, { 'max.message.bytes': String(PART_BYTES) });
        await log.create(merged);
        const source = buildBatch(records, { codec, baseOffset: 70n });
        const slice = { buffer: source, start: 0, length: source.length };
        const parts = await reshapeBatch(slice, { maxBytes: PART_BYTES, omit: new Set([77]) });
        assert.ok(parts.length > 1);
        const expected = records.filter((_, index) => index !== 7);
        for (const part of parts) await log.forward(parted, part.batch, part.recordCount);
        assert.deepEqual((await readBack(log, parted)).map(contentOf), expected);

        const whole = coalesceBatches(parts.map((part) => part.batch));
        assert.equal(whole.codec, codec);
        await log.forward(merged, whole.batch, whole.recordCount);
        const copied = await readBack(log, merged);
        assert.deepEqual(copied.map(contentOf), expected);
        assert.deepEqual(
          copied.map((record) => Number(record.offset)),
          expected.map((_, index) => index),
        );
      });
    }

    test('batches of one record each, coalesced, are accepted and read back identical', async () => {
      await log.create('tiny');
      for (const codec of CODEC_NAMES) {
        const singles = records.map((record, index) => buildBatch([record], { baseOffset: BigInt(index * 2) }));
        const slices = singles.map((buffer) => ({ buffer, start: 0, length: buffer.length }));
        const whole = coalesceBatches(slices, { codec });
        const base = await log.forward('tiny', whole.batch, whole.recordCount);
        const [copied] = decodeBatches(await log.readBytes('tiny', base));
        assert.equal(codecOf(copied?.attributes ?? -1), codec);
        assert.deepEqual(copied?.records.map(contentOf), records);
      }
    });

    for (const magic of [0, 1] as const) {
      test(`message sets of format ${magic}, converted, are accepted and read back identical`, async () => {
        const topic = `converted-${magic}`;
        await log.create(topic);
        const expected: KafkaRecord[] = [];
        for (const codec of OLD_CODECS) {
          const offsets = records.map((_, index) => 1000 + index);
          const cursor = scanBatches(oldSet(records, { magic, codec, offsets }));
          const batches: BatchSlice[] = [];
          while (cursor.next())
            batches.push(...(await reshapeBatch(cursor, { maxBytes: 50_000 })).map((part) => part.batch));
          const whole = coalesceBatches(batches);
          assert.equal(whole.codec, codec);
          assert.equal(whole.sourceOffsets, null);
          await log.forward(topic, whole.batch, whole.recordCount);
          for (const record of records)
            expected.push({ ...record, headers: [], timestamp: magic === 0 ? -1n : record.timestamp });
        }
        assert.deepEqual((await readBack(log, topic)).map(contentOf), expected);
      });
    }

    for (const codec of CODEC_NAMES) {
      test(`a compacted ${codec} batch is recoded, accepted and read back with dense offsets`, async () => {
        const source = `compacted-${codec}`;
        const compacted = await compactedBatch(log, source, codec);
        assert.equal(codecOf(compacted.attributes), codec);
        const kept = decodeBatch(compacted.buffer.subarray(compacted.start, compacted.start + compacted.length));
        assert.ok(kept.records.length > 100 && kept.records.length < RECORDS);
        assert.equal(batchVerdict(compacted, 0, false).kind, 'recode');

        const target = `${source}-copy`;
        await log.create(target);
        const [recoded] = await reshapeBatch(compacted);
        assert.ok(recoded !== undefined);
        const next = await log.forward(target, recoded.batch, recoded.recordCount);
        assert.equal(await log.forward(target, recoded.batch, recoded.recordCount), next + kept.records.length);
        const copies = decodeBatches(await log.readBytes(target));
        assert.equal(copies.length, 2);
        for (const copy of copies) assert.deepEqual(copy.records.map(contentOf), kept.records.map(contentOf));
        assert.deepEqual(
          [...(recoded.sourceOffsets ?? [])],
          kept.records.map((record) => Number(record.offset)),
        );
        const offsets = copies.flatMap((copy) => copy.records.map((record) => Number(record.offset)));
        assert.deepEqual(
          offsets,
          Array.from({ length: 2 * kept.records.length }, (_, index) => index),
        );
      });
    }
  });
}

/** Every record of the topic, CRCs checked. */
async function readBack(log: BatchLog, topic: string): Promise<DecodedRecord[]> {
  return decodeBatches(await log.readBytes(topic)).flatMap((batch) => batch.records);
}

/** Writes until the cleaner has taken records out of the first batch of a compacted topic. */
async function compactedBatch(log: BatchLog, topic: string, codec: CodecName): Promise<BatchCursor> {
  await log.create(topic, { 'cleanup.policy': 'compact', 'segment.ms': '100', 'min.cleanable.dirty.ratio': '0.01' });
  assert.equal((await log.produce(topic, [buildBatch(records, { codec })])).errorCode, 0);
  let found: BatchCursor | undefined;
  await waitUntil(`the cleaner has been at ${topic}`, async () => {
    // The cleaner leaves the segment alone that is written to; a later record starts another.
    const last: KafkaRecord = { key: Buffer.from('last'), value: null, headers: [], timestamp: NOW + 10_000n };
    assert.equal((await log.produce(topic, [buildBatch([last])])).errorCode, 0);
    const cursor = await log.read(topic);
    if (!cursor.next() || withoutHoles(cursor)) return false;
    found = cursor;
    return true;
  });
  assert.ok(found !== undefined);
  return found;
}
