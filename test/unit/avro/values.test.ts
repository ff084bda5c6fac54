import assert from 'node:assert/strict';
import { test } from 'node:test';
import avsc, { type Schema } from 'avsc';
import { AvroMisfit, avroRemoved, avroReplaced } from '../../../common/avro/edit.js';
import { avroValuesAt, CONTAINER, expectWhole } from '../../../common/avro/find.js';
import { AvroFault } from '../../../common/avro/reader.js';
import { AvroTime } from '../../../common/avro/scalar.js';
import { compileAvro, MAX_SCHEMA_BYTES, SchemaFault } from '../../../common/avro/schema.js';
import { avroText } from '../../../common/avro/text.js';
import type { Substitute } from '../../../common/model/field-path.js';
import { parsePath } from '../../../common/rules/field-path.js';

const SCHEMA = {
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'mail', type: ['null', 'string'], default: 'not null: registries took that' },
    {
      name: 'customer',
      type: {
        type: 'record',
        name: 'Customer',
        fields: [
          { name: 'country', type: { type: 'enum', name: 'Country', symbols: ['AT', 'DE'] } },
          { name: 'born', type: { type: 'int', logicalType: 'date' } },
        ],
      },
    },
    { name: 'again', type: ['null', 'Customer'] },
    { name: 'items', type: { type: 'array', items: { type: 'map', values: ['int', 'string'] } } },
    { name: 'total', type: { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 } },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-micros' } },
    { name: 'parent', type: ['null', 'shop.Order'] },
    { name: 'mark', type: { type: 'fixed', name: 'Mark', size: 4 } },
    { name: 'ratio', type: 'double' },
    { name: 'open', type: 'boolean' },
  ],
} as const;

/** As the library writes it. */
const WRITER = avsc.Type.forSchema(stripped(SCHEMA) as Schema, { wrapUnions: true });
const NODE = compileAvro(JSON.stringify(SCHEMA));

function stripped(schema: unknown): unknown {
  return JSON.parse(JSON.stringify(schema, (key, value: unknown) => (key === 'default' ? undefined : value)));
}

function order(more: object = {}) {
  return {
    id: 7,
    mail: { string: 'a@b.c' },
    customer: { country: 'DE', born: 0 },
    again: { 'shop.Customer': { country: 'AT', born: -1 } },
    items: [{ 'price.net': { int: 5 }, sku: { string: 'x' } }, {}, { sku: { string: 'y' } }],
    total: Buffer.from([0x30, 0x39]),
    at: 1_700_000_000_000_001,
    parent: null,
    mark: Buffer.from([0, 255, 1, 2]),
    ratio: 0.5,
    open: true,
    ...more,
  };
}

const at = (value: object, path: string): readonly unknown[] =>
  avroValuesAt(NODE, WRITER.toBuffer(value), parsePath(path));

const replaced = (value: object, path: string, by: Substitute): Buffer =>
  avroReplaced(NODE, WRITER.toBuffer(value), parsePath(path), by);

/** What the library would have written. */
const written = (more: object): Buffer => WRITER.toBuffer(order(more));

test('values of the specification’s own examples', () => {
  const record = compileAvro(
    '{"type":"record","name":"test","fields":[{"name":"a","type":"long"},{"name":"b","type":"string"}]}',
  );
  const bytes = Buffer.from([0x36, 0x06, 0x66, 0x6f, 0x6f]);
  assert.deepEqual(avroValuesAt(record, bytes, parsePath('a')), [27]);
  assert.deepEqual(avroValuesAt(record, bytes, parsePath('b')), ['foo']);
  const array = compileAvro('{"type":"array","items":"long"}');
  assert.deepEqual(avroValuesAt(array, Buffer.from([0x04, 0x06, 0x36, 0x00]), parsePath('*')), [3, 27]);
  const union = compileAvro('["null","string"]');
  assert.deepEqual(avroValuesAt(union, Buffer.from([0x02, 0x02, 0x61]), parsePath('.')), ['a']);
  // A block whose length in bytes is told: two items, two bytes.
  assert.deepEqual(avroValuesAt(array, Buffer.from([0x03, 0x04, 0x06, 0x36, 0x00]), parsePath('1')), [27]);
});

