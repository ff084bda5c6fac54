import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkerAssignment } from '../../../common/model/assignment.js';
import type { Delivery } from '../../../common/model/route.js';
import { deliveryGivenOut, deliveryNow, deliveryProblem } from '../../../controller/core/delivery.js';
import { routeOf } from './kit.js';

const EXACT = routeOf('x', { delivery: 'exactly-once' });
const FAILED = { state: 'failed', message: 'it stored a late batch' } as const;

test('5.7 a new route of a target that cannot fence runs at least once; one that runs exactly once is not made less', () => {
  assert.equal(deliveryNow(undefined, undefined), 'exactly-once');
  assert.equal(deliveryNow({ state: 'pending' }, undefined), 'exactly-once');
  assert.equal(deliveryNow(FAILED, undefined), 'at-least-once');
  assert.equal(deliveryNow(FAILED, 'at-least-once'), 'at-least-once');
  assert.equal(deliveryNow(FAILED, 'exactly-once'), 'exactly-once');
  assert.equal(deliveryNow({ state: 'pending' }, 'at-least-once'), 'at-least-once', 'what was shown stands');
  assert.equal(deliveryNow(undefined, 'at-least-once'), 'exactly-once');
});

test('5.7 how a route runs is what its holders were told; one that was not told yet makes no exception', () => {
  const told = (worker: string, delivery: Delivery, items: number): WorkerAssignment => ({
    ...{ worker, incarnation: worker, epoch: 1, generation: 1, limits: [], routes: [{ ...EXACT, delivery }] },
    items: Array.from({ length: items }, (_, partition) => ({
      ...{ route: 'x', topic: 't', partition, state: 'own', paused: false, sourceTopicId: null, targetTopic: 't' },
      ...{ timeline: 1, started: true, start: 'earliest' },
    })) as WorkerAssignment['items'],
  });
  assert.equal(deliveryGivenOut([told('a', 'exactly-once', 1)]).get('x'), 'exactly-once');
  assert.equal(
    deliveryGivenOut([told('a', 'at-least-once', 1), told('b', 'exactly-once', 1)]).get('x'),
    'at-least-once',
  );
  assert.equal(
    deliveryGivenOut([told('a', 'at-least-once', 0)]).get('x'),
    undefined,
    'who has nothing of it says nothing',
  );
});

test('5.7 the reason is said, with what follows from it', () => {
  assert.match(
    deliveryProblem({ ...EXACT, delivery: 'at-least-once' }, FAILED) ?? '',
    /late batch; .*at-least-once until/,
  );
  assert.match(deliveryProblem(EXACT, FAILED) ?? '', /late batch; what runs goes on/);
  assert.equal(deliveryProblem(EXACT, { state: 'pending', message: 'not asked yet' }), 'not asked yet');
  assert.equal(deliveryProblem(EXACT, { state: 'pending' }), undefined);
  assert.equal(deliveryProblem(EXACT, undefined), undefined);
});
