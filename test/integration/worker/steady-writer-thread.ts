import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import { Appender } from './appender.js';
import type { SteadyWriting } from './steady-writer.js';

// The thread of a SteadyWriter: value = "<number>;<ms since 1970>;" and padding.
const { bootstrapServers, topic, partitions, intervalMs, valueBytes = 100 } = workerData as SteadyWriting;
const appender = new Appender(bootstrapServers);
let isStopped = false;
parentPort?.once('message', () => {
  isStopped = true;
});

const startedAt = performance.now();
let count = 0;
for (; !isStopped; count++) {
  const nowMs = Date.now();
  const value = Buffer.alloc(valueBytes, ' ');
  value.write(`${count};${nowMs};`, 'latin1');
  const record = { key: Buffer.from(String(count)), value, headers: [], timestamp: BigInt(nowMs) };
  await Promise.all(partitions.map((partition) => appender.append(topic, partition, buildBatch([record]))));
  if (count === 0) parentPort?.postMessage('begun');
  await sleep(Math.max(0, startedAt + (count + 1) * intervalMs - performance.now()));
}
await appender.close();
parentPort?.postMessage(count);