test('paths lead through records, unions, arrays and maps; logical types are read as what they mean', () => {
  const value = order();
  const cases: readonly (readonly [string, readonly unknown[]])[] = [
    ['id', [7]],
    ['mail', ['a@b.c']],
    ['customer.country', ['DE']],
    ['again.country', ['AT']],
    ['items.*.sku', ['x', 'y']],
    ['items.0.price\\.net', [5]],
    ['items.3.sku', []],
    ['items.1', [CONTAINER]],
    ['total', [123.45]],
    ['parent', [null]],
    ['parent.id', []],
    ['id.x', []],
    ['none', []],
    ['mark', ['\u0000ÿ\u0001\u0002']],
    ['ratio', [0.5]],
    ['open', [true]],
  ];
  for (const [path, expected] of cases) assert.deepEqual(at(value, path), expected, path);
  const [born] = at(value, 'customer.born') as [AvroTime];
  assert.deepEqual([born.stored, born.ms, String(born)], [0, 0, '1970-01-01T00:00:00.000Z']);
  const [time] = at(value, 'at') as [AvroTime];
  assert.deepEqual([time.stored, time.ms], [1_700_000_000_000_001, 1_700_000_000_000.001]);
  const inner = order({ parent: { 'shop.Order': order({ id: 8 }) } });
  assert.deepEqual(at(inner, 'parent.id'), [8]);
  assert.equal(
    avroText(NODE, WRITER.toBuffer(order({ items: [] }))),
    '{"id":7,"mail":"a@b.c","customer":{"country":"DE","born":"1970-01-01T00:00:00.000Z"},' +
      '"again":{"country":"AT","born":"1969-12-31T00:00:00.000Z"},"items":[],"total":123.45,' +
      '"at":"2023-11-14T22:13:20.000Z","parent":null,"mark":"\\u0000ÿ\\u0001\\u0002","ratio":0.5,"open":true}',
  );
});

test('replacements are of the field’s own type, in unions of a branch that has them; everything else stays', () => {
  const value = order();
  const text: Substitute = () => '***';
  assert.deepEqual(replaced(value, 'mail', text), written({ mail: { string: '***' } }));
  assert.deepEqual(replaced(order({ mail: null }), 'mail', text), written({ mail: null }), 'null stays null');
  assert.deepEqual(
    replaced(value, 'items.*.*', text),
    written({ items: [{ 'price.net': { string: '***' }, sku: { string: '***' } }, {}, { sku: { string: '***' } }] }),
  );
  assert.deepEqual(
    replaced(value, 'items.*.price\\.net', () => 3),
    written({ items: [{ 'price.net': { int: 3 }, sku: { string: 'x' } }, {}, { sku: { string: 'y' } }] }),
  );
  assert.deepEqual(
    replaced(value, 'customer.country', () => 'AT'),
    written({ customer: { country: 'AT', born: 0 } }),
  );
  assert.deepEqual(
    replaced(value, 'customer.born', () => '1970-01-03'),
    written({ customer: { country: 'DE', born: 2 } }),
  );
  assert.deepEqual(
    replaced(value, 'total', () => -0.01),
    written({ total: Buffer.from([0xff]) }),
  );
  assert.deepEqual(
    replaced(value, 'total', () => 128),
    written({ total: Buffer.from([0x32, 0x00]) }),
  );
  assert.deepEqual(
    replaced(value, 'at', () => '1970-01-01T00:00:01Z'),
    written({ at: 1_000_000 }),
  );
  assert.deepEqual(
    replaced(value, 'mark', () => 'abcd'),
    written({ mark: Buffer.from('abcd') }),
  );
  assert.deepEqual(
    replaced(value, 'again', () => null),
    written({ again: null }),
  );
  const bytes = WRITER.toBuffer(value);
  assert.equal(
    avroReplaced(NODE, bytes, parsePath('none.there'), text),
    bytes,
    'the very bytes where nothing was there',
  );
  const contents: string[] = [];
  replaced(value, 'items.*.*', (content) => {
    contents.push(String(content));
    return 'h';
  });
  assert.deepEqual(contents, ['5', 'x', 'y']);
});

test('what a type cannot hold is told, and nothing is changed', () => {
  for (const [path, by] of [
    ['id', '***'],
    ['id', 1.5],
    ['customer.country', 'FR'],
    ['customer', '***'],
    ['total', '***'],
    ['total', 0.001],
    ['mark', 'abc'],
    ['open', 'no'],
    ['again', 'x'],
    ['id', null],
  ] as const) {
    assert.throws(() => replaced(order(), path, () => by), AvroMisfit, `${path} ${by}`);
  }
});

test('entries and elements are taken out, what may be null becomes null, anything else stays where it is', () => {
  const removed = (path: string): Buffer => avroRemoved(NODE, written({}), parsePath(path));
  assert.deepEqual(removed('items.*.sku'), written({ items: [{ 'price.net': { int: 5 } }, {}, {}] }));
  assert.deepEqual(removed('items.0'), written({ items: [{}, { sku: { string: 'y' } }] }));
  assert.deepEqual(removed('items.*'), written({ items: [] }));
  assert.deepEqual(removed('mail'), written({ mail: null }));
  assert.throws(() => removed('id'), AvroMisfit);
  assert.throws(() => removed('customer.country'), AvroMisfit);
});

