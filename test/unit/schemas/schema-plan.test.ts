import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Route } from '../../../common/model/route.js';
import {
  type RegistryState,
  type SchemaVersion,
  schemaFingerprint,
  subjectFrom,
  subjectIn,
} from '../../../common/model/schema.js';
import { translateSchemaId } from '../../../common/schemas/schema-ids.js';
import { planSchemas, type SchemaPlan, type SchemaStep } from '../../../controller/core/schema-sync.js';
import { schemaTopicFault, schemaTopicFindings } from '../../../controller/core/schema-topic.js';
import { schemaRoute } from './registry-kit.js';

function version(subject: string, number: number, id: number, changes: Partial<SchemaVersion> = {}): SchemaVersion {
  const text = `{"type":"record","name":"R${id}","fields":[]}`;
  return { subject, version: number, id, deleted: false, type: 'AVRO', text, references: [], ...changes };
}

function state(versions: readonly SchemaVersion[], changes: Partial<RegistryState> = {}): RegistryState {
  return { mode: 'READWRITE', compatibility: 'BACKWARD', versions, levels: new Map(), ...changes };
}

const EMPTY = state([]);
const told = (steps: readonly SchemaStep[]): readonly string[] =>
  steps.map((step) => {
    if (step.kind === 'level') return `level ${step.subject ?? '*'} ${step.before} -> ${step.level}`;
    return step.kind === 'register'
      ? `register ${step.version.subject} ${step.version.version}`
      : `delete ${step.subject} ${step.version}`;
  });

