import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import fc from 'fast-check';
import { loadCodecs } from '../../../common/kafka/wire/records/compression.js';
import type { KafkaRecord } from '../../../common/kafka/wire/records/record-codec.js';
import type { WalkResult } from '../../../worker/core/walk.js';
import { walkShrunk } from '../../../worker/walk/shrunk-walk.js';
import { driving, memoryLogs, termsOf, walked } from '../../unit/worker/walk/memory-logs.js';
import { contentOf, recordArbitrary } from '../records/arbitraries.js';
import {
  batchingArbitrary,
  type Delivered,
  historyArbitrary,
  playSource,
  playTarget,
  type SourceModel,
  shareArbitrary,
  skipsOf,
  type TargetModel,
} from './walk-model.js';

const caseArbitrary = fc.record({
  steps: historyArbitrary,
  leaveOut: fc.oneof(fc.constant([]), fc.array(fc.boolean(), { maxLength: 5 })),
  batching: batchingArbitrary,
  base: fc.nat(1_000),
  /** Shares of what was copied. */
  pair: shareArbitrary,
  copied: shareArbitrary,
  appendTime: fc.option(fc.constant(1_790_000_000_000n), { nil: undefined, freq: 4 }),
});
type Case = typeof caseArbitrary extends fc.Arbitrary<infer T> ? T : never;

interface World {
  readonly source: SourceModel;
  readonly kept: readonly Delivered[];
  readonly target: TargetModel;
  /** The pair stands before the copy of this rank. */
  readonly pairRank: number;
  /** So many of `kept` were copied. */
  readonly copied: number;
  readonly skips: ReturnType<typeof skipsOf>;
  readonly pair: { readonly sourceOffset: number; readonly targetOffset: number };
}

function worldOf({ steps, leaveOut, batching, base, pair, copied, appendTime }: Case): World {
  const source = playSource(steps);
  const skips = skipsOf(source, leaveOut);
  const kept = source.delivered.filter(({ offset }) => !skips.has(offset));
  const count = Math.round(copied * kept.length);
  const target = playTarget(source, kept.slice(0, count), batching, base, appendTime);
  const pairRank = Math.floor(pair * count);
  const before = kept[pairRank - 1];
  const pairOffsets = {
    sourceOffset: before === undefined ? 0 : before.offset + 1,
    targetOffset: pairRank === 0 ? base : (target.offsets[pairRank - 1] as number) + 1,
  };
  return { source, kept, target, pairRank, copied: count, skips, pair: pairOffsets };
}

/** The position must be the first record that is not there: all copied ones before it, all others at or behind it. */
function assertFirstMissing(sourceOffset: number, { kept, copied, skips, source }: World): void {
  assert.deepEqual(
    kept.filter(({ offset }) => offset < sourceOffset).length,
    copied,
    `position ${sourceOffset} of ${source.end}`,
  );
  assert.ok(!skips.has(sourceOffset), 'what was declared is passed');
}

const sameRecord = (a: KafkaRecord, b: KafkaRecord): boolean => {
  try {
    assert.deepEqual(contentOf(a), contentOf(b));
    return true;
  } catch {
    return false;
  }
};

