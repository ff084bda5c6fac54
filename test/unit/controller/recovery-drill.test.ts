import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PartitionMap } from '../../../common/model/offset-map.js';
import type { RuleAction } from '../../../common/model/record-rules.js';
import type { Route } from '../../../common/model/route.js';
import type { StepContext } from '../../../controller/recovery/ports.js';
import { translations } from '../../../controller/recovery/steps/translations.js';
import { routeOf } from './kit.js';

interface Given {
  readonly offset: number;
  readonly key?: string | null;
  readonly value?: string | Buffer | null;
  readonly headers?: Readonly<Record<string, string>>;
}

const recordOf = ({ offset, key = 'k', value = `v${offset}`, headers = {} }: Given) => ({
  offset: BigInt(offset),
  key: key === null ? null : Buffer.from(key),
  value: value === null ? null : Buffer.from(value as string),
  headers: Object.entries(headers).map(([name, text]) => [Buffer.from(name), Buffer.from(text)]),
  timestamp: 1n,
});

const run = (source: number, target: number, length: number) => {
  return { source: BigInt(source), target: BigInt(target), length: BigInt(length) };
};

interface World {
  readonly route?: Partial<Route>;
  readonly source: readonly Given[];
  readonly target: readonly Given[];
  readonly runs: PartitionMap['runs'];
  readonly at: number;
  readonly translated: number;
  readonly failed?: ReadonlyMap<string, string>;
}

/** One group with one position. */
async function drill({ route, source, target, runs, at, translated, failed = new Map() }: World) {
  const logs = { east: source, west: target };
  const map = { timeline: 1, runs, head: { source: 1_000n, target: 1_000n } };
  const position = {
    ...{ group: 'g', targetGroup: 'g', topic: 't', partition: 0, targetTopic: 't', sourceOffset: BigInt(at) },
    ...{ translated: BigInt(translated), quality: 'exact', targetOffset: null, detail: null, rereads: 0n },
    verdict: { kind: 'write', reason: 'new' },
  };
  const context = {
    recovery: {
      kind: 'drill',
      route: 'r',
      topics: ['t'],
      options: { sampleRecords: 10 },
      facts: { out: {}, back: {} },
    },
    step: { leg: 'out' },
    signal: new AbortController().signal,
    world: {
      fleet: { route: () => Promise.resolve({ value: routeOf('r', route), version: 0 }) },
      groups: { syncNow: () => Promise.resolve({ results: [position], failed }) },
      offsets: { read: () => Promise.resolve(new Map([[0, map]])) },
      lens: {
        scan: (cluster: 'east' | 'west', options: { from: bigint; visit: (records: unknown[]) => boolean }) => {
          options.visit(logs[cluster].map(recordOf).filter(({ offset }) => offset >= options.from));
          return Promise.resolve({});
        },
      },
    },
  } as unknown as StepContext;
  const outcome = await translations.run(context);
  const { comparedRecords, leftOut, different, compared } = outcome.kind === 'again' ? {} : (outcome.evidence ?? {});
  const message = outcome.kind === 'failed' ? outcome.message : '';
  return { kind: outcome.kind, message, numbers: [comparedRecords, leftOut, different], compared };
}

const offsets = (from: number, to: number, more: Partial<Given> = {}): Given[] =>
  Array.from({ length: to - from }, (_, i) => ({ offset: from + i, ...more }));
const copied = (list: readonly Given[], delta: number): Given[] =>
  list.map((one) => ({ value: `v${one.offset}`, ...one, offset: one.offset + delta }));
const withRule = (action: RuleAction): Partial<Route> => {
  return { rules: { onUnreadable: 'pause', list: [{ name: 'x', action }] }, delivery: 'transactional' };
};
const simple = { runs: [run(0, 5, 100)], at: 3, translated: 8 };

