import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import type { RecordRule, RecordRules, RuleCondition, UnreadablePolicy } from '../../../common/model/record-rules.js';
import { type Decision, missingSecrets, RuleProgram, RuleTally } from '../../../common/rules/program.js';
import type { RuleRecord } from '../../../common/rules/record-in-hand.js';

const PLACE = { topic: 'orders', topicId: 'id-1', partition: 5 };
/** Offsets of PLACE that are in a sample of a tenth. What is sampled must not change with the program. */
const GOLDEN_SAMPLE: readonly number[] = [3, 9, 10, 27, 44, 62, 78, 93];
const GOLDEN_FAR: readonly number[] = [5, 7, 10, 15, 21, 32, 52, 57, 58, 60, 74, 81, 97];
const SECRETS = new Map([['pii', 'a long enough secret']]);

const record = (value: unknown, more: Partial<RuleRecord> = {}): RuleRecord => ({
  key: Buffer.from('k1'),
  value: value === null ? null : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
  headers: [
    [Buffer.from('tenant'), Buffer.from('acme')],
    [Buffer.from('tenant'), Buffer.from('beta')],
    [Buffer.from('trace'), null],
  ],
  timestamp: 1_700_000_000_000n,
  ...more,
});

function run(list: RecordRule[], given: RuleRecord, onUnreadable: UnreadablePolicy = 'pause'): Decision {
  return tallied(list, given, onUnreadable).decision;
}

function tallied(list: RecordRule[], given: RuleRecord, onUnreadable: UnreadablePolicy = 'pause') {
  const program = new RuleProgram({ list, onUnreadable }, PLACE, SECRETS);
  const tally = new RuleTally(program.names);
  return { decision: program.decide(given, 17, tally), counts: tally.entries() };
}

const holds = (when: RuleCondition, given: RuleRecord): boolean =>
  run([{ name: 'r', when, action: { do: 'drop' } }], given).kind === 'drop';

/** The value that is left, as text. */
function valueAfter(list: RecordRule[], given: RuleRecord): string {
  const decision = run(list, given);
  if (decision.kind === 'same') return given.value?.toString() ?? 'null';
  assert.equal(decision.kind, 'changed');
  return decision.kind === 'changed' ? (decision.record.value?.toString() ?? 'null') : '';
}

test('conditions look at key, headers, timestamp and fields, with every kind of test', () => {
  const order = record({ customer: { country: 'DE' }, total: 120.5, items: [{ sku: 'a' }, { sku: 'b' }], void: null });
  const cases: readonly (readonly [RuleCondition, boolean])[] = [
    [{ on: 'key', equals: 'k1' }, true],
    [{ on: 'key', matches: 'k' }, false],
    [{ on: 'key', matches: 'k[0-9]' }, true],
    [{ on: 'key', exists: false }, false],
    [{ on: 'header', name: 'tenant', equals: 'beta' }, true],
    [{ on: 'header', name: 'tenant', in: ['x', 'y'] }, false],
    [{ on: 'header', name: 'trace', exists: true }, true],
    [{ on: 'header', name: 'trace', equals: null }, true],
    [{ on: 'header', name: 'none', exists: false }, true],
    [{ on: 'timestamp', below: '2023-11-15' }, true],
    [{ on: 'timestamp', atLeast: 1_700_000_000_001 }, false],
    [{ on: 'field', name: 'customer.country', in: ['AT', 'DE'] }, true],
    [{ on: 'field', name: 'total', above: 120 }, true],
    [{ on: 'field', name: 'total', atMost: 120 }, false],
    [{ on: 'field', name: 'total', above: '120' }, false],
    [{ on: 'field', name: 'items.*.sku', equals: 'b' }, true],
    [{ on: 'field', name: 'items.1.sku', equals: 'b' }, true],
    [{ on: 'field', name: 'items.2.sku', exists: true }, false],
    [{ on: 'field', name: 'void', exists: true }, true],
    [{ on: 'field', name: 'toString', exists: true }, false],
    [{ all: [{ on: 'key', equals: 'k1' }, { not: { on: 'field', name: 'void', equals: 1 } }] }, true],
    [
      {
        any: [
          { on: 'key', equals: 'no' },
          { on: 'field', name: 'total', below: 1 },
        ],
      },
      false,
    ],
  ];
  for (const [condition, expected] of cases) assert.equal(holds(condition, order), expected, JSON.stringify(condition));
});