test('numbers beyond what numbers hold stay exact, and so do texts that are no UTF-8', () => {
  const node = compileAvro(
    '{"type":"record","name":"R","fields":[{"name":"n","type":"long"},{"name":"s","type":"string"},{"name":"m","type":"string"}]}',
  );
  const most = Buffer.from([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
  const odd = Buffer.from([0x04, 0xff, 0xfe]);
  const bytes = Buffer.concat([most, odd, Buffer.from([0x02, 0x61])]);
  expectWhole(node, bytes);
  assert.deepEqual(avroValuesAt(node, bytes, parsePath('n')), [2n ** 63n - 1n]);
  const masked = avroReplaced(node, bytes, parsePath('m'), () => 'x');
  assert.deepEqual(masked, Buffer.concat([most, odd, Buffer.from([0x02, 0x78])]));
});

test('bytes that are no value of the schema are refused, wherever they end', () => {
  const bytes = WRITER.toBuffer(order());
  for (let end = 0; end < bytes.length; end++) {
    assert.throws(() => expectWhole(NODE, bytes.subarray(0, end)), AvroFault, `${end}`);
  }
  assert.throws(() => expectWhole(NODE, Buffer.concat([bytes, Buffer.from([0])])), /1 bytes behind its end/);
  assert.throws(() => expectWhole(compileAvro('"int"'), Buffer.from([0x80, 0x80, 0x80, 0x80, 0x80, 0x01])), AvroFault);
  assert.throws(() => expectWhole(compileAvro('"long"'), Buffer.alloc(11, 0xff)), /64 bits/);
  assert.throws(() => expectWhole(compileAvro('["null"]'), Buffer.from([0x02])), /branch 1/);
  assert.throws(() => expectWhole(compileAvro('"string"'), Buffer.from([0x01])), /length or an index of -1/);
  assert.throws(() => expectWhole(compileAvro('"boolean"'), Buffer.from([0x02])), AvroFault);
});

test('a few bytes cannot cost much: items of no bytes, endless depth, huge lengths', () => {
  const nothing = compileAvro('{"type":"array","items":"null"}');
  const countless = Buffer.from([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00]);
  const began = process.cpuUsage();
  assert.throws(() => expectWhole(nothing, countless), /more than 2000000 values/);
  assert.throws(() => avroReplaced(nothing, countless, parsePath('*'), () => 1), /more than 2000000 values/);
  const { user, system } = process.cpuUsage(began);
  assert.ok((user + system) / 1_000 < 5_000);
  const list = compileAvro('{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}');
  assert.throws(() => expectWhole(list, Buffer.alloc(100_000, 0x02)), /deeper than 200/);
  assert.throws(() => expectWhole(compileAvro('"bytes"'), Buffer.from([0xfe, 0xff, 0xff, 0xff, 0x0f])), /too early/);
});

test('schemas: wrapped, referring to others, with names of any kind; those that are none are told', () => {
  const money = '{"type":"record","name":"pay.Money","fields":[{"name":"cents","type":"int"}]}';
  const bill = '{"type":"record","name":"Bill","namespace":"pay","fields":[{"name":"sum","type":{"type":"Money"}}]}';
  assert.deepEqual(avroValuesAt(compileAvro(bill, [money]), Buffer.from([4]), parsePath('sum.cents')), [2]);
  assert.throws(() => compileAvro(bill), /undefined type name/);
  const odd =
    '{"type":"record","name":"constructor","fields":[{"name":"__proto__","type":"int"},{"name":"b","type":"boolean"}]}';
  assert.deepEqual(avroValuesAt(compileAvro(odd), Buffer.from([4, 0]), parsePath('__proto__')), [2]);
  const date = '{"type":{"type":"int"},"logicalType":"date"}';
  assert.ok(avroValuesAt(compileAvro(date), Buffer.from([2]), [])[0] instanceof AvroTime);
  const wrongLogical = '{"type":"string","logicalType":"date"}';
  assert.deepEqual(avroValuesAt(compileAvro(wrongLogical), Buffer.from([2, 0x61]), []), ['a']);
  let deep = '"int"';
  for (let i = 0; i < 300; i++) deep = `{"type":"array","items":${deep}}`;
  const faulty = ['{', '5', 'null', '{}', '[]', '{"type":"toString"}', '{"type":"record","name":"R"}', deep];
  for (const text of faulty) assert.throws(() => compileAvro(text), SchemaFault, text.slice(0, 40));
  const large = JSON.stringify({ type: 'string', doc: 'x'.repeat(MAX_SCHEMA_BYTES) });
  assert.throws(() => compileAvro(large), /more than 1048576/);
});
