import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CausewayError } from '../../../../common/errors/error.js';
import { Enrolment } from '../../../../worker/transactional/enrolment.js';
import { testPartition } from '../partition/partition-kit.js';

const everyone = (): boolean => true;

describe('what is part of a transaction', () => {
  test('who asks is taken in together with the others who do; who has left meanwhile is not', () => {
    const enrolment = new Enrolment();
    const [a, b] = [testPartition('a', 0), testPartition('b', 1)];
    enrolment.begin();
    enrolment.want(a);
    enrolment.want(b);
    const wanted = enrolment.take(true, (partition) => partition !== b);
    assert.deepEqual(wanted.riders, [a]);
    assert.equal(enrolment.has(a.targetKey), false, 'not before the target said so');
    assert.deepEqual(enrolment.added(wanted, []), []);
    assert.ok(enrolment.has(a.targetKey));
    assert.equal(enrolment.isWanted, false);
  });

  test('one that the target drops is told apart; the others are in', () => {
    const enrolment = new Enrolment();
    const [a, b] = [testPartition('a', 0), testPartition('b', 1)];
    enrolment.begin();
    enrolment.want(a);
    enrolment.want(b);
    const wanted = enrolment.take(true, everyone);
    const dropped = enrolment.added(wanted, [{ topic: 'topic', partition: 1, errorCode: 3 }]);
    assert.deepEqual(dropped, [{ partition: b, code: 3 }]);
    assert.deepEqual([enrolment.has(a.targetKey), enrolment.has(b.targetKey)], [true, false]);
  });

  test('one that was turned away because it is full has its turn in the next one', () => {
    const enrolment = new Enrolment();
    const a = testPartition('a', 0);
    enrolment.begin();
    enrolment.want(a);
    enrolment.added(enrolment.take(true, everyone), []);
    enrolment.want(a);
    assert.deepEqual(enrolment.take(true, everyone).riders, []);
    assert.ok(enrolment.isWanted);
    enrolment.begin();
    assert.equal(enrolment.has(a.targetKey), false);
    assert.deepEqual(enrolment.take(true, everyone).riders, [a]);
  });

  test('while it ends riders wait, what belongs to something already sent does not', async () => {
    const enrolment = new Enrolment();
    enrolment.begin();
    enrolment.want(testPartition('a', 0));
    const gaps = enrolment.wantSide({ topic: 'gaps', partition: 0 });
    const again = enrolment.wantSide({ topic: 'gaps', partition: 0 });
    const wanted = enrolment.take(false, everyone);
    assert.deepEqual(wanted, { riders: [], partitions: [{ topic: 'gaps', partition: 0 }] });
    enrolment.added(wanted, []);
    await Promise.all([gaps, again]);
    assert.ok(enrolment.has('gaps-0'));
    const letters = enrolment.wantSide({ topic: 'letters', partition: 0 });
    enrolment.giveUp(new CausewayError('LANE_DEAD', 'aborted'));
    await assert.rejects(letters, { code: 'LANE_DEAD' });
    assert.deepEqual(enrolment.take(false, everyone).partitions, [], 'it is not asked for in another one');
  });

  test('a group is announced once in each', () => {
    const enrolment = new Enrolment();
    enrolment.begin();
    assert.equal(enrolment.takeGroup(['g1', 'g2']), 'g1');
    assert.equal(enrolment.takeGroup(['g1', 'g2']), 'g2');
    assert.equal(enrolment.takeGroup(['g1', 'g2']), undefined);
    enrolment.begin();
    assert.equal(enrolment.takeGroup(['g1']), 'g1');
  });
});