test('a tombstone has no fields, and is not unreadable', () => {
  assert.equal(holds({ on: 'field', name: 'a', exists: false }, record(null)), true);
  assert.equal(run([{ name: 'm', action: { do: 'mask', fields: ['a'], with: 'x' } }], record(null)).kind, 'same');
});

test('a header that decides alone spares the value from being looked into', () => {
  const when: RuleCondition = {
    all: [
      { on: 'header', name: 'tenant', equals: 'none' },
      { on: 'field', name: 'a', equals: 1 },
    ],
  };
  assert.equal(run([{ name: 'r', when, action: { do: 'drop' } }], record('no json')).kind, 'same');
});

test('masks change these bytes and no others: large numbers, order, blanks and repeated names stay', () => {
  const text = '{ "id": 12345678901234567890, "card" : "4111", "n": 1.0, "card":{"deep":[1,"}"]}, "x":"\\"card\\":1" }';
  assert.equal(
    valueAfter([{ name: 'm', action: { do: 'mask', fields: ['card'], with: '***' } }], record(text)),
    '{ "id": 12345678901234567890, "card" : "***", "n": 1.0, "card":"***", "x":"\\"card\\":1" }',
  );
});

test('a name written with escapes is the same name', () => {
  const text = '{"c\\u0061rd":"4111"}';
  assert.equal(
    valueAfter([{ name: 'm', action: { do: 'mask', fields: ['card'], with: '' } }], record(text)),
    '{"c\\u0061rd":""}',
  );
});

test('removing fields leaves JSON behind, wherever they stand', () => {
  const remove = (fields: string[], text: string): string =>
    valueAfter([{ name: 'd', action: { do: 'remove', fields } }], record(text));
  assert.equal(remove(['a'], '{"a":1,"b":2}'), '{"b":2}');
  assert.equal(remove(['b'], '{"a":1 , "b":2 }'), '{"a":1 }');
  assert.equal(remove(['b', 'c'], '{"a":1,"b":2,"c":3}'), '{"a":1}');
  assert.equal(remove(['*'], '{"a":1,"b":2}'), '{}');
  assert.equal(remove(['l.*.s'], '{"l":[{"s":1},{"t":2,"s":3},4]}'), '{"l":[{},{"t":2},4]}');
  assert.equal(remove(['l.0'], '{"l":[1,2]}'), '{"l":[2]}');
  assert.equal(remove(['none.x'], '{"a":1}'), '{"a":1}');
});

test('hashes are those of what a text says, keyed ones by the secret; null stays null', () => {
  const list: RecordRule[] = [
    { name: 'plain', action: { do: 'hash', fields: ['mail', 'none', 'void'] } },
    { name: 'keyed', action: { do: 'hash', fields: ['phone'], hmac: 'pii' } },
  ];
  const hash = createHash('sha256').update('ä@b.c').digest('hex');
  const hmac = createHmac('sha256', 'a long enough secret').update('555').digest('hex');
  assert.equal(
    valueAfter(list, record('{"mail":"\\u00e4@b.c","void":null,"phone":555}')),
    `{"mail":"${hash}","void":null,"phone":"${hmac}"}`,
  );
});

