import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ErrorCode } from '../../../../common/errors/codes.js';
import { CausewayError } from '../../../../common/errors/error.js';
import { buildBatch } from '../../../../common/kafka/wire/records/build-batch.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import type { ByteBudget } from '../../../../worker/core/byte-budget.js';
import type { PendingGap, QueuedBatch } from '../../../../worker/core/partition-queue.js';
import type { MirroredPartition } from '../../../../worker/partition/mirrored-partition.js';
import { batchOf, runningOutlet, sendAll } from './partition-kit.js';

const TOO_LARGE = 10;
const INVALID_TIMESTAMP = 32;
const INVALID_RECORD = 87;

const settled = (): Promise<void> => systemClock.sleep(20);

function gapAt(firstOffset: number, lastOffset: number, sourceNext: number): QueuedBatch {
  const gap: PendingGap = { gap: { firstOffset, lastOffset, reason: 'operator', detail: 'd' }, deadLetters: [] };
  return { ...batchOf(firstOffset, 0), sourceFirst: firstOffset, sourceNext, recordCount: 0, bytes: 0, gap };
}

function push(partition: MirroredPartition, budget: ByteBudget, batch: QueuedBatch): void {
  budget.charge(batch.bytes);
  partition.queue.push(batch);
}

describe('batches that the target refuses', () => {
  test('one that is too large is remembered as a limit, and fetched again to be split', async () => {
    const { partition, outlet, port } = runningOutlet(2);
    const [a, b] = sendAll(outlet) as [QueuedBatch, QueuedBatch];
    outlet.answered(a, TOO_LARGE, -1, -1);
    outlet.answered(b, 45, -1, -1);
    assert.ok(partition.judging, 'nothing is fetched before it is clear what to do');
    await settled();
    assert.ok(!partition.judging);
    assert.equal(partition.queue.fetchNext, 0);
    assert.equal(partition.shaping.maxBatchBytes(9, 0), Math.floor(a.bytes / 2));
    assert.equal(port.calls.at(-1), 'freed');
  });

  test('a single record too large pauses the partition, and the reason names it', async () => {
    const { outlet, partition, port, budget } = runningOutlet(0);
    push(partition, budget, batchOf(0, 1));
    const [only] = sendAll(outlet) as [QueuedBatch];
    outlet.answered(only, TOO_LARGE, -1, -1);
    await settled();
    assert.deepEqual(
      port.reasons.concat(partition.reason ?? []).map(({ message }) => message.includes('source offset 0')),
      [true],
    );
    assert.equal(partition.state, 'paused');
  });

  test('where the route leaves such records out, every record of the same fault in the batch is known at once', async () => {
    const { outlet, partition } = runningOutlet(1, { route: { onRefusedRecord: 'skip' } });
    const [batch] = sendAll(outlet) as [QueuedBatch];
    outlet.answered(batch, INVALID_RECORD, -1, -1, [0, 1, 2]);
    await settled();
    assert.equal(partition.state, 'running');
    assert.deepEqual(
      partition.shaping.refusedIn(0, 99).map(({ offset }) => offset),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      'none of them has a key',
    );
  });

  test('a record the target does not name is searched for in ever smaller batches', async () => {
    const { outlet, partition } = runningOutlet(1, { route: { onRefusedRecord: 'skip' } });
    const [batch] = sendAll(outlet) as [QueuedBatch];
    outlet.answered(batch, INVALID_TIMESTAMP, -1, -1, []);
    await settled();
    assert.equal(partition.shaping.maxBatchBytes(9, 0), Math.floor(batch.bytes / 2));
    assert.equal(partition.shaping.maxBatchBytes(10, 0), Number.POSITIVE_INFINITY, 'only where it was refused');
  });
});

describe('gaps', () => {
  test('one is written down when everything before it has its answer, and nothing behind it is sent before', async () => {
    const written: PendingGap[] = [];
    let done = (): void => undefined;
    const { outlet, partition, budget } = runningOutlet(1, {
      declare: (gap) => {
        written.push(gap);
        return new Promise((resolve) => {
          done = resolve;
        });
      },
    });
    partition.queue.push(gapAt(10, 19, 20));
    push(partition, budget, batchOf(20, 10));
    const [before] = sendAll(outlet) as [QueuedBatch];
    assert.equal(written.length, 0);
    outlet.answered(before, 0, 0, -1);
    assert.deepEqual(sendAll(outlet), []);
    assert.equal(written.length, 1);
    assert.deepEqual(sendAll(outlet), [], 'still being written');
    assert.equal(partition.queue.settledNext, 10);
    done();
    await settled();
    assert.equal(partition.queue.settledNext, 20);
    assert.equal(partition.gapRecords, 10);
    const [behind] = sendAll(outlet) as [QueuedBatch];
    assert.equal(behind.sourceFirst, 20);
    outlet.answered(behind, 0, 10, -1);
    assert.deepEqual([partition.runs.openSource, partition.runs.openTarget], [20, 10], 'a new run begins behind it');
  });

  test('one that cannot be written down is tried again; a drain meanwhile does not wait for it', async () => {
    let tries = 0;
    const { outlet, partition, port } = runningOutlet(0, {
      declare: () => {
        tries += 1;
        return Promise.reject(new Error('no such topic'));
      },
    });
    partition.queue.push(gapAt(0, 0, 1));
    sendAll(outlet);
    await settled();
    assert.equal(partition.state, 'backing-off');
    for (let i = 0; i < 3_000 && !port.calls.includes('ready'); i++) await systemClock.sleep(20);
    assert.ok(port.calls.includes('ready'));
    sendAll(outlet);
    assert.equal(tries, 2);
    let quiet = false;
    outlet.drain(() => {
      quiet = true;
    });
    await settled();
    assert.ok(quiet);
    assert.equal(partition.queue.settledNext, 0, 'the next owner declares it');
  });
});