describe('what it takes to make a registry a copy', () => {
  test('what a schema refers to comes before it, whatever their ids and subjects', () => {
    const references = [{ name: 'Z', subject: 'z', version: 2 }];
    const source = state([version('a', 1, 1, { references }), version('z', 1, 5), version('z', 2, 9)]);
    assert.deepEqual(told(planSchemas(source, EMPTY).steps), ['register z 1', 'register z 2', 'register a 1']);
  });

  test('a circle of references ends, though nobody could register it', () => {
    const to = (subject: string) => ({ references: [{ name: subject, subject, version: 1 }] });
    const source = state([version('a', 1, 1, to('b')), version('b', 1, 2, to('a'))]);
    assert.equal(planSchemas(source, EMPTY).steps.length, 2);
  });

  test('a version that refers to what the route leaves out is named', () => {
    const references = [{ name: 'Z', subject: 'z', version: 1 }];
    const { dangling } = planSchemas(state([version('a', 1, 1, { references })]), EMPTY);
    assert.deepEqual(
      dangling.map(({ version: { subject }, reference }) => [subject, reference.subject]),
      [['a', 'z']],
    );
  });

  test('so is what refers to that one, and so on, unless the target has it already; nothing of them is deleted', () => {
    const to = (subject: string) => ({ references: [{ name: subject, subject, version: 1 }] });
    const versions = [version('a', 1, 3, to('b')), version('b', 1, 2, to('z')), version('c', 1, 4)];
    const named = ({ dangling }: SchemaPlan) =>
      dangling.map(({ version: { subject }, reference }) => `${subject} -> ${reference.subject}`);
    const source = state([...versions, version('d', 1, 5, { ...to('a'), deleted: true })]);
    const plan = planSchemas(source, EMPTY);
    assert.deepEqual(named(plan), ['b -> z', 'a -> b', 'd -> a']);
    assert.deepEqual(told(plan.steps), ['register b 1', 'register a 1', 'register c 1', 'register d 1']);
    const known = planSchemas(source, state([version('b', 1, 2, to('z'))]));
    assert.deepEqual([named(known), known.needsImport], [[], true]);
    const left = state(versions.slice(2));
    assert.equal(planSchemas(state(versions), left).needsImport, false, 'nothing is to be registered');
    const offeredNoMore = planSchemas(source, state([version('b', 1, 2, { ...to('z'), deleted: true })]));
    assert.deepEqual(named(offeredNoMore), ['b -> z'], 'what is offered no more can still be referred to');
  });

  test('what refers to others is deleted before them: a registry lets go of nothing that is referred to', () => {
    const to = (subject: string) => ({ deleted: true, references: [{ name: subject, subject, version: 1 }] });
    const source = state([
      version('a', 1, 1, { deleted: true }),
      version('b', 1, 2, to('a')),
      version('c', 1, 3, to('b')),
      version('a', 2, 9),
    ]);
    const deleted = told(planSchemas(source, EMPTY).steps).filter((step) => step.startsWith('delete'));
    assert.deepEqual(deleted, ['delete c 1', 'delete b 1', 'delete a 1']);
    const there = state(source.versions.map((each) => ({ ...each, deleted: false })));
    assert.deepEqual(told(planSchemas(source, there).steps), ['delete c 1', 'delete b 1', 'delete a 1']);
  });

  test('deleted versions come too, and are deleted last, for others may refer to them', () => {
    const references = [{ name: 'A', subject: 'a', version: 1 }];
    const source = state([version('a', 1, 1, { deleted: true }), version('b', 1, 2, { references })]);
    assert.deepEqual(told(planSchemas(source, EMPTY).steps), ['register a 1', 'register b 1', 'delete a 1']);
  });

  test('but before the same schema comes again in their subject: a registry would answer with the old version', () => {
    const source = state([version('a', 1, 1, { deleted: true }), version('a', 2, 2), version('a', 3, 1)]);
    assert.deepEqual(told(planSchemas(source, EMPTY).steps), [
      'register a 1',
      'register a 2',
      'delete a 1',
      'register a 3',
    ]);
  });

  test('what is there is not registered again; what came back at the source is', () => {
    const source = state([version('a', 1, 1), version('a', 2, 2), version('a', 3, 3, { deleted: true })]);
    const target = state([version('a', 1, 1), version('a', 2, 2, { deleted: true }), version('a', 3, 3)]);
    assert.deepEqual(told(planSchemas(source, target).steps), ['register a 2', 'delete a 3']);
  });

  test('another schema under the same id, and another id under the same version, are conflicts; spelling is none', () => {
    const source = state([version('a', 1, 1), version('b', 1, 2), version('c', 1, 3)]);
    const spelled = { text: '{ "name": "R1", "type": "record", "fields": [ ] }' };
    const target = state([
      version('a', 1, 1, spelled),
      version('x', 1, 2, { text: '"string"' }),
      version('c', 1, 7, { text: '"int"' }),
    ]);
    const { conflicts } = planSchemas(source, target);
    assert.deepEqual(
      conflicts.map(({ what, source: { subject } }) => [what, subject]),
      [
        ['id', 'b'],
        ['version', 'c'],
      ],
    );
  });

  test('versions at the target only are told, and never taken away', () => {
    const { extra, steps } = planSchemas(state([version('a', 1, 1)]), state([version('a', 1, 1), version('b', 1, 2)]));
    assert.deepEqual([extra.map(({ subject }) => subject), steps], [['b'], []]);
  });

  test('levels follow, of the registry and of subjects that are copied', () => {
    const source = state([version('a', 1, 1)], { compatibility: 'FULL', levels: new Map([['a', 'NONE']]) });
    const target = state([version('a', 1, 1)], { levels: new Map([['b', 'FULL']]) });
    assert.deepEqual(told(planSchemas(source, target).steps), ['level * BACKWARD -> FULL', 'level a null -> NONE']);
    assert.deepEqual(
      told(
        planSchemas(state([version('a', 1, 1)]), state([version('a', 1, 1)], { levels: new Map([['a', 'FULL']]) }))
          .steps,
      ),
      ['level a FULL -> null'],
    );
  });

  test('the level of a registry that is somebody’s own stays, for all that is only there is judged by it; it is told', () => {
    const source = state([version('a', 1, 1)], { compatibility: 'NONE' });
    const own = [version('a', 1, 1), version('own', 1, 900)];
    const held = planSchemas(source, state(own));
    assert.deepEqual([held.steps, held.heldLevel?.level], [[], 'NONE']);
    const others = [
      planSchemas(source, state(own), true),
      planSchemas(source, state(own, { mode: 'IMPORT' })),
      planSchemas(source, state([version('a', 1, 1)])),
    ];
    for (const { steps, heldLevel } of others) {
      assert.deepEqual([told(steps), heldLevel], [['level * BACKWARD -> NONE'], undefined]);
    }
    assert.equal(planSchemas(state(source.versions), state(own)).heldLevel, undefined, 'it is the same');
  });

  test('mode IMPORT is needed where something is to be registered, and only there', () => {
    const full = state([version('a', 1, 1)]);
    assert.deepEqual([planSchemas(full, EMPTY).needsImport, planSchemas(full, full).needsImport], [true, false]);
    assert.equal(planSchemas(full, state([], { mode: 'IMPORT' })).needsImport, false);
  });

  test('schemas are compared by what they say', () => {
    const same = (a: string, b: string, type: string): boolean =>
      schemaFingerprint({ type, text: a, references: [] }) === schemaFingerprint({ type, text: b, references: [] });
    assert.ok(same('"string"', ' "string" ', 'AVRO'));
    assert.ok(same('string', 'string ', 'AVRO'));
    assert.ok(same('message A {\n int32 a = 1;\n}', 'message A { int32 a = 1; }', 'PROTOBUF'));
    assert.ok(!same('{"a":[1,2]}', '{"a":[2,1]}', 'JSON'));
  });

  test('subjects of contexts', () => {
    assert.equal(subjectIn('east', 'a'), ':.east:a');
    assert.deepEqual(
      [subjectFrom('east', ':.east:a'), subjectFrom('east', 'a'), subjectFrom(undefined, 'a')],
      ['a', undefined, 'a'],
    );
    assert.equal(subjectFrom(undefined, ':.east:a'), undefined);
  });
});