test('keys are set from a field, a header, a text, or their own hash; a field that is missing gives none', () => {
  const keyAfter = (action: RecordRule['action'], value: unknown = { id: 7, name: 'n' }): string | null => {
    const decision = run([{ name: 'k', action }], record(value));
    return decision.kind === 'changed' ? (decision.record.key?.toString() ?? null) : assert.fail(decision.kind);
  };
  assert.equal(keyAfter({ do: 'set-key', from: 'field', name: 'id' }), '7');
  assert.equal(keyAfter({ do: 'set-key', from: 'field', name: 'gone' }), null);
  assert.equal(keyAfter({ do: 'set-key', from: 'header', name: 'tenant' }), 'acme');
  assert.equal(keyAfter({ do: 'set-key', from: 'text', name: 'fixed' }), 'fixed');
  assert.equal(keyAfter({ do: 'set-key', from: 'hash' }), createHash('sha256').update('k1').digest('hex'));
});

test('headers are added and stripped; a value that nobody touched is the same bytes', () => {
  const given = record('no json at all');
  const decision = run(
    [
      { name: 's', action: { do: 'strip-headers', matching: ['ten.*'] } },
      { name: 'a', action: { do: 'add-header', name: 'from', value: 'east' } },
    ],
    given,
  );
  assert.ok(decision.kind === 'changed');
  assert.equal(decision.record.value, given.value);
  assert.deepEqual(
    decision.record.headers.map(([key, value]) => [key.toString(), value?.toString() ?? null]),
    [
      ['trace', null],
      ['from', 'east'],
    ],
  );
});

test('rules act in order: each sees what the ones before left, and the first that ends it ends it', () => {
  const list: RecordRule[] = [
    { name: 'hide', action: { do: 'mask', fields: ['tier'], with: 'gold' } },
    {
      name: 'gold',
      when: { on: 'field', name: 'tier', equals: 'gold' },
      action: { do: 'route', topic: 'gold', partitions: 4 },
    },
    { name: 'never', action: { do: 'drop' } },
  ];
  const { decision, counts } = tallied(list, record({ tier: 'basic' }));
  assert.ok(decision.kind === 'route');
  assert.deepEqual(
    [decision.topic, decision.partition, decision.record.value?.toString()],
    ['gold', 1, '{"tier":"gold"}'],
  );
  assert.deepEqual(counts, [
    { rule: 'hide', outcome: 'changed', count: 1 },
    { rule: 'gold', outcome: 'routed', count: 1 },
  ]);
});

test('what cannot be read fares as the route says', () => {
  const list: RecordRule[] = [
    { name: 'look', when: { on: 'field', name: 'a', equals: 1 }, action: { do: 'drop' } },
    { name: 'rest', action: { do: 'add-header', name: 'h', value: 'v' } },
  ];
  const kinds = (['keep', 'drop', 'dead-letter', 'pause'] as const).map(
    (policy) => run(list, record('{'), policy).kind,
  );
  assert.deepEqual(kinds, ['changed', 'drop', 'unreadable', 'unreadable']);
  assert.equal(
    run(list, record(`"${'x'.repeat(1 << 20)}"`), 'drop').kind,
    'drop',
    'nor what is too large to be parsed',
  );
  assert.deepEqual(tallied(list, record('{'), 'keep').counts[0], { rule: 'look', outcome: 'unreadable', count: 1 });
});

test('samples are decided by the place alone, near their share, and differ between rules', () => {
  const sampled = (name: string, fraction: number): number[] => {
    const list: RecordRule[] = [{ name, action: { do: 'sample', fraction } }];
    const program = new RuleProgram({ list, onUnreadable: 'keep' }, PLACE, SECRETS);
    const tally = new RuleTally(program.names);
    const given = record({});
    return Array.from({ length: 20_000 }, (_, offset) => offset).filter(
      (offset) => program.decide(given, offset, tally).kind === 'same',
    );
  };
  const tenth = sampled('tenth', 0.1);
  assert.ok(tenth.length > 1_800 && tenth.length < 2_200, String(tenth.length));
  assert.deepEqual(tenth, sampled('tenth', 0.1));
  const other = new Set(sampled('other', 0.1));
  assert.ok(tenth.filter((offset) => other.has(offset)).length < 400);
  assert.equal(sampled('none', 0).length, 0);
  assert.equal(sampled('all', 1).length, 20_000);
});

