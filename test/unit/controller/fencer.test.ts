import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { test } from 'node:test';
import type { LaneRecord } from '../../../common/model/worker.js';
import { type Clock, systemClock } from '../../../common/runtime/clock.js';
import { FENCE_MARGIN_MS, WaitingFencer } from '../../../controller/loop/fencer.js';
import { connectionRefused } from '../../../controller/loop/process-probe.js';
import { CLUSTERS } from './kit.js';

const REQUEST_TIMEOUT_MS = 100;

const lane: LaneRecord = {
  transactionalId: 'causeway.f.w.i.0',
  worker: 'w',
  incarnation: 'i',
  index: 0,
  target: 'west',
  producerId: 1n,
  producerEpoch: 0,
  state: 'fencing',
  http: 'http://127.0.0.1:1',
  createdAt: '',
};

/** Time that passes only by sleeping. */
class SleepClock implements Clock {
  nowMs = 10_000;
  wallMs = (): number => this.nowMs;
  monotonicMs = (): number => this.nowMs;
  after = systemClock.after;
  async sleep(delayMs: number): Promise<void> {
    this.nowMs += delayMs;
  }
}

const never = new AbortController().signal;

test('it waits one request timeout and a margin after the owner was last heard of', async () => {
  for (const [silentSinceMs, expectedMs] of [
    [undefined, REQUEST_TIMEOUT_MS + FENCE_MARGIN_MS],
    [9_500, REQUEST_TIMEOUT_MS + FENCE_MARGIN_MS - 500],
    [1_000, 0],
  ] as const) {
    const clock = new SleepClock();
    const fencer = new WaitingFencer({ clusters: CLUSTERS, clock, isGone: async () => false });
    await fencer.fence({ lane, items: [], routes: [], silentSinceMs, isReplaced: false }, never);
    assert.equal(clock.nowMs - 10_000, expectedMs);
  }
});

test('an owner whose process is gone for certain is waited for no longer than the margin', async () => {
  const clusters = new Map([...CLUSTERS].map(([name, cluster]) => [name, { ...cluster, requestTimeoutMs: 30_000 }]));
  const clock = new SleepClock();
  const asked: string[] = [];
  const isGone = async (address: string): Promise<boolean> => {
    asked.push(address);
    return asked.length === 3;
  };
  await new WaitingFencer({ clusters, clock, isGone }).fence(
    { lane, items: [], routes: [], silentSinceMs: undefined, isReplaced: false },
    never,
  );
  assert.equal(clock.nowMs - 10_000, FENCE_MARGIN_MS + 2 * 500);
  assert.deepEqual(asked, [lane.http, lane.http, lane.http]);
});

test('an owner that was replaced by a later incarnation of its own is waited for no longer than the margin', async () => {
  const clock = new SleepClock();
  const fencer = new WaitingFencer({ clusters: CLUSTERS, clock, isGone: async () => false });
  await fencer.fence({ lane, items: [], routes: [], silentSinceMs: undefined, isReplaced: true }, never);
  assert.equal(clock.nowMs - 10_000, FENCE_MARGIN_MS);
});

test('an ended reign stops the wait, and does not call it fenced', async () => {
  const fencer = new WaitingFencer({ clusters: CLUSTERS, clock: new SleepClock(), isGone: async () => false });
  await assert.rejects(
    fencer.fence({ lane, items: [], routes: [], silentSinceMs: undefined, isReplaced: false }, AbortSignal.abort()),
    /reign is over/,
  );
});

test('only a refused connection proves that a process is gone', async () => {
  const isGone = connectionRefused(systemClock);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  assert.equal(await isGone(address), false);
  await new Promise((resolve) => server.close(resolve));
  assert.equal(await isGone(address), true);
  for (const nonsense of ['', 'not an address', 'http://host-that-is-not-there.invalid:1']) {
    assert.equal(await isGone(nonsense), false, nonsense);
  }
});
