import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RecordRule, rulesVersionOf, treatsOtherwise } from '../../../common/model/record-rules.js';
import { conditionFaults } from '../../../common/rules/condition-faults.js';
import { rulesFaults } from '../../../common/rules/faults.js';

const pointers = (when: unknown): string[] => conditionFaults(when, []).map(({ path }) => `/${path.join('/')}`);

test('every fault of a condition is told at its place', () => {
  const cases: readonly (readonly [unknown, string[]])[] = [
    [{ on: 'key', equals: 'a' }, []],
    [{ all: [{ on: 'field', name: 'a.b', in: [1, 'x', null, true] }, { not: { on: 'timestamp', above: 5 } }] }, []],
    ['drop', ['/']],
    [{ on: 'kay', equals: 1 }, ['/on']],
    [{ on: 'key', name: 'x', equals: 'a' }, ['/name']],
    [{ on: 'key', equals: 5 }, ['/equals']],
    [{ on: 'header', equals: 'a' }, ['/name']],
    [{ on: 'field', name: 'a..b', exists: true }, ['/name']],
    [{ on: 'field', name: 'a', equal: 1 }, ['/equal', '/']],
    [{ on: 'field', name: 'a', above: 1, below: 5 }, ['/']],
    [{ on: 'field', name: 'a', matches: '(' }, ['/matches']],
    [{ on: 'field', name: 'a', matches: '(a{1,900}){1,900}' }, ['/matches']],
    [{ on: 'field', name: 'a', in: [] }, ['/in']],
    [{ on: 'field', name: 'a', in: [1, {}] }, ['/in/1']],
    [{ on: 'timestamp', below: '2026-01-01T00:00:00' }, ['/below']],
    [{ on: 'timestamp', matches: '2.*' }, ['/matches']],
    [{ all: [] }, ['/all']],
    [{ all: [{ on: 'key', equals: 'a' }], any: [] }, ['/any']],
    [{ any: [{ not: { on: 'what' } }] }, ['/any/0/not/on']],
  ];
  for (const [when, expected] of cases) assert.deepEqual(pointers(when), expected, JSON.stringify(when));
});

test('conditions nest and count within bounds', () => {
  let deep: unknown = { on: 'key', exists: true };
  for (let i = 0; i < 6; i++) deep = { not: deep };
  assert.equal(pointers(deep).length, 1);
  const many = { any: Array.from({ length: 500 }, () => ({ on: 'key', exists: true })) };
  assert.equal(pointers(many).length, 1, 'told once');
});

test('rules need names of their own, paths, topics and patterns that can be used', () => {
  const list: RecordRule[] = [
    { name: 'a', action: { do: 'mask', fields: ['x', 'y..z'], with: '' } },
    { name: 'a', action: { do: 'route', topic: 'no/slash', partitions: 1 } },
    { name: 'c', action: { do: 'strip-headers', matching: ['ok', '['] } },
    { name: 'd', action: { do: 'set-key', from: 'field' } },
    { name: 'e', action: { do: 'set-key', from: 'hash', name: 'x' } },
    { name: 'f', action: { do: 'set-key', from: 'text', name: 'x', hmac: 's' } },
  ];
  const found = rulesFaults({ onUnreadable: 'keep', list }).map(({ path }) => path.join('/'));
  assert.deepEqual(found, [
    'list/0/action/fields/1',
    'list/1/name',
    'list/1/action/topic',
    'list/2/action/matching/1',
    'list/3/action/name',
    'list/4/action/name',
    'list/5/action/hmac',
  ]);
  const large: RecordRule = {
    name: 'big',
    when: { on: 'key', in: Array.from({ length: 900 }, (_, i) => `${i}`.padEnd(60, 'x')) },
    action: { do: 'drop' },
  };
  assert.deepEqual(
    rulesFaults({ onUnreadable: 'keep', list: [large] }).map(({ path }) => path.join('/')),
    ['list'],
  );
});

test('the version tells routes whose records fare differently apart, and is 1 without rules', () => {
  const rule: RecordRule = { name: 'a', action: { do: 'drop' } };
  const versions = [
    rulesVersionOf({}),
    rulesVersionOf({ provenance: true }),
    rulesVersionOf({ rules: { onUnreadable: 'keep', list: [rule] } }),
    rulesVersionOf({ rules: { onUnreadable: 'drop', list: [rule] } }),
    rulesVersionOf({ rules: { onUnreadable: 'keep', list: [rule] }, provenance: true }),
    rulesVersionOf({ rules: { onUnreadable: 'keep', list: [rule], avro: { value: '"int"' } } }),
    rulesVersionOf({ rules: { onUnreadable: 'keep', list: [{ ...rule, onUnreadable: 'drop' }] } }),
  ];
  assert.equal(versions[0], 1);
  assert.equal(new Set(versions).size, versions.length);
  assert.ok(versions.every(Number.isSafeInteger));
});

test('another dead-letter topic, where rules write there, and another translation of ids are changes as well', () => {
  const rule: RecordRule = { name: 'a', action: { do: 'drop' } };
  const letters = { rules: { onUnreadable: 'dead-letter', list: [rule] }, deadLetterTopic: 'x' } as const;
  const kept = { rules: { onUnreadable: 'keep', list: [rule] }, deadLetterTopic: 'x' } as const;
  const ids = { keys: false, values: true, register: false };
  assert.equal(treatsOtherwise(letters, structuredClone(letters)), false);
  assert.equal(treatsOtherwise(letters, { ...letters, deadLetterTopic: 'y' }), true);
  assert.equal(treatsOtherwise(kept, { ...kept, deadLetterTopic: 'y' }), false);
  assert.equal(treatsOtherwise({ schemaIds: ids }, { schemaIds: { ...ids, register: true } }), true);
  assert.equal(treatsOtherwise({ schemaIds: ids }, {}), true);
  assert.equal(treatsOtherwise({}, { deadLetterTopic: 'y' }), false);
});
