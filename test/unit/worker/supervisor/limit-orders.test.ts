import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RateLimit } from '../../../../worker/core/rate-limit.js';
import { LimitOrders } from '../../../../worker/supervisor/limit-orders.js';

describe('limits for threads', () => {
  test('the worker’s own and its shares of others’, each with one account that stays while the limit does', () => {
    const orders = new LimitOrders({ bytesPerS: 5 });
    orders.update([{ route: 'r', topic: null, bytesPerS: 10 }], 0);
    orders.update(
      [
        { route: 'r', topic: null, bytesPerS: 20 },
        { route: 'r', topic: 't', recordsPerS: 1.5 },
      ],
      0,
    );
    const [own, route, topic] = orders.orders;
    assert.deepEqual([own?.scope, own?.bytesPerS], ['worker', 5]);
    assert.deepEqual([route?.scope, route?.bytesPerS], ['route', 20]);
    assert.deepEqual(
      [topic?.scope, topic?.topic, topic?.recordsPerS, topic?.bytesPerS],
      ['topic', 't', 1.5, undefined],
    );
    const { account } = route ?? {};
    orders.update([{ route: 'r', topic: null, bytesPerS: 20 }], 0);
    assert.deepEqual(
      orders.orders.map(({ scope }) => scope),
      ['worker', 'route'],
    );
    assert.equal(orders.orders[1]?.account, account);
  });

  test('a debt made at a low rate is paid at the new one; a bound that is set anew starts without', () => {
    const orders = new LimitOrders({});
    orders.update([{ route: 'r', topic: null, bytesPerS: 1_000 }], 0);
    const waitMs = (): number => new RateLimit(orders.orders[0] as never).waitMs(10_000);
    new RateLimit(orders.orders[0] as never).taken('p', 60_250, 1, 10_000);
    assert.equal(waitMs(), 60_000);
    orders.update([{ route: 'r', topic: null, bytesPerS: 60_000 }], 10_000);
    assert.equal(waitMs(), 1_000);
    orders.update([{ route: 'r', topic: null, recordsPerS: 5 }], 10_000);
    assert.equal(waitMs(), 0);
    orders.update([{ route: 'r', topic: null, recordsPerS: 5, bytesPerS: 1 }], 10_000);
    assert.equal(waitMs(), 0);
  });
});
