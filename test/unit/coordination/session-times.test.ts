import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SessionTimes } from '../../../common/coordination/zookeeper/session-times.js';

const TIMEOUT_MS = 6_000;

describe('times of a ZooKeeper session', () => {
  function connected(): SessionTimes {
    const times = new SessionTimes(30_000);
    times.attempt(0, 1_000);
    times.connected(100, 50, TIMEOUT_MS);
    return times;
  }

  test('the lease counts from when the request was sent, with the negotiated timeout, and never moves back (Z3)', () => {
    const times = connected();
    assert.equal(times.leaseUntilMs, 50 + TIMEOUT_MS);
    times.confirmed(2_000);
    times.confirmed(1_500);
    assert.equal(times.leaseUntilMs, 2_000 + TIMEOUT_MS);
    assert.equal(times.leaseEnds(7_999), false);
    assert.equal(times.isAlive, true);
    assert.equal(times.leaseEnds(8_000), true);
    assert.equal(times.leaseEnds(8_001), false, 'said once');
    assert.equal(times.isAlive, false);
  });

  test('there is no lease before a session', () => {
    const times = new SessionTimes(TIMEOUT_MS);
    assert.equal(times.leaseUntilMs, 0);
    assert.equal(times.leaseEnds(1e9), false);
    assert.equal(times.nextMs, Number.POSITIVE_INFINITY);
  });

  test('a heartbeat is due every quarter of the session, whatever else is heard', () => {
    const times = connected();
    assert.equal(times.nextMs, 1_600);
    times.heard(1_500);
    assert.equal(times.due(1_599), 'nothing');
    assert.equal(times.due(1_600), 'heartbeat');
    assert.equal(times.due(1_601), 'nothing');
    assert.equal(times.nextMs, 3_100);
  });

  test('silence for 2/3 of the session gives the server up, after one more look into the socket (Z2)', () => {
    const times = connected();
    times.due(1_600);
    times.due(3_100);
    assert.equal(times.due(4_100), 'nothing', 'the first time only looks');
    assert.equal(times.nextMs, 4_100, 'and asks again at once');
    assert.equal(times.due(4_101), 'give-up');
  });

  test('an answer that lay in the socket while our own process stalled saves the connection', () => {
    const times = connected();
    assert.equal(times.due(5_000), 'nothing');
    times.heard(5_001);
    assert.equal(times.due(5_002), 'heartbeat');
    assert.equal(times.due(5_001 + 4_000), 'nothing');
    assert.equal(times.due(5_002 + 4_000), 'give-up');
  });

  test('an attempt has its own limit, which connecting ends and a new stage renews (Z11)', () => {
    const times = new SessionTimes(TIMEOUT_MS);
    times.attempt(0, 1_000);
    assert.equal(times.nextMs, 1_000);
    times.attempt(900, 1_000);
    assert.equal(times.due(1_000), 'nothing');
    assert.equal(times.due(1_900), 'nothing');
    assert.equal(times.due(1_901), 'give-up');
  });

  test('while disconnected only the end of the lease is waited for', () => {
    const times = connected();
    times.disconnected();
    times.heard(4_000);
    assert.equal(times.nextMs, times.leaseUntilMs);
    assert.equal(times.due(5_000), 'nothing');
  });
});