test('secrets that rules name and nobody has are told', () => {
  const rules: RecordRules = {
    onUnreadable: 'keep',
    list: [
      { name: 'a', action: { do: 'hash', fields: ['x'], hmac: 'gone' } },
      { name: 'b', action: { do: 'set-key', from: 'hash', hmac: 'pii' } },
    ],
  };
  assert.deepEqual(missingSecrets(rules, SECRETS), ['gone']);
});

test('a sample stays the same over restarts and versions of the program', () => {
  const program = new RuleProgram(
    { onUnreadable: 'keep', list: [{ name: 'tenth', action: { do: 'sample', fraction: 0.1 } }] },
    PLACE,
    SECRETS,
  );
  const has = (offset: number): boolean =>
    program.decide(record({}), offset, new RuleTally(program.names)).kind === 'same';
  const sampled = Array.from({ length: 100 }, (_, offset) => offset).filter(has);
  assert.deepEqual(sampled, GOLDEN_SAMPLE);
  const far = Array.from({ length: 100 }, (_, i) => 2 ** 40 + i)
    .filter(has)
    .map((offset) => offset - 2 ** 40);
  assert.deepEqual(far, GOLDEN_FAR);
});

test('a rule counts as changed what it changed; where it found nothing the record is kept, and the count says so', () => {
  const outcome = (action: RecordRule['action'], given = record({ a: 1, none: null })): string =>
    tallied([{ name: 'r', action }], given)
      .counts.map(({ outcome: one }) => one)
      .join();
  assert.equal(outcome({ do: 'mask', fields: ['a'], with: 'x' }), 'changed');
  assert.equal(outcome({ do: 'mask', fields: ['misspelt', 'none'], with: 'x' }), 'kept');
  assert.equal(outcome({ do: 'remove', fields: ['misspelt'] }), 'kept');
  assert.equal(outcome({ do: 'strip-headers', matching: ['tenant'] }), 'changed');
  assert.equal(outcome({ do: 'strip-headers', matching: ['other'] }), 'kept');
  assert.equal(outcome({ do: 'set-key', from: 'text', name: 'k1' }), 'kept');
  assert.equal(outcome({ do: 'set-key', from: 'header', name: 'trace' }), 'changed');
  assert.equal(outcome({ do: 'hash', fields: ['a'] }, record(null)), 'kept');
});

test('records that would cost too much cannot be read: growth without measure, costly patterns on long texts, depth', () => {
  const many = record(`[${'1,'.repeat(200_000)}1]`);
  const grown = run([{ name: 'm', action: { do: 'mask', fields: ['*'], with: 'x'.repeat(1_000) } }], many);
  assert.match(grown.kind === 'unreadable' ? grown.why : grown.kind, /would take the place/);
  const costly: RuleCondition = { on: 'field', name: 'text', matches: '(a{1,30}b?){1,30}' };
  const when = (text: string): Decision => run([{ name: 'r', when: costly, action: { do: 'drop' } }], record({ text }));
  assert.equal(when('aab').kind, 'drop');
  const long = when('a'.repeat(900_000));
  assert.match(long.kind === 'unreadable' ? long.why : long.kind, /a text of 900000 characters/);
  const simple: RuleCondition = { on: 'field', name: 'text', matches: 'a*' };
  assert.equal(
    run([{ name: 'r', when: simple, action: { do: 'drop' } }], record({ text: 'a'.repeat(900_000) })).kind,
    'drop',
  );
  const deep = run([{ name: 'm', action: { do: 'mask', fields: ['x'], with: '' } }], record('['.repeat(1_000_000)));
  assert.equal(deep.kind, 'unreadable');
});
