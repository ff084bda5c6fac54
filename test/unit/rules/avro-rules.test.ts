import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import avsc, { type Schema } from 'avsc';
import { compileAvro } from '../../../common/avro/schema.js';
import type { RecordRule, RecordRules, RuleCondition } from '../../../common/model/record-rules.js';
import { rulesFaults } from '../../../common/rules/faults.js';
import { type Decision, RuleProgram, RuleTally } from '../../../common/rules/program.js';
import { type FramedFormat, partReaders } from '../../../common/rules/readers.js';
import type { RuleRecord } from '../../../common/rules/record-in-hand.js';

const ORDER = {
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'mail', type: ['null', 'string'] },
    { name: 'count', type: 'int' },
    { name: 'total', type: { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 } },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'big', type: 'long' },
  ],
};
const WRITER = avsc.Type.forSchema(ORDER as Schema, { wrapUnions: true });
const KEY = avsc.Type.forSchema({ type: 'record', name: 'Key', fields: [{ name: 'user', type: 'string' }] });

const FORMATS = new Map<number, FramedFormat>([
  [1, { kind: 'avro', node: compileAvro(JSON.stringify(ORDER)) }],
  [2, { kind: 'json' }],
  [3, { kind: 'none', why: 'schemas of type PROTOBUF are not understood' }],
  [4, { kind: 'avro', node: compileAvro(JSON.stringify(KEY.schema())) }],
]);

function framed(id: number, data: Buffer): Buffer {
  const frame = Buffer.alloc(5);
  frame.writeInt32BE(id, 1);
  return Buffer.concat([frame, data]);
}

const AT_MS = Date.parse('2026-03-01T12:00:00Z');

const order = (more: object = {}): Buffer =>
  WRITER.toBuffer({
    mail: { string: 'a@b.c' },
    count: 3,
    total: Buffer.from([0x30, 0x39]),
    at: AT_MS,
    big: 5,
    ...more,
  });

const record = (value: Buffer | null, key: Buffer | null = framed(4, KEY.toBuffer({ user: 'ann' }))): RuleRecord => ({
  key,
  value,
  headers: [],
  timestamp: 0n,
});

function decided(rules: RecordRules, given: RuleRecord) {
  const readers = partReaders(rules, {
    key: { find: (id) => FORMATS.get(id) },
    value: { find: (id) => FORMATS.get(id) },
  });
  const program = new RuleProgram(rules, { topic: 't', topicId: null, partition: 0 }, new Map(), readers);
  const tally = new RuleTally(program.names);
  return { decision: program.decide(given, 0, tally), counts: tally.entries() };
}

const run = (list: RecordRule[], given: RuleRecord, more: Partial<RecordRules> = {}): Decision =>
  decided({ onUnreadable: 'pause', list, ...more }, given).decision;

const holds = (when: RuleCondition, given: RuleRecord): boolean =>
  run([{ name: 'r', when, action: { do: 'drop' } }], given).kind === 'drop';

function left(decision: Decision): RuleRecord {
  assert.equal(decision.kind, 'changed', decision.kind === 'unreadable' ? decision.why : '');
  return decision.kind === 'changed' ? decision.record : assert.fail();
}

