import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecordRule, RuleCondition } from '../../../common/model/record-rules.js';
import { rulesWarnings } from '../../../common/rules/warnings.js';

const warned = (...list: RecordRule[]): readonly string[] => rulesWarnings({ onUnreadable: 'keep', list });
const WHEN: RuleCondition = { on: 'key', equals: 'a' };

test('rules behind one that ends all records, or the same ones, are told', () => {
  const drop = (name: string, when?: RuleCondition): RecordRule => ({
    name,
    action: { do: 'drop' },
    ...(when === undefined ? {} : { when }),
  });
  const mask: RecordRule = { name: 'm', action: { do: 'mask', fields: ['x'], with: '' } };
  assert.deepEqual(warned(drop('a'), mask), ['rule m is never asked: rule a ends every record before it']);
  assert.deepEqual(warned(drop('a', WHEN), drop('b', WHEN)), [
    'rule b is never asked: rule a ends the same records before it',
  ]);
  assert.equal(warned({ name: 'none', action: { do: 'sample', fraction: 0 } }, mask).length, 1);
  assert.deepEqual(
    warned(mask, drop('a', WHEN), mask, drop('b', WHEN)),
    [],
    'between them the record may have changed',
  );
  assert.deepEqual(warned(mask, { name: 'k', action: { do: 'keep' } }), []);
});

test('conditions that cannot hold are told, those that can are not', () => {
  const cases: readonly (readonly [RuleCondition, boolean])[] = [
    [{ all: [WHEN, { on: 'key', equals: 'b' }] }, true],
    [{ all: [WHEN, { on: 'key', in: ['b', 'c'] }] }, true],
    [{ all: [WHEN, { on: 'key', in: ['a', 'c'] }] }, false],
    [
      {
        all: [
          { on: 'field', name: 'n', above: 5 },
          { on: 'field', name: 'n', below: 3 },
        ],
      },
      true,
    ],
    [
      {
        all: [
          { on: 'field', name: 'n', above: 3 },
          { on: 'field', name: 'n', below: 5 },
        ],
      },
      false,
    ],
    [
      {
        all: [
          { on: 'field', name: 'n', exists: false },
          { on: 'field', name: 'n', equals: 1 },
        ],
      },
      true,
    ],
    [
      {
        all: [
          { on: 'key', exists: false },
          { on: 'key', equals: null },
        ],
      },
      false,
    ],
    [
      {
        all: [
          { on: 'header', name: 'h', equals: 'a' },
          { on: 'header', name: 'h', equals: 'b' },
        ],
      },
      false,
    ],
    [
      {
        all: [
          { on: 'field', name: 'a.*', equals: 'a' },
          { on: 'field', name: 'a.*', equals: 'b' },
        ],
      },
      false,
    ],
    [
      {
        all: [
          { on: 'field', name: 't', equals: 0 },
          { on: 'field', name: 't', equals: '1970-01-01' },
        ],
      },
      false,
    ],
    [{ any: [WHEN, { all: [WHEN, { on: 'key', equals: 'b' }] }] }, false],
    [{ not: { all: [WHEN, { on: 'key', equals: 'b' }] } }, false],
  ];
  for (const [when, expected] of cases) {
    const found = warned({ name: 'r', when, action: { do: 'drop' } });
    assert.equal(found.length, expected ? 1 : 0, JSON.stringify(when));
  }
});
