import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { buildBatch } from '../../../../common/kafka/wire/records/build-batch.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import { body, fetched, runningIntake } from './intake-kit.js';

const tenRecords = (): Buffer =>
  buildBatch(
    Array.from({ length: 10 }, (_, i) => ({
      key: null,
      value: Buffer.from(`${i}`),
      headers: [],
      timestamp: BigInt(i),
    })),
  );
/** As a LogAppendTime source gives it: decoded on its way. */
const appendTimeBatch = (offset: number): Buffer => {
  const record = { key: null, value: Buffer.from('v'), headers: [], timestamp: 1n };
  return buildBatch([record], { baseOffset: BigInt(offset), logAppendTime: 2n });
};
/** How answers end that stop inside a batch: a header that claims more than is there. */
const beginning = (records: Buffer): Buffer => records.subarray(0, records.length - 1);

describe('the source side of a partition', () => {
  test('what a decoding brings after the partition began to drain is dropped: it lies behind what was dropped', async () => {
    const { partition, budget, intake } = runningIntake(4);
    intake.accept(fetched(tenRecords()), body());
    assert.equal(intake.wanted(), undefined, 'the head of the batch is being cut off');
    partition.on({ type: 'drain' });
    await systemClock.sleep(50);
    assert.equal(partition.queue.length, 0);
    assert.equal(budget.usedBytes, 0);
  });

  test('and so it is when the queue went back meanwhile', async () => {
    const { partition, intake } = runningIntake(4);
    intake.accept(fetched(tenRecords()), body());
    partition.begin({ source: 2, target: 0, runSource: 2, runTarget: 0 });
    await systemClock.sleep(50);
    assert.equal(partition.queue.length, 0);
    assert.equal(partition.queue.fetchNext, 2);
    assert.equal(intake.wanted(), 2);
  });

  test('a leader that answers with an error is not asked again at once', async () => {
    const NOT_LEADER = 6;
    const { port, intake } = runningIntake(0);
    intake.accept(fetched(null, NOT_LEADER), body());
    assert.equal(intake.wanted(), undefined);
    assert.deepEqual(port.calls, ['refresh-source']);
    for (let i = 0; i < 3_000 && intake.wanted() === undefined; i++) await systemClock.sleep(20);
    assert.equal(intake.wanted(), 0);
    assert.ok(port.calls.includes('freed'));
  });

  test('answers that only begin a batch end in a pause, those that also bring one to decode do not', async () => {
    const ANSWERS = 250;
    const batches = Array.from({ length: ANSWERS + 1 }, (_, i) =>
      buildBatch([{ key: null, value: Buffer.from(`${i}`), headers: [], timestamp: BigInt(i) }], {
        baseOffset: BigInt(i),
      }),
    );
    const decoded = runningIntake(0);
    for (let i = 0; i < ANSWERS; i++) {
      const answer = Buffer.concat([appendTimeBatch(i), beginning(batches[i + 1] as Buffer)]);
      decoded.intake.accept(fetched(answer), body());
      await new Promise((resolve) => setImmediate(resolve));
      while (decoded.intake.wanted() === undefined && decoded.partition.state === 'running')
        await new Promise((resolve) => setImmediate(resolve));
      decoded.budget.release(decoded.partition.queue.dropAll());
      decoded.partition.queue.skipTo(i + 1);
    }
    assert.equal(decoded.partition.state, 'running', decoded.partition.reason?.message);

    const stuck = runningIntake(0);
    for (let i = 0; i < ANSWERS; i++) stuck.intake.accept(fetched(beginning(batches[0] as Buffer)), body());
    assert.equal(stuck.partition.reason?.code, 'BATCH_CORRUPT');
  });

  test('a partition that was given up while a batch was decoded takes nothing of it any more', async () => {
    const { partition, budget, intake } = runningIntake(4);
    intake.accept(fetched(tenRecords()), body());
    partition.endLife();
    partition.on({ type: 'fail', reason: { code: 'KAFKA_ERROR', message: '' } });
    await systemClock.sleep(50);
    assert.equal(partition.queue.length, 0);
    assert.equal(budget.usedBytes, 0);
  });
});
