import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Allowance, ByteAccount } from '../../../../worker/core/allowance.js';
import { ByteBudget } from '../../../../worker/core/byte-budget.js';
import type { LimitOrder } from '../../../../worker/core/rate-limit.js';
import type { MirroredPartition } from '../../../../worker/partition/mirrored-partition.js';
import { Throttle } from '../../../../worker/thread/throttle.js';
import { ManualClock } from '../manual-clock.js';
import { testPartition } from '../partition/partition-kit.js';

class Kit {
  readonly clock = new ManualClock();
  readonly budget = new ByteBudget(1 << 20);
  readonly freed: string[] = [];
  readonly heldBack = new Map<string, number>();
  readonly throttle = new Throttle({
    budget: this.budget,
    freed: ({ key }) => this.freed.push(key),
    throttled: (route, scope, seconds) => {
      const key = `${route} by ${scope}`;
      this.heldBack.set(key, (this.heldBack.get(key) ?? 0) + seconds);
    },
    clock: this.clock,
  });
  readonly #orders = new Map<string, LimitOrder>();

  join(route: string, partition: number): { partition: MirroredPartition; budget: ByteAccount; allowance: Allowance } {
    const joined = testPartition(route, partition);
    return { partition: joined, ...this.throttle.join(joined) };
  }

  limit(route: string, bytesPerS: number | undefined): void {
    const account = this.#orders.get(route)?.account ?? new SharedArrayBuffer(16);
    if (bytesPerS === undefined) this.#orders.delete(route);
    else this.#orders.set(route, { scope: 'route', route, topic: '', bytesPerS, account });
    this.throttle.setLimits([...this.#orders.values()]);
  }
}

describe('the throttle of a thread', () => {
  test('a partition out of tokens waits, is told when it may go on, and is shown as held back by what holds it', () => {
    const kit = new Kit();
    kit.limit('r', 1_000);
    const { partition, allowance } = kit.join('r', 0);
    assert.ok(allowance.quotaBytes() > 0);
    allowance.taken(2_250, 1);
    assert.equal(allowance.quotaBytes(), 0);
    assert.equal(kit.throttle.takeThrottledBy(partition), 'route');
    kit.clock.pass(1_999);
    assert.deepEqual(kit.freed, []);
    kit.clock.pass(1);
    assert.deepEqual(kit.freed, [partition.key]);
    assert.ok(allowance.quotaBytes() > 0);
    assert.equal(kit.throttle.takeThrottledBy(partition), 'route', 'it was, until a moment ago');
    assert.equal(kit.throttle.takeThrottledBy(partition), undefined);
    assert.deepEqual([...kit.heldBack], [['r by route', 2]]);
  });

  test('a limit of one route is none of another’s', () => {
    const kit = new Kit();
    kit.limit('r', 1_000);
    const [limited, free] = [kit.join('r', 0), kit.join('s', 0)];
    limited.allowance.taken(100_000, 1);
    free.allowance.taken(100_000, 1);
    assert.equal(limited.allowance.quotaBytes(), 0);
    assert.ok(free.allowance.quotaBytes() > 0);
    assert.equal(kit.throttle.takeThrottledBy(free.partition), undefined);
  });

  test('a limit that is raised or removed lets waiting partitions look again at once', () => {
    const kit = new Kit();
    kit.limit('r', 10);
    const { partition, allowance } = kit.join('r', 0);
    allowance.taken(1_000_000, 1);
    assert.equal(allowance.quotaBytes(), 0);
    kit.limit('r', undefined);
    assert.deepEqual(kit.freed, [partition.key]);
    assert.ok(allowance.quotaBytes() > 0);
  });

  test('a thread that always comes a little late gets its part of a limit all the same, and both together no more than the whole', () => {
    const [quick, late] = [new Kit(), new Kit()];
    const account = new SharedArrayBuffer(16);
    const order: LimitOrder = { scope: 'route', route: 'r', topic: '', bytesPerS: 1_000_000, account };
    const threads = [quick, late].map((kit) => {
      kit.throttle.setLimits([order]);
      return { kit, ...kit.join('r', 0), taken: 0 };
    });
    const take = (thread: (typeof threads)[number]): void => {
      for (let bytes = thread.allowance.quotaBytes(); bytes > 0; bytes = thread.allowance.quotaBytes()) {
        thread.allowance.taken(bytes, 1);
        thread.taken += bytes;
      }
    };
    for (const thread of threads) take(thread);
    for (let ms = 0; ms < 20_000; ms += 5) {
      // Always first the one, and a few milliseconds later the other, which is busy with something else.
      for (const thread of threads) {
        thread.kit.clock.pass(5);
        if (thread.kit.freed.splice(0).length > 0) take(thread);
      }
    }
    const [first, second] = threads.map(({ taken }) => taken / 20) as [number, number];
    assert.ok(second > 400_000, `${first} and ${second} bytes a second`);
    assert.ok(first + second < 1_060_000, `${first} and ${second} bytes a second`);
  });

  test('waits under way are counted although they have not ended', () => {
    const kit = new Kit();
    kit.limit('r', 1);
    const { allowance } = kit.join('r', 0);
    allowance.taken(1_000, 1);
    allowance.quotaBytes();
    kit.clock.pass(3_000);
    kit.throttle.count();
    kit.clock.pass(2_000);
    kit.throttle.count();
    assert.deepEqual([...kit.heldBack], [['r by route', 5]]);
  });

  test('who waits for memory is told when there is some; who has left is not', () => {
    const kit = new Kit();
    const [full, gone] = [kit.join('r', 0), kit.join('r', 1)];
    for (const { budget } of [full, gone]) budget.charge(500_000);
    assert.equal(full.allowance.quotaBytes(), 0);
    assert.equal(gone.allowance.quotaBytes(), 0);
    kit.clock.pass(1_000);
    assert.deepEqual(kit.freed, []);
    for (const { budget } of [full, gone]) budget.release(500_000);
    kit.throttle.leave(gone.partition);
    kit.clock.pass(20);
    assert.deepEqual(kit.freed, [full.partition.key]);
  });
});
