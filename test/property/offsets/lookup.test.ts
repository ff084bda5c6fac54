import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PartitionMap, Run, Translation } from '../../../common/model/offset-map.js';
import { inverse, isIdentical, translate } from '../../../common/model/offset-map-lookup.js';

/** What becomes of one source offset: copied, left out, or a marker that the target has beside it. */
type Fate = 'copied' | 'hole' | 'target-marker';

interface World {
  readonly map: PartitionMap;
  /** Source offset -> target offset of its copy. */
  readonly copies: ReadonlyMap<number, number>;
  readonly start: number;
}

const fates = fc.array(
  fc.record({
    fate: fc.constantFrom<Fate>('copied', 'copied', 'copied', 'hole', 'target-marker'),
    times: fc.integer({ min: 1, max: 7 }),
  }),
  { maxLength: 25 },
);
const worlds: fc.Arbitrary<World> = fc
  .record({ fates, start: fc.nat(20), target: fc.nat(20), hasAnchor: fc.boolean() })
  .map(({ fates: drawn, start, target, hasAnchor }) => worldOf(drawn, start, target, hasAnchor));

function worldOf(
  drawn: readonly { readonly fate: Fate; readonly times: number }[],
  start: number,
  targetStart: number,
  hasAnchor: boolean,
): World {
  const copies = new Map<number, number>();
  const runs: Run[] = [];
  let source = start;
  let target = targetStart;
  let open: { source: number; target: number; length: number } | undefined;
  const close = (): void => {
    if (open !== undefined) {
      runs.push({ source: BigInt(open.source), target: BigInt(open.target), length: BigInt(open.length) });
    }
    open = undefined;
  };
  for (const { fate, times } of drawn) {
    for (let i = 0; i < times; i += 1) {
      if (fate === 'copied') {
        copies.set(source, target);
        open ??= { source, target, length: 0 };
        open.length += 1;
        source += 1;
        target += 1;
        continue;
      }
      close();
      if (fate === 'hole') source += 1;
      else target += 1;
    }
  }
  close();
  const first = runs[0];
  const startsLate = first === undefined || first.source !== BigInt(start) || first.target !== BigInt(targetStart);
  // Without one, what lies before the first run counts as before the mirror.
  if (startsLate && hasAnchor) runs.unshift({ source: BigInt(start), target: BigInt(targetStart), length: 0n });
  const map = { timeline: 1, runs, head: { source: BigInt(source), target: BigInt(target) } };
  return { map, copies, start: Number(runs[0]?.source ?? source) };
}

/** The rules word by word, over every offset there is. */
function bruteForce({ map, copies, start }: World, offset: number): Translation {
  const exact = copies.get(offset);
  if (exact !== undefined) return { kind: 'exact', offset: BigInt(exact) };
  const { head, runs } = map;
  if (offset < start) {
    const first = runs.at(0);
    return {
      kind: 'before-mirror',
      first: first === undefined ? null : { source: first.source, target: first.target },
    };
  }
  for (let next = offset; next < Number(head.source); next += 1) {
    const copy = copies.get(next);
    if (copy !== undefined) return { kind: 'hole', offset: BigInt(copy), source: BigInt(next) };
  }
  return { kind: 'head', offset: head.target, behind: BigInt(Math.max(0, offset - Number(head.source))) };
}

function exchanged({ map, copies }: World): World {
  const runs = [...map.runs].map(({ source, target, length }) => ({ source: target, target: source, length }));
  const start = Number(runs[0]?.source ?? map.head.target);
  return {
    map: { timeline: map.timeline, runs, head: { source: map.head.target, target: map.head.source } },
    copies: new Map([...copies].map(([source, target]) => [target, source])),
    start,
  };
}