describe('the walk', () => {
  before(loadCodecs);

  test('finds exactly the first record that is not there, however both logs are cut into batches', async () => {
    await fc.assert(
      fc.asyncProperty(caseArbitrary, async (made) => {
        const world = worldOf(made);
        const { source, target, pair, skips } = world;
        const result = await walked(source.log, target.log, { ...pair, closedEnd: target.end }, { skips });
        assert.equal(result.kind, 'resume', describeResult(result));
        if (result.kind !== 'resume') return;
        assertFirstMissing(result.sourceOffset, world);
        assert.equal(result.targetOffset, target.end);
        assert.equal(result.compared, world.copied - world.pairRank);
        assertRuns(result, world);
      }),
      { numRuns: 400 },
    );
  });

  test('never goes beyond damage: a record dropped, altered, doubled or swapped, or a stranger’s batch', async () => {
    const damageArbitrary = fc.record({
      kind: fc.constantFrom('drop', 'alter', 'double', 'swap', 'insert'),
      place: shareArbitrary,
      other: recordArbitrary,
    });
    await fc.assert(
      fc.asyncProperty(caseArbitrary, damageArbitrary, async (made, { kind, place, other }) => {
        const { source, kept, skips, copied } = worldOf({ ...made, pair: 0, appendTime: undefined });
        if (copied === 0) return;
        const copies = kept.slice(0, copied);
        const at = Math.min(copied - 1, Math.floor(place * copied));
        const hit = copies[at] as Delivered;
        const strange = { offset: -1, record: other };
        if (kind === 'drop') copies.splice(at, 1);
        if (kind === 'alter') copies[at] = strange;
        if (kind === 'double') copies.splice(at, 0, hit);
        if (kind === 'insert') copies.splice(at, 0, strange);
        if (kind === 'swap') copies.splice(at, 2, ...copies.slice(at, at + 2).reverse());
        const target = playTarget(source, copies, made.batching, made.base);
        const start = { targetOffset: made.base, closedEnd: target.end };
        const result = await walked(source.log, target.log, start, { skips });
        const differs = copies.findIndex(
          (copy, i) => !sameRecord(copy.record, kept[i]?.record ?? { ...other, key: NEVER }),
        );
        if (differs < 0) {
          // The damage cannot be seen: the target is a mirror of the first records all the same.
          assert.equal(result.kind, 'resume', describeResult(result));
          if (result.kind === 'resume')
            assertFirstMissing(result.sourceOffset, { ...worldOf(made), copied: copies.length });
          return;
        }
        assert.equal(result.kind, 'diverged', describeResult(result));
        if (result.kind !== 'diverged') return;
        assert.equal(result.rank, differs);
        assert.equal(result.targetOffset, target.offsets[differs]);
        if (differs < kept.length) assert.equal(result.sourceOffset, kept[differs]?.offset);
      }),
      { numRuns: 400 },
    );
  });

  test('stops in front of a stranger’s batch', async () => {
    await fc.assert(
      fc.asyncProperty(caseArbitrary, fc.nat(), async (made, pick) => {
        const world = worldOf({ ...made, pair: 0 });
        const { source, target, skips } = world;
        const batches = [...target.log.batches];
        const data = batches.flatMap((batch, i) => ((batch.readUInt16BE(21) & 0x20) === 0 ? [i] : []));
        if (data.length === 0) return;
        const hit = data[pick % data.length] as number;
        const strange = Buffer.from(batches[hit] as Buffer);
        strange.writeBigInt64BE(31n, 43);
        batches[hit] = strange;
        const start = { targetOffset: made.base, closedEnd: target.end };
        const result = await walked(source.log, { batches, aborted: [] }, start, { skips });
        assert.equal(result.kind, 'foreign', describeResult(result));
        if (result.kind !== 'foreign') return;
        assert.equal(BigInt(result.offset), strange.readBigInt64BE(0));
        const agreed = target.offsets.filter((offset) => offset < result.offset).length;
        assert.equal(world.kept.filter(({ offset }) => offset < result.agreed.sourceOffset).length, agreed);
      }),
      { numRuns: 200 },
    );
  });

  test('with the beginning of one or both logs gone it never skips a record that is neither there nor told', async () => {
    const kinds: string[] = [];
    await fc.assert(
      fc.asyncProperty(
        caseArbitrary,
        shareArbitrary,
        shareArbitrary,
        fc.boolean(),
        async (made, sourceShare, targetShare, markers) => {
          const batching = markers ? made.batching : made.batching.map((each) => ({ ...each, markers: 0 }));
          const world = worldOf({ ...distinct(made), batching, pair: 0, appendTime: undefined });
          const { source, target, skips, kept, copied } = world;
          const sourceStart = Math.floor(sourceShare * source.end);
          const targetStart = made.base + Math.floor(targetShare * (target.end - made.base) * (markers ? 0 : 1));
          const logs = {
            sourceOffset: skips.after(0),
            targetOffset: made.base,
            sourceStart,
            targetStart,
            closedEnd: target.end,
            skips,
          };
          if (sourceStart <= logs.sourceOffset && targetStart <= made.base) return;
          const cut = (log: typeof target.log, start: number): typeof target.log => ({
            ...log,
            batches: log.batches.filter((batch) => endOf(batch) >= start),
          });
          const memory = memoryLogs(cut(source.log, sourceStart), cut(target.log, targetStart));
          const walking = { terms: termsOf({ skips }), driving: driving(memory), begun: () => undefined };
          const outcome = await walkShrunk(walking, logs);
          const next = kept[copied]?.offset ?? source.end;
          kinds.push(outcome.kind === 'resume' ? outcome.basis : outcome.kind);
          if (outcome.kind === 'resume') {
            const position = Number(outcome.sourceOffset);
            // What is gone from the source and was not copied must never be passed silently.
            assert.ok(
              position <= next || kept.every(({ offset }) => offset < next || offset >= position),
              `${position} > ${next}`,
            );
            if (position < next)
              assert.ok(
                kept.every(({ offset }) => offset < position || offset >= next),
                'nothing twice',
              );
          } else if (outcome.kind === 'pause') {
            assert.ok(Number(outcome.gap.from) <= next, `${outcome.gap.from} > ${next}`);
          } else {
            assert.fail(`unexpected ${outcome.kind}`);
          }
        },
      ),
      { numRuns: 400 },
    );
    for (const kind of ['count', 'alignment', 'pause']) {
      assert.ok(kinds.filter((each) => each === kind).length >= 10, `${kind} too seldom in ${kinds.length}`);
    }
  });
});

const NEVER = Buffer.from('never a key of the model');

function assertRuns(result: WalkResult & { readonly kind: 'resume' }, { kept, target, pairRank, copied }: World): void {
  const mapped = result.runs.flatMap(({ source, target: to, length }) =>
    Array.from({ length }, (_, i) => [source + i, to + i]),
  );
  const expected = kept.slice(pairRank, copied).map(({ offset }, i) => [offset, target.offsets[pairRank + i]]);
  assert.deepEqual(mapped, expected);
}

/** Every record another one, as real ones are. */
function distinct(made: Case): Case {
  let number = 0;
  const steps = made.steps.map((step) =>
    'records' in step
      ? { ...step, records: step.records.map((record) => ({ ...record, value: Buffer.from(`value ${number++}`) })) }
      : step,
  );
  return { ...made, steps };
}

function endOf(batch: Buffer): number {
  const base = Number(batch.readBigInt64BE(0));
  return batch[16] === 2 ? base + batch.readInt32BE(23) : base;
}

function describeResult(result: WalkResult): string {
  return JSON.stringify(result, (_key, value) => (typeof value === 'bigint' ? String(value) : value));
}
