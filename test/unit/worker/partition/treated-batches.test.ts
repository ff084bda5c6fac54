import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CausewayError } from '../../../../common/errors/error.js';
import { buildBatch } from '../../../../common/kafka/wire/records/build-batch.js';
import { decodeBatches } from '../../../../common/kafka/wire/records/record-codec.js';
import type { RecordRules } from '../../../../common/model/record-rules.js';
import type { SchemaBody } from '../../../../common/model/schema.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import { systemRandom } from '../../../../common/runtime/random.js';
import { SchemaIdResolver } from '../../../../common/schemas/id-resolver.js';
import { SchemaBook } from '../../../../common/schemas/schema-book.js';
import { UNBOUNDED } from '../../../../worker/core/allowance.js';
import { VerdictCounts } from '../../../../worker/core/batch-verdict.js';
import { ByteBudget } from '../../../../worker/core/byte-budget.js';
import { Intake } from '../../../../worker/partition/intake.js';
import { makeTreatment, type TreatmentSources } from '../../../../worker/rules/make-treatment.js';
import { SchemaIds } from '../../../../worker/rules/schema-ids.js';
import { Treatment } from '../../../../worker/rules/treatment.js';
import { feed, takeAll } from './intake-kit.js';
import { RecordingPort, testPartition } from './partition-kit.js';

const NO_BOOKS = { key: { missing: 'there is none' }, value: { missing: 'there is none' } };

const RULES: RecordRules = {
  onUnreadable: 'pause',
  list: [{ name: 'hide', action: { do: 'mask', fields: ['card'], with: '***' } }],
};

/** Records of `{"card": n}`, but for those that are no JSON. */
function batchAt(first: number, count: number, broken: readonly number[] = []): Buffer {
  const records = Array.from({ length: count }, (_, i) => ({
    key: null,
    value: Buffer.from(broken.includes(first + i) ? 'broken' : `{"card":${first + i}}`),
    headers: [],
    timestamp: 1n,
  }));
  return buildBatch(records, { baseOffset: BigInt(first) });
}

function treatedIntake(
  more: Parameters<typeof Object.assign>[1] = {},
  books: TreatmentSources['books'] = () => NO_BOOKS,
  schemaIds: TreatmentSources['schemaIds'] = () => ({ code: 'INTERNAL_INVARIANT', message: 'not asked' }),
) {
  const partition = testPartition();
  partition.route = { ...partition.route, delivery: 'transactional', rules: RULES, ...more };
  partition.begin({ source: 0, target: 0, runSource: 0, runTarget: 0 });
  partition.on({ type: 'copy' });
  const port = new RecordingPort();
  const outcomes: Record<string, number> = {};
  const intake = new Intake(partition, {
    budget: new ByteBudget(1 << 20),
    allowance: UNBOUNDED,
    counts: new VerdictCounts(),
    fetchMaxPartitionBytes: 1 << 20,
    crcCheckEvery: 1,
    port,
    treatment: ({ route, item }) => {
      const made = makeTreatment(route, item, {
        secrets: new Map(),
        clusterIds: () => ({ source: 'A', target: 'B' }),
        schemaIds,
        books,
      });
      assert.ok(made instanceof Treatment || made === undefined || 'code' in made);
      return made;
    },
    treated: (_, { tally }) => {
      for (const { rule, outcome, count } of tally.entries()) {
        outcomes[`${rule} ${outcome}`] = (outcomes[`${rule} ${outcome}`] ?? 0) + count;
      }
    },
    clock: systemClock,
    random: systemRandom,
  });
  return { partition, intake, port, outcomes };
}