test('conditions look into Avro values and keys by the schema that is named in front of them', () => {
  const given = record(framed(1, order()));
  const cases: readonly (readonly [RuleCondition, boolean])[] = [
    [{ on: 'field', name: 'mail', matches: '.*@b\\.c' }, true],
    [{ on: 'field', name: 'mail', equals: null }, false],
    [{ on: 'field', name: 'count', equals: 3 }, true],
    [{ on: 'field', name: 'count', equals: '3' }, false],
    [{ on: 'field', name: 'count', in: [1, 3] }, true],
    [{ on: 'field', name: 'total', above: 123 }, true],
    [{ on: 'field', name: 'total', equals: 123.45 }, true],
    [{ on: 'field', name: 'at', below: '2026-03-02' }, true],
    [{ on: 'field', name: 'at', atLeast: '2026-03-01T12:00:00Z' }, true],
    [{ on: 'field', name: 'at', above: '2026-03-01T13:00:00+01:00' }, false],
    [{ on: 'field', name: 'at', equals: AT_MS }, true],
    [{ on: 'field', name: 'at', equals: '2026-03-01T12:00:00Z' }, true],
    [{ on: 'field', name: 'at', in: ['2026-03-01T12:00:00Z'] }, true],
    [{ on: 'field', name: 'at', below: 'tomorrow' }, false],
    [{ on: 'field', name: 'at', matches: '2026-.*Z' }, true],
    [{ on: 'field', name: 'none', exists: false }, true],
    [{ on: 'field', name: '.', exists: true }, true],
    [{ on: 'key-field', name: 'user', equals: 'ann' }, true],
    [{ on: 'key-field', name: 'user', in: ['bob'] }, false],
  ];
  for (const [condition, expected] of cases) assert.equal(holds(condition, given), expected, JSON.stringify(condition));
  assert.equal(holds({ on: 'field', name: 'mail', exists: true }, record(null)), false, 'a tombstone has no fields');
  assert.equal(holds({ on: 'key-field', name: 'user', exists: true }, record(null, null)), false);
});

test('numbers that no number holds exactly are compared exactly', () => {
  const LONG = avsc.types.LongType.__with({
    fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
    toBuffer: (value: bigint) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(value);
      return bytes;
    },
    fromJSON: BigInt,
    toJSON: String,
    isValid: (value: unknown) => typeof value === 'bigint',
    compare: () => 0,
  });
  const big = LONG.toBuffer(2n ** 53n + 1n);
  const rules = (when: RuleCondition): Decision =>
    run([{ name: 'r', when, action: { do: 'drop' } }], record(big), { avro: { value: '"long"' } });
  assert.equal(rules({ on: 'field', name: '.', equals: 2 ** 53 }).kind, 'same');
  assert.equal(rules({ on: 'field', name: '.', above: 2 ** 53 }).kind, 'drop');
  assert.equal(rules({ on: 'field', name: '.', matches: '9007199254740993' }).kind, 'drop');
});

test('masks and hashes write the same schema with the same id, and hash a text as in JSON', () => {
  const hash = createHash('sha256').update('a@b.c').digest('hex');
  const hashed = left(run([{ name: 'h', action: { do: 'hash', fields: ['mail'] } }], record(framed(1, order()))));
  assert.deepEqual(hashed.value, framed(1, order({ mail: { string: hash } })));
  const json = run([{ name: 'h', action: { do: 'hash', fields: ['mail'] } }], record(Buffer.from('{"mail":"a@b.c"}')));
  assert.equal(String(left(json).value), `{"mail":"${hash}"}`);
  const masked = left(
    run(
      [
        { name: 'm', action: { do: 'mask', fields: ['mail', 'none.there'], with: '***' } },
        { name: 'n', action: { do: 'mask', fields: ['count', 'total'], with: 0 } },
        { name: 'k', action: { do: 'hash', part: 'key', fields: ['user'] } },
        {
          name: 'after',
          when: { on: 'field', name: 'mail', equals: '***' },
          action: { do: 'remove', fields: ['mail'] },
        },
      ],
      record(framed(1, order())),
    ),
  );
  assert.deepEqual(masked.value, framed(1, order({ mail: null, count: 0, total: Buffer.from([0]) })));
  const user = createHash('sha256').update('ann').digest('hex');
  assert.deepEqual(masked.key, framed(4, KEY.toBuffer({ user })));
  const same = run([{ name: 'm', action: { do: 'mask', fields: ['none'], with: 'x' } }], record(framed(1, order())));
  assert.equal(same.kind, 'same', 'a field that is not there changes nothing');
});

test('JSON behind a schema’s id keeps it, and keys are made of Avro fields', () => {
  const given = record(framed(2, Buffer.from('{"mail":"x", "n": 1.0}')));
  const masked = run([{ name: 'm', action: { do: 'mask', fields: ['mail'], with: null } }], given);
  assert.deepEqual(left(masked).value, framed(2, Buffer.from('{"mail":null, "n": 1.0}')));
  const keyed = (name: string): Decision =>
    run([{ name: 'k', action: { do: 'set-key', from: 'field', name } }], record(framed(1, order())));
  assert.deepEqual(
    ['mail', 'count', 'at', 'total'].map((name) => String(left(keyed(name)).key)),
    ['a@b.c', '3', '2026-03-01T12:00:00.000Z', '123.45'],
  );
  assert.equal(left(keyed('none')).key, null);
  assert.equal(keyed('.').kind, 'unreadable');
});

