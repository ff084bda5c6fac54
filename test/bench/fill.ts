import { writeFileSync } from 'node:fs';
import { createTopics } from '../audit/topics.js';
import { runKafkaTool, toolClasses } from '../bed/tools.js';
import type { MirrorCase } from './mirror-cases.js';

const mostDistinctPayloads = 5_000;
const fewestDistinctPayloads = 50;
const payloadFileBytes = 8_000_000;
const fillLimitMs = 300_000;

/** Makes the source topic of a case and fills it with Kafka's own ProducerPerformance. */
export async function fillTopic(
  bootstrapServers: string,
  topic: string,
  test: MirrorCase,
  folder: string,
): Promise<void> {
  await createTopics(bootstrapServers, [{ topic, partitions: test.partitions }]);
  const payloads = `${folder}/${topic}.payloads`;
  writeFileSync(payloads, payloadLines(test));
  const producer = {
    'bootstrap.servers': bootstrapServers,
    'compression.type': test.compression,
    'batch.size': String(test.sourceBatchBytes),
    'linger.ms': '20',
    'buffer.memory': '134217728',
    'send.buffer.bytes': '-1',
    acks: '1',
  };
  const properties = Object.entries(producer).map(([key, value]) => `${key}=${value}`);
  const amount = ['--num-records', String(test.records), '--throughput', '-1', '--payload-file', payloads];
  await runKafkaTool(
    toolClasses.producerPerformance,
    ['--topic', topic, ...amount, '--producer-props', ...properties],
    {
      timeoutMs: fillLimitMs,
      heapMb: 512,
      jvm: 'server',
    },
  );
}

/** Lines of exactly `recordBytes`: noise for uncompressed cases, JSON events for compressed ones. */
function payloadLines(test: MirrorCase): string {
  const random = seededRandom(42);
  const line = test.compression === 'none' ? noise : jsonEvent;
  const lines: string[] = [];
  const fitting = Math.floor(payloadFileBytes / test.recordBytes);
  const distinct = Math.max(fewestDistinctPayloads, Math.min(mostDistinctPayloads, fitting));
  for (let index = 0; index < distinct; index += 1) lines.push(line(test.recordBytes, random));
  return lines.join('\n');
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const words =
  'order customer basket voucher warehouse parcel return invoice payment card refund courier delayed shipped'.split(
    ' ',
  );

function noise(bytes: number, random: () => number): string {
  let text = '';
  while (text.length < bytes) text += letters[Math.floor(random() * letters.length)];
  return text;
}

function jsonEvent(bytes: number, random: () => number): string {
  const pick = () => words[Math.floor(random() * words.length)];
  let text = '';
  while (text.length < bytes) {
    const id = Math.floor(random() * 1e12);
    text += `{"id":"${id.toString(16)}","kind":"${pick()}.${pick()}","amountCents":${id % 100_000},"customer":"${noise(12, random)}"}`;
  }
  return text.slice(0, bytes);
}

/** mulberry32: the same payloads in every run. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