test('what rules hide is hidden in dead letters of refused records, too', async () => {
  const { partition, intake } = treatedIntake({ onRefusedRecord: 'dead-letter', deadLetterTopic: 'letters' });
  partition.shaping.refuse(1, { reason: 'too-large', detail: 'large' });
  await feed(intake, partition, [batchAt(0, 3)], 3);
  const [gap, batch] = takeAll(partition);
  const letters = gap?.gap?.deadLetters.map(({ offset, record }) => [offset, String(record.value)]);
  assert.deepEqual(letters, [[1, '{"card":"***"}']]);
  const { buffer, start, length } = batch?.source ?? assert.fail('nothing is left');
  const values = decodeBatches(buffer.subarray(start, start + length)).flatMap(({ records }) =>
    records.map(({ value }) => String(value)),
  );
  assert.deepEqual(values, ['{"card":"***"}', '{"card":"***"}']);
});

test('in front of what cannot be read it stops, and what lies before goes out', async () => {
  const { partition, intake, port, outcomes } = treatedIntake();
  await feed(intake, partition, [batchAt(0, 5, [3])], 5);
  assert.ok(port.calls.includes('pause RECORD_UNREADABLE'));
  assert.match(partition.reason?.message ?? '', /offset 3/);
  assert.deepEqual(outcomes, { 'hide changed': 3, 'hide unreadable': 1 });
  assert.deepEqual(
    takeAll(partition).map(({ recordCount, sourceNext }) => [recordCount, sourceNext]),
    [[3, 3]],
  );
  assert.equal(partition.queue.fetchNext, 3);
});

test('a route whose rules need what is not there pauses instead of copying without them', async () => {
  const keyed: RecordRules = {
    onUnreadable: 'keep',
    list: [{ name: 'h', action: { do: 'hash', fields: ['card'], hmac: 'gone' } }],
  };
  const faulty: RecordRules = {
    onUnreadable: 'keep',
    list: [{ name: 'f', when: { on: 'key', matches: '(' }, action: { do: 'drop' } }],
  };
  for (const rules of [keyed, faulty]) {
    const { partition, intake, port } = treatedIntake({ rules });
    await feed(intake, partition, [batchAt(0, 5)], 5);
    assert.ok(port.calls.includes('pause RULES_UNUSABLE'));
    assert.equal(partition.queue.length, 0);
  }
});

/** A value of `{"card": text}` in Avro, behind this schema id. */
function framed(id: number, card: string): Buffer {
  const head = Buffer.alloc(5);
  head.writeInt32BE(id, 1);
  return Buffer.concat([head, Buffer.from([2 * card.length]), Buffer.from(card)]);
}

const CARD: SchemaBody = {
  type: 'AVRO',
  text: '{"type":"record","name":"Card","fields":[{"name":"card","type":"string"}]}',
  references: [],
};

function avroBatch(first: number, ids: readonly number[]): Buffer {
  const records = ids.map((id, i) => ({ key: null, value: framed(id, `${first + i}`), headers: [], timestamp: 1n }));
  return buildBatch(records, { baseOffset: BigInt(first) });
}

function valuesOf(batches: ReturnType<typeof takeAll>): (Buffer | null)[] {
  return batches.flatMap(({ source: { buffer, start, length } }) =>
    decodeBatches(buffer.subarray(start, start + length)).flatMap(({ records }) => records.map(({ value }) => value)),
  );
}

/** What a registry's ids stand for, always the same, and which of them were asked for. */
function askedBook(cluster: string): { readonly asked: readonly number[]; readonly book: SchemaBook } {
  const asked: number[] = [];
  const schema = (id: number): Promise<typeof CARD> => {
    asked.push(id);
    return Promise.resolve(CARD);
  };
  const client = { schema, version: () => Promise.resolve(undefined) };
  return { asked, book: new SchemaBook({ cluster, client, clock: systemClock }) };
}

