import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { withDeadline } from '../../../common/runtime/deadline.js';
import { ManualClock } from '../worker/manual-clock.js';

const tooLate = (): never => {
  throw new Error('too late');
};

describe('a deadline', () => {
  test('work that ends in time gives what it gives, and leaves no timer', async () => {
    const clock = new ManualClock();
    assert.equal(await withDeadline(clock, 100, Promise.resolve('done'), tooLate), 'done');
    await assert.rejects(withDeadline(clock, 100, Promise.reject(new Error('failed')), tooLate), /failed/);
    let isLate = false;
    await withDeadline(clock, 100, Promise.resolve(), () => {
      isLate = true;
    });
    clock.pass(1_000);
    assert.equal(isLate, false);
  });

  test('what is late gives or throws something else, and its own failure concerns nobody any more', async () => {
    const clock = new ManualClock();
    let fail = (_error: Error): void => undefined;
    const work = new Promise<string>((_resolve, reject) => {
      fail = reject;
    });
    const refused = withDeadline(clock, 100, work, tooLate);
    const replaced = withDeadline(clock, 100, work, () => 'instead');
    clock.pass(100);
    await assert.rejects(refused, /too late/);
    assert.equal(await replaced, 'instead');
    fail(new Error('nobody is to hear of this'));
    await new Promise(setImmediate);
  });
});
