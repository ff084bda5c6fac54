import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Provenance } from '../../../common/rules/provenance.js';
import type { RuleRecord } from '../../../common/rules/record-in-hand.js';

type Headers = RuleRecord['headers'];

const place = { topic: 'orders', partition: 2 };
const texts = (headers: Headers): string[] => headers.map(([key, value]) => `${key}=${value}`);
const OWN: Headers = [[Buffer.from('h'), Buffer.from('1')]];

test('a record that was produced at the source says so at the target, behind its own headers', () => {
  const there = new Provenance({ source: 'A', target: 'B' }, place);
  assert.equal(there.isReturning(OWN), false);
  assert.deepEqual(texts(there.marked(OWN, OWN, 41)), [
    'h=1',
    'causeway.origin.cluster=A',
    'causeway.origin.topic=orders',
    'causeway.origin.partition=2',
    'causeway.origin.offset=41',
    'causeway.path=A',
  ]);
});

test('it does not come back, over however many clusters', () => {
  const first = new Provenance({ source: 'A', target: 'B' }, place).marked(OWN, OWN, 41);
  assert.equal(new Provenance({ source: 'B', target: 'A' }, place).isReturning(first), true);
  const onward = new Provenance({ source: 'B', target: 'C' }, place);
  assert.equal(onward.isReturning(first), false);
  const second = onward.marked(first, first, 7);
  assert.ok(texts(second).includes('causeway.origin.cluster=A') && texts(second).includes('causeway.origin.offset=41'));
  assert.equal(
    texts(second)
      .filter((text) => text.startsWith('causeway.path'))
      .join(),
    'causeway.path=A,B',
  );
  for (const target of ['A', 'B'])
    assert.equal(new Provenance({ source: 'C', target }, place).isReturning(second), true);
});

test('no rule can take the guard away', () => {
  const first = new Provenance({ source: 'A', target: 'B' }, place).marked(OWN, OWN, 41);
  const marked = new Provenance({ source: 'B', target: 'C' }, place).marked(first, [], 7);
  assert.equal(new Provenance({ source: 'C', target: 'A' }, place).isReturning(marked), true);
});
