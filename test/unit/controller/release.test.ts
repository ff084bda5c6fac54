import assert from 'node:assert/strict';
import { test } from 'node:test';
import { indexReport, isReleased } from '../../../controller/core/holders.js';

const ref = { route: 'r', topic: 't', partition: 0 };
const key = [...indexReport(report({ held: [ref] })).held][0] as string;
const revokedBy = { epoch: 3, generation: 8 };

function report(changes: Partial<Parameters<typeof indexReport>[0]> = {}): Parameters<typeof indexReport>[0] {
  return { worker: 'w', incarnation: 'i', epoch: 3, generation: 8, held: [], doubtful: [], started: [], ...changes };
}

const released = (changes: Parameters<typeof report>[0]): boolean =>
  isReleased(key, revokedBy, indexReport(report(changes)));

test('7.3 released is what a report of the revoking generation, or of a later one, neither holds nor doubts', () => {
  assert.equal(released({}), true);
  assert.equal(released({ generation: 9 }), true);
  assert.equal(released({ epoch: 4, generation: 1 }), true);
  assert.equal(released({ held: [ref] }), false);
  assert.equal(released({ doubtful: [ref] }), false);
  assert.equal(released({ generation: 7 }), false);
  assert.equal(released({ epoch: 2, generation: 9 }), false);
  assert.equal(isReleased(key, revokedBy, undefined), false);
});
