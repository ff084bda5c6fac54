import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeAssignment } from '../../../common/coordination/records/assignment.js';
import { assignmentPath } from '../../../common/coordination/znodes.js';
import { buildBatch } from '../../../common/kafka/wire/records/build-batch.js';
import type { AssignmentItem } from '../../../common/model/assignment.js';
import { RecordCheck, type Violation } from '../../sim/checks.js';
import { KafkaCluster } from '../../sim/kafka/cluster.js';
import { Dice } from '../../sim/kernel/dice.js';
import { Timeline } from '../../sim/kernel/timeline.js';
import { Trace } from '../../sim/kernel/trace.js';
import { OwnershipCheck } from '../../sim/ownership-check.js';

function bench() {
  const found: Violation[] = [];
  const timeline = new Timeline();
  const check = new RecordCheck(new Trace(() => timeline.nowMs, false), (violation) => found.push(violation));
  const dice = new Dice(1);
  const source = new KafkaCluster('source', 2, { timeline, dice, listener: check.sourceListener });
  const target = new KafkaCluster('target', 2, { timeline, dice, listener: check.targetListener });
  const [from] = source.create('t', 1).partitions;
  const [to] = target.create('t', 1).partitions;
  assert.ok(from && to);
  for (const number of [1, 2, 3, 4]) from.append(batch(number));
  return { found, check, from, to };
}

function batch(...numbers: number[]): Buffer {
  const records = numbers.map((number) => {
    return { key: null, value: Buffer.from(`r${number}`), headers: [], timestamp: 1n };
  });
  return buildBatch(records);
}

describe('what the simulation checks', () => {
  test('the records of the source in their order are right, however they are put into batches', () => {
    const { found, check, to } = bench();
    to.append(batch(1, 2));
    assert.deepEqual(check.behind(), ['t-0 2/4']);
    to.append(batch(3, 4));
    assert.deepEqual(found, []);
    assert.deepEqual(check.behind(), []);
  });

  for (const [what, batches] of [
    ['a record twice', [[1, 2], [2]]],
    ['a record left out', [[1], [3]]],
    ['records that changed places', [[2], [1]]],
    ['one that the source does not have', [[1, 2, 3, 4], [5]]],
  ] as const) {
    test(`${what} is found as it is stored`, () => {
      const { found, to } = bench();
      for (const numbers of batches) to.append(batch(...numbers));
      assert.equal(found[0]?.kind, 'records');
    });
  }

  test('what a new leader of the target has lost is due again', () => {
    const { found, check, to } = bench();
    to.append(batch(1));
    to.append(batch(2));
    to.lead(-1);
    to.lead(1);
    assert.equal(to.log.end, 0);
    to.append(batch(1, 2));
    assert.deepEqual(found, []);
    assert.deepEqual(check.behind(), ['t-0 2/4']);
  });

  test('a partition in the nodes of two workers is found', () => {
    const found: Violation[] = [];
    const check = new OwnershipCheck(new Trace(() => 0, false), (violation) => found.push(violation));
    const write = (worker: string, ...items: AssignmentItem[]): void => {
      const assignment = { worker, incarnation: 'i', epoch: 1, generation: 1, routes: [], items, limits: [] };
      const [data] = encodeAssignment(assignment);
      assert.ok(data);
      const node = { data, version: 0, czxid: 1n, owner: 0n };
      check.committed({ zxid: 1n, changes: [{ path: assignmentPath(worker), node }] });
    };
    write('w1', item('revoke'));
    assert.equal(check.ownerOf('r/t-0'), undefined);
    write('w1');
    write('w2', item('own'));
    assert.equal(check.ownerOf('r/t-0'), 'w2');
    assert.equal(found.length, 0);
    write('w1', item('revoke'));
    write('w3', item('own'));
    assert.equal(found[0]?.kind, 'double');
  });
});

function item(state: 'own' | 'revoke'): AssignmentItem {
  return {
    route: 'r',
    topic: 't',
    partition: 0,
    state,
    paused: false,
    sourceTopicId: null,
    targetTopic: 't',
    timeline: 1,
    started: false,
    start: 'earliest',
  };
}