test('the schemas of a batch are looked up before it is decided about, dead letters of refused records included', async () => {
  const { asked, book } = askedBook('west');
  const { partition, intake, outcomes } = treatedIntake(
    { onRefusedRecord: 'dead-letter', deadLetterTopic: 'letters' },
    () => ({ key: book, value: book }),
  );
  // Its schema is of no other record.
  partition.shaping.refuse(1, { reason: 'too-large', detail: 'large' });
  await feed(intake, partition, [avroBatch(0, [7, 8, 7, 9])], 4);
  const [gap, batch] = takeAll(partition);
  assert.deepEqual(
    gap?.gap?.deadLetters.map(({ record }) => record.value),
    [framed(8, '***')],
  );
  assert.deepEqual(valuesOf([batch ?? assert.fail()]), [framed(7, '***'), framed(7, '***'), framed(9, '***')]);
  assert.deepEqual(outcomes, { 'hide changed': 3 }, 'counted once, however often the batch was read');
  assert.deepEqual(asked.toSorted(), [7, 8, 9]);
});

test('while the registry does not answer nothing passes: the partition begins again later, and tells why', async () => {
  let isDown = true;
  const client = {
    schema: () =>
      isDown ? Promise.reject(new CausewayError('REGISTRY_UNREACHABLE', 'it is down')) : Promise.resolve(CARD),
    version: () => Promise.resolve(undefined),
  };
  const book = new SchemaBook({ cluster: 'west', client, clock: systemClock });
  const { partition, intake, port } = treatedIntake({}, () => ({ key: book, value: book }));
  port.restart = (of, reason) => {
    port.calls.push(`restart ${reason.code}`);
    of.on({ type: 'restart', reason });
  };
  /** As a start that came about leaves it. */
  const begin = (): void => {
    partition.failures = 0;
    partition.on({ type: 'start' });
    partition.on({ type: 'copy' });
  };
  await feed(intake, partition, [avroBatch(0, [7, 7])], 2);
  assert.ok(port.calls.includes('restart REGISTRY_UNREACHABLE'), port.calls.join());
  assert.equal(partition.queue.length, 0);
  assert.equal(partition.queue.fetchNext, 0, 'nothing was passed over');
  for (const attempt of [1, 2, 3]) {
    begin();
    await feed(intake, partition, [avroBatch(0, [7, 7])], 2);
    assert.equal(partition.failures, attempt, 'each wait is longer than the one before');
  }
  isDown = false;
  begin();
  await feed(intake, partition, [avroBatch(0, [7, 7])], 2);
  assert.deepEqual(valuesOf(takeAll(partition)), [framed(7, '***'), framed(7, '***')]);
});

test('where ids are translated rules read by the target’s, and its registry is asked about no other', async () => {
  const { asked, book } = askedBook('east');
  const policy = { keys: false, values: true, register: false };
  const resolver = new SchemaIdResolver({
    source: {
      schema: () => Promise.resolve(CARD),
      subjectsOf: (id) => Promise.resolve([`s${id}`]),
      version: () => Promise.resolve(undefined),
    },
    target: {
      lookUp: (subject) => Promise.resolve({ id: 100 + Number(subject.slice(1)), version: 1 }),
      register: () => assert.fail('it may not'),
    },
    register: false,
  });
  const ids = new SchemaIds(policy, resolver);
  const { partition, intake } = treatedIntake(
    { schemaIds: policy },
    () => ({ key: book, value: book }),
    () => ids,
  );
  await feed(intake, partition, [avroBatch(0, [7, 7, 8, 7])], 4);
  assert.deepEqual(
    valuesOf(takeAll(partition)),
    [107, 107, 108, 107].map((id) => framed(id, '***')),
  );
  assert.deepEqual(asked.toSorted(), [107, 108]);
});

test('each rule may have its own answer to what it cannot read', async () => {
  const list: RecordRules['list'] = [
    { name: 'hide', action: { do: 'mask', fields: ['card'], with: '***' }, onUnreadable: 'dead-letter' },
  ];
  const { partition, intake } = treatedIntake({ rules: { onUnreadable: 'pause', list }, deadLetterTopic: 'letters' });
  await feed(intake, partition, [batchAt(0, 3, [1])], 3);
  const asides = takeAll(partition).flatMap(({ asides: found }) => found?.records ?? []);
  assert.deepEqual(
    asides.map(({ topic, offset }) => [topic, offset]),
    [['letters', 1]],
  );
});
