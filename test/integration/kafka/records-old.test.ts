import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { BatchSlice } from '../../../common/kafka/wire/records/batch-header.js';
import { coalesceBatches } from '../../../common/kafka/wire/records/coalesce.js';
import { loadCodecs } from '../../../common/kafka/wire/records/compression.js';
import type { RecodedBatch } from '../../../common/kafka/wire/records/recoded-batch.js';
import { decodeBatch, decodeBatches, type KafkaRecord } from '../../../common/kafka/wire/records/record-codec.js';
import { reshapeBatch } from '../../../common/kafka/wire/records/reshape.js';
import type { KafkaClusterHandle } from '../../bed/kafka.js';
import { startLegacyKafka } from '../../bed/legacy-kafka.js';
import { waitUntil } from '../../bed/wait.js';
import {
  OLD_CODECS,
  type OldCodec,
  type OldMagic,
  type OldMessage,
  oldSet,
} from '../../property/records/old-format.js';
import { type OldProduceVersion, produceOld } from './old-producer.js';
import { BatchLog } from './records-kit.js';

const NOW = BigInt(Date.now());
const MESSAGES = 300;
const NO_TIMESTAMP = -1n;
const FORMATS = ['0.9.0', '0.10.0'] as const;

/** Nulls, empties, times out of order; enough of it for several blocks of every codec. */
const messages: OldMessage[] = Array.from({ length: MESSAGES }, (_, i) => ({
  key: i % 11 === 0 ? null : Buffer.from(`key-${i % 40}`),
  value: i % 13 === 0 ? null : Buffer.from(`value ${i} `.repeat(i % 60)),
  timestamp: NOW + BigInt((i * 37) % 500),
}));

