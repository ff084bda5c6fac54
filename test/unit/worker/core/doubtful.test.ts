import assert from 'node:assert/strict';
import { test } from 'node:test';
import { doubtfulRefs } from '../../../../worker/core/doubtful.js';
import { ownedItem } from '../../model/samples.js';

const item = (partition: number, state: 'own' | 'revoke') => ownedItem('t', partition, { state });
const ref = (partition: number) => ({ route: 'r', topic: 't', partition });

test('7.3 what a dead thread held and must give back is doubtful, unless a thread took it up again', () => {
  const lost = [ref(0), ref(1), ref(2), ref(3)];
  const items = [item(0, 'own'), item(1, 'revoke'), item(2, 'revoke'), item(4, 'revoke')];
  assert.deepEqual(doubtfulRefs(lost, [ref(0), ref(2)], items), [ref(1)]);
});
