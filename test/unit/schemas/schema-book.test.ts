import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CausewayError } from '../../../common/errors/error.js';
import type { SchemaBody, SchemaVersion } from '../../../common/model/schema.js';
import { SchemaBook } from '../../../common/schemas/schema-book.js';
import { SchemaBooks } from '../../../common/schemas/schema-books.js';
import { ManualClock } from '../worker/manual-clock.js';
import { FakeRegistry } from './fake-registry.js';
import { clientOf, clusterWith } from './registry-kit.js';

const body = (text: string, more: Partial<SchemaBody> = {}): SchemaBody => ({
  type: 'AVRO',
  text,
  references: [],
  ...more,
});

/** A registry of these schemas, which counts what it is asked. */
function bookOf(schemas: Record<number, SchemaBody>, versions: Record<string, SchemaBody> = {}, isPatient = false) {
  const clock = new ManualClock();
  const asked: string[] = [];
  const client = {
    schema: (id: number) => {
      asked.push(`id ${id}`);
      return Promise.resolve(schemas[id]);
    },
    version: (subject: string, version: number): Promise<Omit<SchemaVersion, 'deleted'> | undefined> => {
      asked.push(`${subject} ${version}`);
      const found = versions[subject];
      return Promise.resolve(found === undefined ? undefined : { ...found, subject, version, id: 0 });
    },
  };
  const book = new SchemaBook({ cluster: 'west', client, clock, isPatient });
  /** The pause before the second look passes. */
  const learn = async (...ids: number[]): Promise<void> => {
    const learnt = book.learn(new Set(ids));
    learnt.catch(() => undefined);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    clock.pass(500);
    await learnt;
  };
  return { book, learn, asked, clock, schemas, versions };
}

const kindOf = (book: SchemaBook, id: number): string | undefined => book.find(id)?.kind;

function whyOf(book: SchemaBook, id: number): string {
  const format = book.find(id);
  return format?.kind === 'none' ? format.why : '';
}

test('an id is looked up once, with what its schema refers to, and by its form', async () => {
  const { book, learn, asked } = bookOf(
    {
      1: body('"string"'),
      2: body('{"type":"record","name":"A","fields":[{"name":"b","type":"B"}]}', {
        references: [{ name: 'B', subject: 'b', version: 3 }],
      }),
      3: body('{}', { type: 'JSON' }),
      4: body('message M {}', { type: 'PROTOBUF' }),
      5: body('{"type":"record"}'),
    },
    {
      b: body('{"type":"record","name":"B","fields":[{"name":"c","type":"C"}]}', {
        references: [{ name: 'C', subject: 'c', version: 1 }],
      }),
      c: body('{"type":"fixed","name":"C","size":2}'),
    },
  );
  assert.equal(book.find(1), undefined);
  await Promise.all([learn(1, 2, 3, 4, 5), learn(2, 1)]);
  await learn(1);
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((id) => kindOf(book, id)),
    ['avro', 'avro', 'json', 'none', 'none'],
  );
  assert.match(whyOf(book, 4), /PROTOBUF/);
  assert.match(whyOf(book, 5), /cannot be understood/);
  assert.deepEqual(
    asked.filter((question) => question === 'id 2' || question === 'b 3' || question === 'c 1').length,
    3,
  );
});

test('what the registry does not have is asked for twice, and again a minute later', async () => {
  const { book, learn, asked, clock, schemas } = bookOf({
    8: body('"X"', { references: [{ name: 'X', subject: 'gone', version: 1 }] }),
  });
  await learn(7, 8);
  assert.match(whyOf(book, 7), /cluster west does not know it/);
  assert.match(whyOf(book, 8), /version 1 of subject gone/);
  assert.deepEqual(
    asked.filter((question) => question === 'id 7'),
    ['id 7', 'id 7'],
  );
  schemas[7] = body('"int"');
  clock.pass(59_000);
  assert.equal(kindOf(book, 7), 'none');
  clock.pass(2_000);
  assert.equal(book.find(7), undefined);
  await learn(7);
  assert.equal(kindOf(book, 7), 'avro');
});

test('an id that the registry knows only at the second look is known', async () => {
  const { book, learn, asked, schemas } = bookOf({});
  const learnt = learn(7);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(asked, ['id 7']);
  schemas[7] = body('"int"');
  await learnt;
  assert.equal(kindOf(book, 7), 'avro');
});

test('references that the registry has only at the second look are there', async () => {
  const { book, learn, asked, versions } = bookOf({
    8: body('"X"', { references: [{ name: 'X', subject: 'late', version: 1 }] }),
  });
  const learnt = learn(8);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(asked, ['id 8', 'late 1']);
  versions['late'] = body('{"type":"fixed","name":"X","size":1}');
  await learnt;
  assert.equal(kindOf(book, 8), 'avro');
});

