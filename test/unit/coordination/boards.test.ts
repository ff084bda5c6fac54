import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StoreSession } from '../../../common/coordination/ports.js';
import { SessionBoard } from '../../../common/coordination/session-board.js';
import { isCausewayError } from '../../../common/errors/error.js';

describe('session board', () => {
  const session = (state: StoreSession['state'], generation = 1): StoreSession => ({
    state,
    generation,
    id: 1n,
    leaseUntilMs: 0,
  });

  test('listeners hear changes of state or generation in order, not a moved lease, and none after removal', () => {
    const board = new SessionBoard(() => assert.fail('no error expected'));
    const heard: string[] = [];
    const stop = board.onSession(({ state, generation }) => heard.push(`${state} ${generation}`));
    board.publish(session('connected'));
    board.publish({ ...session('connected'), leaseUntilMs: 5 });
    board.publish(session('lost'));
    board.publish(session('connected', 2));
    stop();
    board.publish(session('lost', 2));
    assert.deepEqual(heard, ['connected 1', 'lost 1', 'connected 2']);
  });

  test('a listener that throws is reported and keeps nobody from hearing', () => {
    const errors: unknown[] = [];
    const board = new SessionBoard((error) => errors.push(error));
    let heard = 0;
    board.onSession(() => {
      throw new Error('own fault');
    });
    board.onSession(() => heard++);
    board.publish(session('connected'));
    assert.equal(heard, 1);
    assert.equal(errors.length, 1);
  });

  test('ready waits for `connected`, and is rejected by its signal and by close', async () => {
    const unavailable = (error: unknown): boolean => isCausewayError(error, 'COORDINATION_UNAVAILABLE');
    const board = new SessionBoard(() => undefined);
    const ready = board.ready();
    await assert.rejects(board.ready(AbortSignal.abort()), unavailable);
    board.publish(session('connected'));
    await ready;
    board.publish(session('lost'));
    const waiting = board.ready();
    board.close();
    await assert.rejects(waiting, unavailable);
    await assert.rejects(board.ready(), unavailable);
  });
});
