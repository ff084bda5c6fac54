import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HintBoard } from '../../../common/coordination/hint-board.js';
import type { Clock } from '../../../common/runtime/clock.js';

/** Timers that fire when the test says so. */
function board() {
  const due: (() => void)[] = [];
  const after: Clock['after'] = (_delayMs, callback) => {
    due.push(callback);
    return { cancel: () => undefined };
  };
  const hints = new HintBoard({ after } as Clock, (error) => assert.fail(String(error)));
  const fire = (): void => {
    for (const callback of due.splice(0)) callback();
  };
  return { hints, fire };
}

test('one call tells all the nodes that changed since the last one', () => {
  const { hints, fire } = board();
  const told: (readonly string[] | undefined)[] = [];
  hints.watch('/a', (changed) => told.push(changed === undefined ? undefined : [...changed]));
  hints.changed('/a/x');
  hints.changed('/a/y');
  hints.changed('/a/x');
  hints.changed('/beside');
  fire();
  hints.changed('/a');
  fire();
  assert.deepEqual(told, [['/a/x', '/a/y'], ['/a']]);
});

test('after a reconnect, and where very much changed, anything may have', () => {
  const { hints, fire } = board();
  const told: (number | undefined)[] = [];
  hints.watch('/a', (changed) => told.push(changed?.size));
  hints.changed('/a/x');
  hints.all();
  hints.changed('/a/y');
  fire();
  for (let i = 0; i <= 1_000; i++) hints.changed(`/a/${i}`);
  fire();
  hints.changed('/a/x');
  fire();
  assert.deepEqual(told, [undefined, undefined, 1]);
});