describe('message sets that a real Kafka 2.8.2 keeps in the formats 0 and 1', () => {
  let cluster: KafkaClusterHandle;
  let log: BatchLog;

  before(async () => {
    await loadCodecs();
    const config = { 'log.cleaner.backoff.ms': '100', 'log.cleaner.min.cleanable.ratio': '0.01' };
    cluster = await startLegacyKafka({ name: 'old-records', config });
    log = new BatchLog(cluster.bootstrapServers);
  });
  after(async () => {
    await log?.close();
    await cluster?.stop();
  });

  const produce = (topic: string, set: Buffer, version: OldProduceVersion): Promise<number> =>
    produceOld(cluster.bootstrapServers, topic, set, version);

  /** Each message set of the topic, fetched raw and converted; its entries must be of this format still. */
  const converted = async (topic: string, magic: OldMagic, fromOffset = 0): Promise<RecodedBatch[]> => {
    const cursor = await log.read(topic, fromOffset);
    const parts: RecodedBatch[] = [];
    while (cursor.next()) {
      assert.equal(cursor.magic, magic);
      const { lastOffset } = cursor;
      const made = await reshapeBatch(cursor, { fromOffset });
      assert.ok(made.length > 0 && lastOffset === made.at(-1)?.lastOffset, 'the entry’s offset is that of its last');
      parts.push(...made);
    }
    return parts;
  };

  for (const magic of [0, 1] as const) {
    for (const codec of OLD_CODECS) {
      test(`format ${magic}, ${codec}: read, converted, copied and read back with the same content`, async () => {
        const [topic, copy] = [`old-${magic}-${codec}`, `old-${magic}-${codec}-copy`];
        await log.create(topic, { 'message.format.version': FORMATS[magic] });
        await log.create(copy);
        const set = oldSet(messages, { magic, codec, offsets: messages.map((_, index) => index) });
        const versions = magic === 0 ? ([0, 1] as const) : ([2, 2] as const);
        for (const [index, version] of versions.entries())
          assert.equal(await produce(topic, set, version), index * MESSAGES);

        const parts = await converted(topic, magic);
        const expected = [...messages, ...messages].map((message) => asRecord(message, magic));
        assert.deepEqual(contents(parts), expected);
        assert.deepEqual(
          offsets(parts),
          expected.map((_, index) => index),
        );
        assert.ok(parts.every((part) => part.codec === codec));
        // From inside a set: its first messages are left out.
        const inside = MESSAGES + 123;
        assert.equal(offsets(await converted(topic, magic, inside))[0], inside);
        assert.deepEqual(contents(await converted(topic, magic, inside)), expected.slice(inside));

        const whole = coalesceBatches(parts.map((part) => part.batch));
        assert.equal(await log.forward(copy, whole.batch, whole.recordCount), 0);
        const copied = decodeBatches(await log.readBytes(copy)).flatMap((batch) => batch.records);
        assert.deepEqual(copied.map(contentOf), expected);
      });
    }

    test(`format ${magic}: what the cleaner has left of compressed sets keeps its offsets`, async () => {
      const topic = `old-${magic}-compacted`;
      await log.create(topic, {
        'message.format.version': FORMATS[magic],
        'cleanup.policy': 'compact',
        'segment.ms': '100',
        'min.cleanable.dirty.ratio': '0.01',
      });
      const keyed = messages.map((message, i) => ({ ...message, key: Buffer.from(`key-${i % 3 === 0 ? i % 30 : i}`) }));
      const written: OldMessage[] = [];
      const write = async (set: readonly OldMessage[], codec: OldCodec): Promise<void> => {
        const base = written.length;
        const bytes = oldSet(set, { magic, codec, offsets: set.map((_, index) => index) });
        assert.equal(await produce(topic, bytes, magic === 0 ? 1 : 2), base);
        written.push(...set);
      };
      await write(keyed, 'gzip');
      await waitUntil(`the cleaner has been at ${topic}`, async () => {
        const last = { key: Buffer.from('last'), value: Buffer.from('x'), timestamp: NOW + 10_000n };
        await write([last, last], 'snappy');
        return offsets(await converted(topic, magic)).length < written.length - 50;
      });
      const parts = await converted(topic, magic);
      assert.ok(offsets(parts).length > 100);
      assert.deepEqual(
        contents(parts),
        offsets(parts).map((offset) => asRecord(written[offset] as OldMessage, magic)),
      );
      assert.ok(parts.some((part) => part.sourceOffsets !== null));
    });
  }

  test('format 1 with LogAppendTime: every message has the time its set was appended', async () => {
    for (const codec of OLD_CODECS) {
      const topic = `appended-${codec}`;
      await log.create(topic, {
        'message.format.version': '0.10.0',
        'message.timestamp.type': 'LogAppendTime',
      });
      const earlier = messages.map((message) => ({ ...message, timestamp: 1_000_000n }));
      const start = Date.now();
      await produce(topic, oldSet(earlier, { magic: 1, codec, offsets: messages.map((_, index) => index) }), 2);
      const records = contents(await converted(topic, 1));
      assert.equal(records.length, MESSAGES);
      for (const { timestamp } of records)
        assert.ok(Number(timestamp) >= start - 1_000 && Number(timestamp) <= Date.now() + 1_000, String(timestamp));
    }
  });
});

function asRecord({ key, value, timestamp }: OldMessage, magic: OldMagic): KafkaRecord {
  return { key, value, headers: [], timestamp: magic === 0 ? NO_TIMESTAMP : timestamp };
}

const contentOf = ({ key, value, headers, timestamp }: KafkaRecord): KafkaRecord => ({
  key,
  value,
  headers,
  timestamp,
});

function contents(parts: readonly RecodedBatch[]): KafkaRecord[] {
  return parts.flatMap(({ batch }) => decodeBatch(bytesOf(batch)).records.map(contentOf));
}

function offsets(parts: readonly RecodedBatch[]): number[] {
  return parts.flatMap(({ firstOffset, recordCount, sourceOffsets }) => [
    ...(sourceOffsets ?? Array.from({ length: recordCount }, (_, index) => firstOffset + index)),
  ]);
}

const bytesOf = ({ buffer, start, length }: BatchSlice): Buffer => buffer.subarray(start, start + length);
