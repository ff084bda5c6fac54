import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { heldRecovery } from '../../../controller/core/recovery-import.js';
import { abortFault, abortOrdered, nextAction, resumed, stepBegun } from '../../../controller/core/recovery-state.js';
import { recoveryAt } from './recovery-samples.js';

const NOW = '2026-05-01T00:00:00.000Z';

describe('a recovery program as an import brings it back', () => {
  test('waits where a leader would go on with it: its step failed, told since when; resumed, the step’s time begins anew', () => {
    const underWay = recoveryAt('running', 'stop');
    const held = heldRecovery({ ...underWay, facts: { out: { knownAt: 'x' }, back: {} } }, NOW);
    assert.deepEqual([held.state, nextAction(held).kind], ['failed', 'rest']);
    const step = held.steps.find(({ id }) => id === 'stop');
    assert.equal(step?.state, 'failed');
    assert.match(step?.message ?? '', /imported as it stood at 2026-03-01T00:00:00.000Z/);
    assert.deepEqual(held.facts.out, { knownAt: 'x' });
    assert.equal(held.updatedAt, NOW);
    const again = resumed(held, 'me', NOW);
    assert.ok(again !== undefined);
    const begun = stepBegun(again, 'stop', NOW).steps.find(({ id }) => id === 'stop');
    assert.deepEqual([begun?.state, begun?.startedAt, begun?.attempts], ['running', NOW, 2]);
    assert.equal(abortFault(held), undefined);
  });

  test('is not taken back by itself either, where it was being given up: an operator says so again', () => {
    for (const step of ['stop', recoveryAt('running', 'stop').steps.at(-1)?.id ?? '']) {
      const held = heldRecovery(recoveryAt('aborting', step), NOW);
      assert.deepEqual([held.state, nextAction(held).kind], ['failed', 'rest'], step);
      assert.match(held.audit.at(-1)?.detail ?? '', /then abort it again$/);
      assert.equal(nextAction(abortOrdered(held, 'me', NOW)).kind, 'undo');
    }
    const whole = recoveryAt('done', 'promote-schemas');
    assert.equal(heldRecovery({ ...whole, state: 'aborting' }, NOW).state, 'failed', 'also with no step left');
  });

  test('stays as it is where it is over, waits for an operator already, or has nothing left to do', () => {
    for (const state of ['done', 'aborted', 'waiting', 'failed'] as const) {
      const recovery = recoveryAt(state, 'stop');
      assert.equal(heldRecovery(recovery, NOW), recovery, state);
    }
    const finishing = { ...recoveryAt('done', 'promote-schemas'), state: 'running' } as const;
    assert.equal(nextAction(finishing).kind, 'finish');
    assert.equal(heldRecovery(finishing, NOW), finishing);
    const due = recoveryAt('waiting', 'stop');
    const asking = { ...due, state: 'running', options: { ...due.options, confirm: ['settle'] } } as const;
    assert.equal(nextAction(asking).kind, 'ask');
    assert.equal(heldRecovery(asking, NOW), asking);
  });
});
