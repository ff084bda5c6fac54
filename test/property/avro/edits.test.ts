import assert from 'node:assert/strict';
import { test } from 'node:test';
import avsc, { type Schema, type Type } from 'avsc';
import fc from 'fast-check';
import { AvroMisfit, avroRemoved, avroReplaced } from '../../../common/avro/edit.js';
import { avroValuesAt, CONTAINER, expectWhole } from '../../../common/avro/find.js';
import { AvroFault } from '../../../common/avro/reader.js';
import { compileAvro } from '../../../common/avro/schema.js';
import type { PathStep } from '../../../common/model/field-path.js';

/** Schemas of every form with named types of their own, and a value of each: the library's. */
const leaf = fc.constantFrom<Schema>('null', 'boolean', 'int', 'float', 'double', 'bytes', 'string');

const schemas = fc.letrec<{ schema: Schema; other: Schema }>((tie) => ({
  schema: fc.oneof({ maxDepth: 4 }, leaf, tie('other')),
  other: fc.oneof(
    tie('schema').map((items) => ({ type: 'array', items }) as Schema),
    tie('schema').map((values) => ({ type: 'map', values }) as Schema),
    fc
      .array(tie('schema'), { minLength: 1, maxLength: 4 })
      .map((types) => ({ type: 'record', fields: types.map((type, i) => ({ name: `f${i}`, type })) }) as Schema),
    tie('schema')
      .filter((type) => type !== 'null' && !Array.isArray(type))
      .map((type) => ['null', type] as Schema),
  ),
})).other;

interface Sample {
  readonly schema: Schema;
  readonly type: Type;
  readonly value: unknown;
}

/** Named, as every record has to be. */
function named(schema: Schema): Schema {
  let number = 0;
  return JSON.parse(
    JSON.stringify(schema, (_, part: unknown) => {
      if (typeof part !== 'object' || part === null || !('fields' in part) || 'name' in part) return part;
      number += 1;
      return { ...part, name: `R${number}` };
    }),
  ) as Schema;
}

const samples: fc.Arbitrary<Sample> = schemas.map(named).chain((schema) => {
  const type = avsc.Type.forSchema(schema, { wrapUnions: true });
  // As it is read again: floats are nearer to each other in memory.
  return fc
    .noShrink(fc.integer())
    .map(() => ({ schema, type, value: type.fromBuffer(type.toBuffer(type.random())) as unknown }));
});

const steps: fc.Arbitrary<PathStep> = fc.oneof(
  fc.constant<PathStep>({ any: true }),
  fc.integer({ min: 0, max: 3 }).map((index): PathStep => ({ any: false, name: `f${index}`, index })),
);
const paths = fc.array(steps, { maxLength: 5 });

test('a value that the library wrote is whole, and what is replaced or removed in it the library can read, the rest as it was', () => {
  fc.assert(
    fc.property(samples, paths, ({ schema, type, value }, path) => {
      const node = compileAvro(JSON.stringify(schema));
      const bytes = type.toBuffer(value);
      expectWhole(node, bytes);
      const found = avroValuesAt(node, bytes, path);
      const single = found.filter((one) => one !== CONTAINER);
      assert.deepEqual(plain(single), plain(expectedAt(type, value, path)), JSON.stringify(schema));
      for (const by of ['hidden', 7, true]) {
        try {
          const changed = avroReplaced(node, bytes, path, () => by);
          const left = type.fromBuffer(changed) as unknown;
          if (changed !== bytes && typeof by === 'string') {
            const now = avroValuesAt(node, changed, path);
            assert.ok(
              now.every((one) => one === by || one === null),
              JSON.stringify([schema, now]),
            );
          }
          if (found.every((one) => one === null)) assert.deepEqual(type.toBuffer(left), bytes);
        } catch (error) {
          assert.ok(error instanceof AvroMisfit, String(error));
        }
      }
      if (path.length === 0) return;
      try {
        type.fromBuffer(avroRemoved(node, bytes, path));
      } catch (error) {
        assert.ok(error instanceof AvroMisfit, String(error));
      }
    }),
    { numRuns: 400 },
  );
});

test('damaged bytes are read within bounds, or refused', () => {
  fc.assert(
    fc.property(samples, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }), (sample, damage) => {
      const node = compileAvro(JSON.stringify(sample.schema));
      const bytes = Buffer.from(sample.type.toBuffer(sample.value));
      for (const [at, byte] of damage) if (bytes.length > 0) bytes[at % bytes.length] = byte;
      try {
        expectWhole(node, bytes);
        avroValuesAt(node, bytes, [{ any: true }]);
        avroReplaced(node, bytes, [{ any: true }], () => 'x');
      } catch (error) {
        assert.ok(error instanceof AvroFault || error instanceof AvroMisfit, String(error));
      }
    }),
    { numRuns: 300 },
  );
});

/** The same by the library's own value. */
function expectedAt(type: Type, value: unknown, path: readonly PathStep[]): unknown[] {
  if (type.typeName === 'union:wrapped') {
    if (value === null) return path.length === 0 ? [null] : [];
    const [name, inner] = Object.entries(value as object)[0] as [string, unknown];
    const branch = (type as avsc.types.WrappedUnionType).types.find((one) => one.branchName === name) as Type;
    return expectedAt(branch, inner, path);
  }
  const [step, ...rest] = path;
  const isContainer = ['record', 'array', 'map'].includes(type.typeName);
  if (step === undefined) return isContainer ? [] : [value];
  switch (type.typeName) {
    case 'record':
      return (type as avsc.types.RecordType).fields.flatMap((field) =>
        step.any || step.name === field.name
          ? expectedAt(field.type, (value as Record<string, unknown>)[field.name], rest)
          : [],
      );
    case 'array':
      return (value as unknown[]).flatMap((item, i) =>
        step.any || step.index === i ? expectedAt((type as avsc.types.ArrayType).itemsType, item, rest) : [],
      );
    case 'map':
      return Object.entries(value as object).flatMap(([key, item]) =>
        step.any || step.name === key ? expectedAt((type as avsc.types.MapType).valuesType as Type, item, rest) : [],
      );
    default:
      return [];
  }
}

function plain(values: readonly unknown[]): unknown[] {
  return values.map((value) => (Buffer.isBuffer(value) ? value.toString('latin1') : value));
}