describe('gaps that cannot be written down', () => {
  const failing = (code: ErrorCode) =>
    runningOutlet(0, { declare: () => Promise.reject(new CausewayError(code, 'not now')) });

  test('do not take a pause from the operator who ordered it: nothing would end it any more', async () => {
    const { outlet, partition } = failing('TARGET_TOPIC_MISSING');
    partition.queue.push(gapAt(0, 0, 1));
    sendAll(outlet);
    const reason = { code: 'PAUSED_BY_OPERATOR', message: 'paused' } as const;
    partition.on({ type: 'pause', reason });
    await settled();
    assert.deepEqual([partition.state, partition.reason], ['paused', reason]);
  });

  test('because the lane was fenced tell so: no batch may be on its way that would', async () => {
    const { outlet, partition, port } = failing('LANE_DEAD');
    partition.queue.push(gapAt(0, 0, 1));
    sendAll(outlet);
    await settled();
    assert.ok(port.calls.includes('lane-dead'));
  });

  test('because the lane lost count in their topic are written under another one', async () => {
    const { outlet, partition, port, lane } = failing('SEQUENCE_BROKEN');
    partition.queue.push(gapAt(0, 0, 1));
    sendAll(outlet);
    await settled();
    assert.ok(port.calls.includes('restart SEQUENCE_BROKEN'));
    assert.ok(partition.brokenLanes.has(lane));
  });
});

describe('tiny batches that wait', () => {
  test('do not grow over what is searched for a refused record, however many wait behind it', () => {
    const { outlet, partition } = runningOutlet(50, { route: { coalesceBelowBytes: 1_000 } });
    partition.shaping.search(99, 2_000);
    const [merged] = sendAll(outlet) as [QueuedBatch];
    assert.ok(merged.bytes <= 1_000, `${merged.bytes} bytes`);
  });

  test('become one, which settles as they would have; larger ones stay as they are', () => {
    const { outlet, partition, budget } = runningOutlet(50, { route: { coalesceBelowBytes: 1_000 } });
    const [merged] = sendAll(outlet) as [QueuedBatch];
    assert.equal(merged.recordCount, 500);
    assert.equal(partition.queue.length, 1);
    assert.equal(budget.usedBytes, merged.bytes);
    assert.equal(partition.queue.bytes, merged.bytes);
    outlet.answered(merged, 0, 0, -1);
    assert.equal(partition.queue.settledNext, 500);
    assert.equal(partition.targetNext, 500);
    assert.equal(budget.usedBytes, 0);
  });

  test('not where the route says 0', () => {
    const { outlet } = runningOutlet(50, { route: { coalesceBelowBytes: 0 } });
    assert.equal(sendAll(outlet).length, 5);
  });

  test('not where they hold far more than it seems: they pass as they are', () => {
    const { outlet, partition, budget } = runningOutlet(0, { route: { coalesceBelowBytes: 100_000 } });
    const value = Buffer.alloc(10 * 1024 * 1024);
    const bombs = [0, 1].map((offset) => {
      const record = { key: null, value, headers: [], timestamp: 1n };
      const buffer = buildBatch([record], { codec: 'gzip', baseOffset: BigInt(offset) });
      return { ...batchOf(offset, 1), source: { buffer, start: 0, length: buffer.length }, bytes: buffer.length };
    });
    for (const bomb of bombs) push(partition, budget, bomb);
    assert.deepEqual(
      sendAll(outlet).map((batch) => batch?.source),
      bombs.map((bomb) => bomb.source),
    );
  });

  test('far away larger ones too', () => {
    const { outlet, partition, budget } = runningOutlet(0, { route: { coalesceBelowBytes: undefined as never } });
    for (let i = 0; i < 20; i++) push(partition, budget, batchOf(i * 1_000, 1_000));
    assert.equal(outlet.next(1)?.recordCount, 1_000);
    assert.ok((outlet.next(100)?.recordCount ?? 0) > 1_000);
  });
});