test('8.3 every offset is translated as a search over all records would, in both directions', () => {
  fc.assert(
    fc.property(worlds, (world) => {
      for (let offset = 0; offset <= Number(world.map.head.source) + 3; offset += 1) {
        assert.deepEqual(translate(world.map, BigInt(offset)), bruteForce(world, offset), `source offset ${offset}`);
      }
      const back = exchanged(world);
      for (let offset = 0; offset <= Number(world.map.head.target) + 3; offset += 1) {
        const found = inverse(world.map, BigInt(offset));
        const expected = bruteForce(back, offset);
        // `first` is a pair of source and target, whichever way was asked.
        if (expected.kind === 'before-mirror' && expected.first !== null) {
          const { source, target } = expected.first;
          assert.deepEqual(found, { kind: 'before-mirror', first: { source: target, target: source } });
        } else {
          assert.deepEqual(found, expected, `target offset ${offset}`);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('whoever goes on where a position is translated to misses no copied record and reads none again', () => {
  fc.assert(
    fc.property(worlds, ({ map, copies, start }) => {
      for (let position = start; position <= Number(map.head.source); position += 1) {
        const found = translate(map, BigInt(position));
        assert.ok(found.kind === 'exact' || found.kind === 'hole' || found.kind === 'head', found.kind);
        for (const [source, target] of copies) {
          assert.equal(BigInt(target) >= found.offset, source >= position, `position ${position}, record ${source}`);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('a lost stretch makes unknown what lies in it and in the hole before it, and nothing else', () => {
  fc.assert(
    fc.property(worlds, fc.nat(), (world, pick) => {
      const runs = [...world.map.runs];
      const real = runs.flatMap(({ length }, i) => (length > 0n ? [i] : []));
      const index = real[pick % Math.max(1, real.length)];
      fc.pre(index !== undefined && index > 0);
      const [gone] = runs.splice(index as number, 1) as [Run];
      const range = (from: bigint): { from: bigint; to: bigint } => ({ from, to: from + gone.length });
      const lost = [{ source: range(gone.source), target: range(gone.target), reason: 'gone' }];
      const map: PartitionMap = { ...world.map, runs, lost };
      for (let offset = 0; offset <= Number(world.map.head.source) + 1; offset += 1) {
        const whole = translate(world.map, BigInt(offset));
        const within =
          (whole.kind === 'exact' && BigInt(offset) >= gone.source && BigInt(offset) < gone.source + gone.length) ||
          (whole.kind === 'hole' && whole.source === gone.source);
        assert.deepEqual(translate(map, BigInt(offset)), within ? { kind: 'unknown', reason: 'gone' } : whole);
      }
    }),
    { numRuns: 300 },
  );
});

test('an empty map knows its head alone', () => {
  const map: PartitionMap = { timeline: 1, runs: [], head: { source: 7n, target: 3n } };
  assert.deepEqual(translate(map, 7n), { kind: 'head', offset: 3n, behind: 0n });
  assert.deepEqual(translate(map, 9n), { kind: 'head', offset: 3n, behind: 2n });
  assert.deepEqual(translate(map, 6n), { kind: 'before-mirror', first: null });
  assert.deepEqual(inverse(map, 2n), { kind: 'before-mirror', first: null });
});

test('a map whose first run lost its predecessors knows nothing below it', () => {
  const lost = [{ source: { from: 0n, to: 10n }, target: { from: 0n, to: 8n }, reason: 'gone' }];
  const map: PartitionMap = {
    timeline: 1,
    runs: [{ source: 12n, target: 8n, length: 5n }],
    lost,
    head: { source: 17n, target: 13n },
  };
  assert.deepEqual(translate(map, 3n), { kind: 'unknown', reason: 'gone' });
  assert.deepEqual(translate(map, 10n), { kind: 'hole', offset: 8n, source: 12n });
  assert.deepEqual(inverse(map, 3n), { kind: 'unknown', reason: 'gone' });
  assert.deepEqual(inverse(map, 8n), { kind: 'exact', offset: 12n });
});

test('offsets are identical where nothing was skipped since both logs began, and not after a hole', () => {
  const head = { source: 5n, target: 5n };
  assert.equal(isIdentical({ timeline: 1, runs: [{ source: 0n, target: 0n, length: 5n }], head }), true);
  assert.equal(isIdentical({ timeline: 1, runs: [{ source: 3n, target: 2n, length: 1n }], head }), false);
  assert.equal(isIdentical({ timeline: 1, runs: [], head: { source: 5n, target: 4n } }), false);
});
