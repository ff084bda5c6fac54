import type { LimitShare } from '../../common/model/assignment.js';
import { limitsSet, type RateLimits } from '../../common/model/route.js';
import { RateBucket } from '../core/rate-bucket.js';
import { type LimitOrder, limitKey } from '../core/rate-limit.js';

const ACCOUNT_BYTES = 2 * BigInt64Array.BYTES_PER_ELEMENT;

/** Makes of this worker's own limits and its shares of others' what its threads keep to, with one account each for all of them. */
export class LimitOrders {
  readonly #own: RateLimits;
  #orders: ReadonlyMap<string, LimitOrder> = new Map();

  constructor(own: RateLimits) {
    this.#own = own;
    this.update([], 0);
  }

  get orders(): readonly LimitOrder[] {
    return [...this.#orders.values()];
  }

  update(shares: readonly LimitShare[], nowMs: number): void {
    const next = new Map<string, LimitOrder>();
    const add = (order: Omit<LimitOrder, 'account'>): void => {
      const key = limitKey(order);
      const before = this.#orders.get(key);
      const account = before?.account ?? new SharedArrayBuffer(ACCOUNT_BYTES);
      changeRate(account, 0, before?.bytesPerS, order.bytesPerS, nowMs);
      changeRate(account, 1, before?.recordsPerS, order.recordsPerS, nowMs);
      next.set(key, { ...order, account });
    };
    if (limitsSet(this.#own)) add({ scope: 'worker', route: '', topic: '', ...this.#own });
    for (const { route, topic, ...limits } of shares) {
      add({ scope: topic === null ? 'route' : 'topic', route, topic: topic ?? '', ...limits });
    }
    this.#orders = next;
  }
}

function changeRate(
  account: SharedArrayBuffer,
  index: number,
  from: number | undefined,
  to: number | undefined,
  nowMs: number,
): void {
  if (from === to || to === undefined) return;
  const paidAt = new BigInt64Array(account, index * BigInt64Array.BYTES_PER_ELEMENT, 1);
  if (from === undefined) Atomics.store(paidAt, 0, 0n);
  else RateBucket.changeRate(paidAt, from, to, nowMs);
}
