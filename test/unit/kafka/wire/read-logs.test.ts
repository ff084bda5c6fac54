import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { BufferPool } from '../../../../common/kafka/wire/buffer-pool.js';
import type { ClusterClient } from '../../../../common/kafka/wire/cluster-client.js';
import {
  listOffsets,
  TIMESTAMP_EARLIEST,
  TIMESTAMP_LATEST,
} from '../../../../common/kafka/wire/operations/list-offsets.js';
import { type LogAnswer, READ_BYTES, readLog } from '../../../../common/kafka/wire/operations/read-logs.js';
import { BatchCursor } from '../../../../common/kafka/wire/records/batch-scan.js';
import type { FakeLog } from '../../worker/fetch/fake-log.js';
import { FakeSource } from '../../worker/fetch/fake-source.js';
import { testClient } from './test-client.js';

const PARTITIONS = 40;

describe('reading many logs', () => {
  let cluster: FakeSource;
  let client: ClusterClient;
  let logs: FakeLog[];

  beforeEach(async () => {
    cluster = await FakeSource.start(1);
    logs = cluster.topic('t', PARTITIONS);
    client = testClient(cluster.bootstrap);
  });

  afterEach(async () => {
    await client.close();
    await cluster.stop();
  });

  const reading = () => ({ client, broker: 1, purpose: 'test', isolationLevel: 0 }) as const;
  const read = (log: FakeLog, fetchOffset = 0, pool?: BufferPool): Promise<LogAnswer> =>
    readLog(pool === undefined ? reading() : { ...reading(), pool }, {
      topic: 't',
      topicId: log.topicId,
      partition: log.partition,
      fetchOffset,
      currentLeaderEpoch: log.epoch,
      maxBytes: READ_BYTES,
    });
  const basesOf = ({ fetched }: LogAnswer): number[] => {
    const bases: number[] = [];
    const batch = new BatchCursor().reset(fetched?.records ?? Buffer.alloc(0));
    while (batch.next()) bases.push(batch.baseOffset);
    return bases;
  };

  test('logs that are read at the same time share a request, and each has its own answer', async () => {
    for (const log of logs) log.append(log.partition + 1);
    const answers = await Promise.all(logs.map((log) => read(log)));
    assert.deepEqual(
      answers.map(({ errorCode, fetched }) => [errorCode, fetched?.partition, fetched?.highWatermark]),
      logs.map(({ partition }) => [0, partition, partition + 1]),
    );
    assert.equal(cluster.fetches.length, 1);
    assert.equal(cluster.fetches[0]?.maxWaitMs, 0, 'nobody waits for a log that has no more');
  });

  test('what one of them may not read is its own error', async () => {
    const [first, second] = logs as [FakeLog, FakeLog];
    first.append(3);
    second.append(3);
    second.start = 2;
    const [good, gone] = await Promise.all([read(first), read(second)]);
    assert.equal(good.errorCode, 0);
    assert.deepEqual(basesOf(good), [0]);
    assert.equal(gone.errorCode, 1);
  });

  test('a log that others left no room for comes first in the next answer, whatever the size of its batch', async () => {
    const large = 3 << 20;
    const few = logs.slice(0, 4);
    for (const log of few) log.append(1, large);
    const answers = await Promise.all(few.map((log) => read(log)));
    assert.deepEqual(answers.map(basesOf), [[0], [0], [0], [0]]);
    assert.ok(cluster.fetches.length > 1 && cluster.fetches.length <= few.length);
  });

  test('a log that has no more is answered so', async () => {
    const [first, second] = logs as [FakeLog, FakeLog];
    first.append(1);
    second.append(1);
    const answers = await Promise.all([read(first), read(second, 1)]);
    assert.deepEqual(answers.map(basesOf), [[0], []]);
    assert.equal(cluster.fetches.length, 1);
  });

  test('the memory of a shared answer goes back when the last of its readers has let go, once', async () => {
    const few = logs.slice(0, 3);
    for (const log of few) log.append(10, 100_000);
    const pool = new BufferPool(16 << 20);
    const answers = await Promise.all(few.map((log) => read(log, 0, pool)));
    for (const answer of [...answers.slice(1), ...answers.slice(1)]) answer.release();
    assert.equal(pool.freeBytes, 0, 'one still reads');
    answers[0]?.release();
    assert.ok(pool.freeBytes > 0);
  });

  test('a lost connection is the failure of those who wait for its answer; the next ones are asked on a new one', async () => {
    logs[0]?.append(1);
    cluster.interfere = () => ({ lose: cluster.fetches.length === 1 });
    const outcomes = await Promise.allSettled(logs.slice(0, 2).map((log) => read(log)));
    assert.deepEqual(
      outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code),
      ['CONNECTION_LOST', 'CONNECTION_LOST'],
    );
    assert.deepEqual(basesOf(await read(logs[0] as FakeLog)), [0]);
  });

  test('bounds of logs that are asked for at the same time are a handful of requests', async () => {
    for (const log of logs) log.append(log.partition + 1);
    let asked = 0;
    cluster.listCode = () => {
      asked += 1;
      return 0;
    };
    const before = cluster.listRequests;
    const bounds = await Promise.all(
      logs.map(({ partition }) =>
        listOffsets(client, 'read_uncommitted', [
          { topic: 't', partition, timestamp: TIMESTAMP_EARLIEST },
          { topic: 't', partition, timestamp: TIMESTAMP_LATEST },
        ]),
      ),
    );
    assert.deepEqual(
      bounds.map((list) => list.map(({ offset }) => Number(offset))),
      logs.map(({ partition }) => [0, partition + 1]),
    );
    assert.equal(asked, 2 * PARTITIONS);
    // A request names each partition once: the beginnings go in one, the ends in another.
    assert.ok(cluster.listRequests - before <= 4, `${cluster.listRequests - before} requests`);
  });
});