test('what cannot be read or cannot be hidden fares as its rule says, and nothing of it has changed', () => {
  const why = (value: Buffer): string => {
    const decision = run(
      [{ name: 'm', action: { do: 'mask', fields: ['mail', 'count'], with: '***' } }],
      record(value),
    );
    return decision.kind === 'unreadable' ? decision.why : decision.kind;
  };
  assert.match(why(framed(1, order())), /its field count: it is of type int, which cannot hold a text of 3 characters/);
  assert.match(why(framed(1, order().subarray(1))), /not what its schema says/);
  assert.match(why(framed(3, Buffer.alloc(3))), /schema id 3 .*PROTOBUF/);
  assert.match(why(framed(-1, Buffer.alloc(3))), /cannot be/);
  assert.match(why(framed(1, Buffer.alloc(1 << 20))), /more than 1048576 bytes/);
  assert.match(why(Buffer.from([0, 1])), /not JSON/);
  const mixed: RecordRules = {
    onUnreadable: 'pause',
    list: [
      { name: 'pass', action: { do: 'mask', fields: ['count'], with: '***' }, onUnreadable: 'keep' },
      { name: 'letter', action: { do: 'mask', fields: ['big'], with: '***' }, onUnreadable: 'dead-letter' },
    ],
  };
  const { decision, counts } = decided(mixed, record(framed(1, order())));
  assert.deepEqual([decision.kind, decision.kind === 'unreadable' && decision.policy], ['unreadable', 'dead-letter']);
  assert.deepEqual(
    counts.map(({ rule, outcome }) => `${rule} ${outcome}`),
    ['pass unreadable', 'letter unreadable'],
  );
});

test('an id that nobody looked up is asked for, once it is needed', () => {
  const given = record(framed(99, order()));
  const byKey: RecordRule = {
    name: 'k',
    when: { on: 'key-field', name: 'user', equals: 'ann' },
    action: { do: 'drop' },
  };
  assert.equal(run([byKey], given).kind, 'drop');
  const byField: RecordRule = { name: 'f', when: { on: 'field', name: 'mail', exists: true }, action: { do: 'keep' } };
  assert.deepEqual(run([byField], given, { onUnreadable: 'drop' }), { kind: 'wanting', part: 'value', id: 99 });
});

test('without a registry framed values are unreadable, and a schema in the rules reads values without an id', () => {
  const rules: RecordRules = {
    onUnreadable: 'pause',
    list: [{ name: 'm', action: { do: 'mask', fields: ['mail'], with: '***' } }],
  };
  const program = new RuleProgram(rules, { topic: 't', topicId: null, partition: 0 }, new Map());
  const none = program.decide(record(framed(1, order())), 0, new RuleTally(program.names));
  assert.match(none.kind === 'unreadable' ? none.why : '', /no schema registry is configured/);
  const own = run(rules.list as RecordRule[], record(order()), { avro: { value: JSON.stringify(ORDER) } });
  assert.deepEqual(left(own).value, order({ mail: { string: '***' } }));
});

test('faults of schemas and paths are told at their places', () => {
  const list: RecordRule[] = [
    { name: 'a', action: { do: 'remove', fields: ['.', 'x'] } },
    {
      name: 'b',
      when: { on: 'key-field', name: 'a..b', exists: true },
      action: { do: 'mask', fields: ['.'], with: 1 },
    },
  ];
  const faults = rulesFaults({ onUnreadable: 'pause', avro: { key: '"no-such"', value: '"int"' }, list });
  assert.deepEqual(
    faults.map(({ path }) => path.join('/')),
    ['avro/key', 'list/0/action/fields/0', 'list/1/when/name'],
  );
});