test('a patient book calls nothing unknown that a registry may still lag behind with, and waits for garbage once', async () => {
  const late = { code: 'REGISTRY_UNREACHABLE', message: /cluster west does not have all of schema \d/ };
  const { book, learn, clock, schemas, versions } = bookOf(
    { 8: body('"X"', { references: [{ name: 'X', subject: 'late', version: 1 }] }) },
    {},
    true,
  );
  await assert.rejects(learn(7, 8), late);
  assert.equal(book.find(7), undefined, 'nobody drops a record because of it');
  clock.pass(38_000);
  await assert.rejects(learn(7, 8), late);
  schemas[7] = body('"int"');
  versions['late'] = body('{"type":"fixed","name":"X","size":1}');
  await learn(7, 8);
  assert.deepEqual([kindOf(book, 7), kindOf(book, 8)], ['avro', 'avro']);

  await assert.rejects(learn(9), late);
  clock.pass(40_000);
  await learn(9);
  assert.match(whyOf(book, 9), /does not know it/);
  await learn(10);
  assert.equal(kindOf(book, 10), 'none', 'garbage does not hold partitions up again and again');
  clock.pass(290_000);
  await learn(9);
  clock.pass(20_000);
  await assert.rejects(learn(11), late);
});

test('references go in circles, deep or on for ever no longer than is allowed', async () => {
  const versions: Record<string, SchemaBody> = {};
  for (let i = 0; i < 30; i++) {
    versions[`s${i}`] = body('"int"', { references: [{ name: 'n', subject: `s${i + 1}`, version: 1 }] });
  }
  const many = Array.from({ length: 300 }, (_, i) => ({ name: `m${i}`, subject: `m${i}`, version: 1 }));
  for (const { subject } of many) versions[subject] = body('"int"');
  const { book, learn, asked } = bookOf(
    {
      1: body('"int"', { references: [{ name: 'n', subject: 's0', version: 1 }] }),
      2: body('"int"', { references: many }),
    },
    versions,
  );
  await learn(1, 2);
  assert.match(whyOf(book, 1), /20 deep/);
  assert.match(whyOf(book, 2), /more than 200/);
  assert.ok(asked.length < 300);
});

test('texts are kept within a bound: those that were not used for the longest time go first', async () => {
  const large = (n: number): SchemaBody =>
    body(JSON.stringify({ type: 'fixed', name: `F${n}`, size: 1, doc: 'x'.repeat(900_000) }));
  const schemas = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [n + 1, large(n)]));
  const { book, learn } = bookOf(schemas);
  for (let id = 1; id <= 18; id++) await learn(id);
  assert.equal(kindOf(book, 1), 'avro', 'used again');
  await learn(19, 20);
  assert.deepEqual(
    [1, 2, 3, 4].map((id) => kindOf(book, id)),
    ['avro', undefined, undefined, 'avro'],
  );
});

test('a registry that is down is told, and asked again; the ids that it gave before stay known', async () => {
  let isDown = false;
  const registry = await FakeRegistry.start({
    answer: () => (isDown ? { status: 503, text: 'down' } : undefined),
  });
  try {
    const id = await clientOf(registry.url).register('orders-value', body('"string"'));
    const books = new SchemaBooks([clusterWith('east', registry.url)], new ManualClock());
    const { value } = books.of({ source: 'east', target: 'none' });
    assert.ok(value instanceof SchemaBook);
    await value.learn(new Set([id]));
    isDown = true;
    await assert.rejects(
      value.learn(new Set([id + 1])),
      (error) => error instanceof CausewayError && error.code === 'REGISTRY_REFUSED',
    );
    assert.equal(kindOf(value, id), 'avro');
    assert.deepEqual(books.of({ source: 'none', target: 'east' }).value, {
      missing: 'the configuration names no schemaRegistry for cluster none',
    });
    const schemaIds = { keys: true, values: false, register: false };
    assert.equal(books.of({ source: 'none', target: 'east', schemaIds }).key, value, 'the ids are the target’s');
    const action = { do: 'drop' } as const;
    const rules = { onUnreadable: 'pause', list: [{ name: 'a', action, onUnreadable: 'drop' }] } as const;
    const patient = books.of({ source: 'east', target: 'none', rules }).value;
    isDown = false;
    assert.ok(patient instanceof SchemaBook && patient !== value);
    assert.equal(books.of({ source: 'east', target: 'none', rules: { ...rules, list: [] } }).value, value);
  } finally {
    await registry.stop();
  }
});