describe('ids in front of keys and values', () => {
  const framed = Buffer.from([0, 0, 0, 1, 44, 9, 9]);

  test('are exchanged in a copy', () => {
    const { kind, ...rest } = translateSchemaId(framed, new Map([[300, 70_000]]));
    assert.equal(kind, 'translated');
    assert.deepEqual((rest as { bytes: Buffer }).bytes, Buffer.from([0, 0, 1, 17, 112, 9, 9]));
    assert.equal(framed.readInt32BE(1), 300);
  });

  test('are left where they are right, unknown, or none', () => {
    assert.equal(translateSchemaId(framed, new Map([[300, 300]])).kind, 'same');
    assert.deepEqual(translateSchemaId(framed, new Map()), { kind: 'unknown', id: 300 });
    for (const bytes of [Buffer.alloc(0), Buffer.from([0, 0, 0, 1]), Buffer.from([1, 0, 0, 1, 44])]) {
      assert.equal(translateSchemaId(bytes, new Map([[300, 1]])).kind, 'not-framed');
    }
  });
});

describe('a registry’s topic goes one way, by one route, under its own name', () => {
  const route = schemaRoute({ mode: 'topic' });
  const other = (changes: Partial<Route>): Route => ({ ...route, name: 'other', ...changes });

  test('as it is it may', () => {
    assert.equal(schemaTopicFault(route, [route]), undefined);
    assert.equal(schemaTopicFault(schemaRoute({ mode: 'api' }), [other({ source: 'north' })]), undefined);
  });

  test('a naming that renames it, another delivery, a second route, a way back are refused with the reason', () => {
    const naming = { policy: 'default', separator: '.' } as const;
    assert.match(schemaTopicFault({ ...route, naming }, []) ?? '', /makes it east\._schemas/);
    assert.match(schemaTopicFault({ ...route, delivery: 'at-least-once' }, []) ?? '', /exactly-once/);
    assert.match(schemaTopicFault(route, [other({ source: 'north' })]) ?? '', /mix their ids/);
    assert.match(schemaTopicFault(route, [other({ source: 'west', target: 'east' })]) ?? '', /the other way/);
    const map = { policy: 'map', topics: { _schemas: '_schemas' }, otherwise: naming } as const;
    assert.equal(schemaTopicFault({ ...route, naming: map }, []), undefined);
  });

  test('what speaks against it as the clusters are', () => {
    const fine = { topic: '_schemas', partitions: 1, isMirrored: true, targetWrites: false } as const;
    assert.deepEqual(schemaTopicFindings(fine), []);
    assert.equal(schemaTopicFindings({ ...fine, partitions: 3, isMirrored: false, targetWrites: true }).length, 3);
    assert.match(schemaTopicFindings({ ...fine, partitions: null })[0] ?? '', /has no topic/);
  });
});