describe('a drill', () => {
  test('compares keys, values and headers, each record at the offset that the map gives it', async () => {
    const source = offsets(0, 8, { headers: { a: '1' } });
    const good = await drill({ ...simple, source, target: copied(source, 5) });
    assert.deepEqual([good.kind, good.numbers, good.compared], ['done', [5, 0, 0], 'offsets; key, value, headers']);
    const changed = copied(source, 5).map((one) => (one.offset === 10 ? { ...one, headers: { a: '2' } } : one));
    const bad = await drill({ ...simple, source, target: changed });
    assert.match(bad.message, /source offset 5 and target offset 10 differ in their headers/);
    for (const [part, other] of [
      ['key', { key: null }],
      ['value', { value: null }],
    ] as const) {
      const target = copied(source, 5).map((one) => (one.offset === 9 ? { ...one, ...other } : one));
      assert.match((await drill({ ...simple, source, target })).message, new RegExp(`differ in their ${part}`));
    }
  });

  test('fails where a group cannot be asked where it stands', async () => {
    const source = offsets(0, 8);
    const failed = new Map([['dark', 'no rights to describe it']]);
    const outcome = await drill({ ...simple, source, target: copied(source, 5), failed });
    assert.equal(outcome.kind, 'failed');
    assert.match(outcome.message, /1 groups .*dark \(no rights to describe it\)/);
  });

  test('finds a position that leads past records, and a map that is off by one', async () => {
    const source = offsets(0, 8);
    const past = await drill({ ...simple, source, target: copied(source, 5), translated: 9 });
    assert.match(past.message, /source offset 3 is at target offset 8, before the position: it would be skipped/);
    const expired = await drill({ ...simple, source, target: [], translated: 20 });
    assert.match(expired.message, /it would be skipped/, 'the target has deleted them already');
    const off = await drill({ ...simple, source, target: copied(source, 5), runs: [run(0, 6, 100)], translated: 9 });
    assert.match(off.message, /differ in their value/);
  });

  test('holes and compacted records are no differences: they are counted', async () => {
    const source = offsets(0, 8);
    // 4 and 5 were not copied; the copy of 6 was compacted away.
    const runs = [run(0, 5, 4), run(6, 9, 90)];
    const target = [...copied(offsets(0, 4), 5), { offset: 10, value: 'v7' }];
    const outcome = await drill({ source, target, runs, at: 3, translated: 8 });
    assert.deepEqual([outcome.kind, outcome.numbers], ['done', [2, 3, 0]]);
  });

  test('on routes with schema ids compares what is behind them', async () => {
    const framed = (id: number, text: string) => Buffer.concat([Buffer.from([0, 0, 0, 0, id]), Buffer.from(text)]);
    const source = offsets(3, 6).map((one) => ({ ...one, value: framed(1, `x${one.offset}`) }));
    const target = source.map((one) => ({ offset: one.offset + 5, value: framed(9, `x${one.offset}`) }));
    const route = { schemaIds: { keys: false, values: true, register: false } };
    const good = await drill({ ...simple, route, source, target });
    assert.deepEqual([good.kind, good.numbers], ['done', [3, 0, 0]]);
    assert.equal(good.compared, 'offsets; key, headers; value behind the schema id');
    const other = target.map((one) => ({ ...one, value: framed(9, 'other') }));
    assert.equal((await drill({ ...simple, route, source, target: other })).kind, 'failed');
    assert.equal((await drill({ ...simple, source, target })).kind, 'failed', 'without the exchange they differ');
  });

  test('on routes whose rules change records compares what they leave, and says so', async () => {
    const source = offsets(0, 8);
    const masked = copied(source, 5).map((one) => ({ ...one, value: '***' }));
    const mask = await drill({
      ...simple,
      source,
      target: masked,
      route: withRule({ do: 'mask', fields: ['a'], with: '*' }),
    });
    assert.deepEqual([mask.kind, mask.numbers], ['done', [5, 0, 0]]);
    assert.equal(mask.compared, 'offsets; key, headers (not value: the route changes them)');
    const wrong = masked.map((one) => ({ ...one, key: 'other' }));
    const found = await drill({
      ...simple,
      source,
      target: wrong,
      route: withRule({ do: 'mask', fields: ['a'], with: '*' }),
    });
    assert.match(found.message, /differ in their key/);
    const ofKey = withRule({ do: 'hash', fields: ['a'], part: 'key' });
    assert.equal((await drill({ ...simple, source, target: masked, route: ofKey })).kind, 'failed');
    const hashed = copied(source, 5).map((one) => ({ ...one, key: 'h' }));
    assert.equal((await drill({ ...simple, source, target: hashed, route: ofKey })).kind, 'done');
    const added = copied(source, 5).map((one) => ({ ...one, headers: { x: '1' } }));
    const header = withRule({ do: 'add-header', name: 'x', value: '1' });
    assert.equal((await drill({ ...simple, source, target: added, route: header })).kind, 'done');
    assert.equal((await drill({ ...simple, source, target: added, route: { provenance: true } })).kind, 'done');
    const dropping = withRule({ do: 'drop' });
    const every = await drill({ source, target: [], runs: [run(0, 5, 3)], at: 3, translated: 8, route: dropping });
    assert.deepEqual([every.kind, every.numbers], ['done', [0, 0, 0]]);
  });
});
