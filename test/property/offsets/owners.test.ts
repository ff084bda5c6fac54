import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { partitionMap } from '../../../common/kafka/offset-maps/joined-runs.js';
import { PartitionRuns } from '../../../common/kafka/offset-maps/partition-runs.js';
import type { AssignmentItem } from '../../../common/model/assignment.js';
import { type Checkpoint, decodeCheckpoint, encodeCheckpointMetadata } from '../../../common/model/checkpoint.js';
import type { PartitionMap } from '../../../common/model/offset-map.js';
import { inverse, translate } from '../../../common/model/offset-map-lookup.js';
import {
  decodeMapKey,
  decodeMapValue,
  encodeMapKey,
  encodeMapValue,
  FIRST_OF_TIMELINE,
  linkBehind,
  type MapChain,
  type MapEntry,
} from '../../../common/model/offset-map-record.js';
import { RunBook } from '../../../worker/core/run-book.js';
import { historyAtStart, WalkedRuns } from '../../../worker/core/start-history.js';

type Step =
  /** `count` records behind `skip` offsets that hold none, `markers` of the target's own before them. */
  | { readonly kind: 'copy'; readonly skip: number; readonly markers: number; readonly count: number }
  /** A checkpoint, with the closed runs in it or in the map topic before. */
  | { readonly kind: 'commit'; readonly carry: boolean }
  /** The map topic is written, and the checkpoint is not. */
  | { readonly kind: 'write'; readonly open: boolean }
  /** The owner dies, and a marker ends what it wrote. */
  | { readonly kind: 'die' }
  /** As `copy`, and the target does not tell where it stored them. */
  | { readonly kind: 'untold'; readonly count: number }
  /** Both logs are walked over what nobody knows. */
  | { readonly kind: 'rebuild' };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('copy' as const),
        skip: fc.nat(2),
        markers: fc.constantFrom(0, 0, 1),
        count: fc.integer({ min: 1, max: 5 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('commit' as const), carry: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('write' as const), open: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('die' as const) }) },
  ),
  { maxLength: 40 },
);

const lossySteps: fc.Arbitrary<readonly Step[]> = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: steps },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant('untold' as const), count: fc.integer({ min: 1, max: 4 }) }).map(one),
      },
      { weight: 1, arbitrary: fc.constant([{ kind: 'rebuild' as const }]) },
    ),
    { maxLength: 12 },
  )
  .map((several) => several.flat());

function one(step: Step): readonly Step[] {
  return [step];
}

const LANE = { transactionalId: 'causeway.f.w.i.0', producerId: 1n, producerEpoch: 0 };

const PLACE = {
  route: 'r',
  topic: 't',
  partition: 0,
  targetTopicId: null,
  targetTopic: 't',
  targetPartition: 0,
  timeline: 1,
};

/** One partition and its owners, with the rules of the worker and none of its sockets. */
class World {
  readonly isExact: boolean;
  readonly topic: { readonly key: Buffer; readonly value: Buffer }[] = [];
  /** Where each source offset was copied to last. */
  readonly copies = new Map<number, number>();
  readonly #book = new RunBook();
  #committed: { readonly offset: bigint; readonly metadata: string } | undefined;
  #source: number;
  #target: number;
  /** What was stored behind the committed pair. */
  #behind: { readonly source: number; readonly target: number; readonly length: number }[] = [];

  constructor(isExact: boolean, source: number, target: number) {
    this.isExact = isExact;
    this.#source = source;
    this.#target = target;
    this.#book.begin({ link: FIRST_OF_TIMELINE, entries: [] }, { source, target, length: 0 });
    this.step({ kind: 'commit', carry: true });
  }

  step(step: Step): void {
    if (step.kind === 'copy') this.#copy(step.skip, step.markers, step.count);
    else if (step.kind === 'commit') this.#commit(step.carry);
    else if (step.kind === 'write') this.#write(step.open);
    else if (step.kind === 'untold') this.#copyUntold(step.count);
    else if (step.kind === 'rebuild') this.#rebuild();
    else this.#takeOver();
  }

  map() {
    const written = new PartitionRuns(null);
    const last = new Map(this.topic.map(({ key }, i) => [String(key), i]));
    // As compaction leaves it, and as it was.
    for (const [i, { key, value }] of this.topic.entries()) {
      if (this.topic.length % 2 !== 0 && last.get(String(key)) !== i) continue;
      written.add(decodeMapValue(value), decodeMapKey(key).rebuiltTo !== undefined);
    }
    return partitionMap(1, this.topic.length === 0 ? undefined : written, this.checkpoint);
  }

  get checkpoint(): Checkpoint {
    const { offset, metadata } = this.#committed as { offset: bigint; metadata: string };
    return decodeCheckpoint(offset, metadata);
  }

  #copy(skip: number, markers: number, count: number): void {
    const source = this.#source + skip;
    const target = this.#target + markers;
    this.#book.stored({ sourceFirst: source, recordCount: count, sourceOffsets: null }, target);
    for (let i = 0; i < count; i += 1) this.copies.set(source + i, target + i);
    this.#behind.push({ source, target, length: count });
    this.#source = source + count;
    this.#target = target + count;
  }

  #copyUntold(count: number): void {
    const [source, target] = [this.#source, this.#target];
    const batch = { sourceFirst: source, sourceNext: source + count, recordCount: count, sourceOffsets: null };
    this.#book.storedSomewhere(batch, target);
    for (let i = 0; i < count; i += 1) this.copies.set(source + i, target + i);
    this.#behind.push({ source, target, length: count });
    this.#source = source + count;
    this.#target = target + count;
  }

  /** As the worker does it (rebuild-stretch.ts), with the truth for logs. */
  #rebuild(): void {
    for (const { source, target } of this.map()?.lost ?? []) {
      const [from, to] = [Number(target.from), Number(target.to)];
      const found = [...this.copies].filter(([at, copy]) => copy >= from && copy < to && at >= Number(source.from));
      if (found.length === 0) continue;
      const entries = found
        .sort((a, b) => a[0] - b[0])
        .map(([at, copy]) => ({ source: at, target: copy, length: 1, targetLength: 1, lost: false }));
      entries.push({ source: Number(source.to), target: to, length: 0, targetLength: 0, lost: false });
      const isFirst = source.from === 0n;
      if (isFirst) entries.unshift({ source: 0, target: from, length: 0, targetLength: 0, lost: false });
      const chain = { link: isFirst ? FIRST_OF_TIMELINE : from, entries };
      const key = encodeMapKey(PLACE, entries[0] as MapEntry, linkBehind(chain));
      this.topic.push({ key, value: encodeMapValue(chain) });
    }
  }

  #write(open: boolean): MapChain {
    const chain = open ? this.#book.whole() : this.#book.history();
    const [first] = chain.entries;
    if (first !== undefined) this.topic.push({ key: encodeMapKey(PLACE, first), value: encodeMapValue(chain) });
    this.#book.written(this.#book.life, linkBehind(chain));
    return chain;
  }

  #commit(carry: boolean): void {
    if (!carry || this.#book.size > 20) this.#write(false);
    const checkpoint: Checkpoint = {
      sourceOffset: BigInt(this.#source),
      targetOffset: BigInt(this.#target),
      sourceLeaderEpoch: -1,
      sourceTopicId: null,
      targetTopicId: null,
      timeline: 1,
      runSourceStart: BigInt(this.#book.openSource),
      runTargetStart: BigInt(this.#book.openTarget),
      lane: LANE,
      rulesVersion: 1,
      released: false,
      history: this.#book.history(),
    };
    this.#committed = { offset: checkpoint.targetOffset, metadata: encodeCheckpointMetadata(checkpoint) };
    this.#behind = [];
  }

  #takeOver(): void {
    const { checkpoint } = this;
    const end = this.#target + 1;
    const walked = new WalkedRuns(checkpoint);
    let source = Number(checkpoint.sourceOffset);
    if (this.isExact) {
      for (const run of this.#behind) walked.add(run);
      source = this.#source;
    }
    const plan = {
      kind: 'begin',
      sourceOffset: BigInt(source),
      targetOffset: BigInt(end),
      runSourceStart: BigInt(source),
      runTargetStart: BigInt(end),
    } as const;
    const item = { timeline: 1 } as AssignmentItem;
    const history = historyAtStart({ item, checkpoint }, plan, this.isExact ? walked.chain() : undefined);
    this.#book.begin(history, { source, target: end, length: 0 });
    this.#source = source;
    this.#target = end;
    const again = this.isExact ? [] : this.#behind;
    this.#commit(true);
    // It copies again what its checkpoint does not tell.
    for (const run of again) this.#copy(run.source - this.#source, 0, run.length);
  }
}

for (const isExact of [true, false]) {
  test(`whatever owners wrote and died over, every copied offset is translated exactly (${isExact ? 'walked' : 'repeated'})`, () => {
    fc.assert(
      fc.property(steps, fc.nat(5), fc.nat(5), (drawn, source, target) => {
        const world = new World(isExact, source, target);
        for (const step of drawn) world.step(step);
        world.step({ kind: 'commit', carry: drawn.length % 2 === 0 });
        const map = world.map();
        assert.ok(map !== undefined);
        assert.equal(map.lost, undefined, 'nothing was lost');
        const { copies } = world;
        const head = Number(map.head.source);
        for (let offset = source; offset < head; offset += 1) {
          const copy = copies.get(offset);
          const found = translate(map, BigInt(offset));
          if (copy !== undefined) assert.deepEqual(found, { kind: 'exact', offset: BigInt(copy) }, `offset ${offset}`);
          else assert.ok(found.kind === 'hole' || found.kind === 'head', `${offset}: ${found.kind}`);
          if (copy === undefined) continue;
          assert.deepEqual(inverse(map, BigInt(copy)), { kind: 'exact', offset: BigInt(offset) });
        }
      }),
      { numRuns: 1_000 },
    );
  });
}

test('8.2 what is rebuilt takes the place of nothing that an owner wrote, and stays known whatever owners write after it', () => {
  fc.assert(
    fc.property(lossySteps, fc.boolean(), (drawn, writes) => {
      const world = new World(true, 0, 0);
      for (const step of drawn) {
        world.step(step);
        const map = world.map();
        if (map !== undefined) checkKnown(world, map);
      }
      world.step({ kind: 'commit', carry: true });
      world.step({ kind: 'rebuild' });
      if (writes) world.step({ kind: 'write', open: true });
      world.step({ kind: 'commit', carry: !writes });
      const map = world.map();
      assert.ok(map !== undefined);
      assert.equal(map.lost, undefined, 'everything is known again');
      for (const [source, target] of world.copies) {
        assert.deepEqual(translate(map, BigInt(source)), { kind: 'exact', offset: BigInt(target) }, `offset ${source}`);
      }
    }),
    { numRuns: 2_000 },
  );
});

/** Nothing that is answered is wrong. */
function checkKnown({ copies }: World, map: PartitionMap): void {
  for (const [source, target] of copies) {
    if (BigInt(source) >= map.head.source) continue;
    const found = translate(map, BigInt(source));
    const isRight = found.kind === 'exact' ? found.offset === BigInt(target) : found.kind === 'unknown';
    assert.ok(isRight, `offset ${source}: ${found.kind}`);
  }
}

test('a record that is gone from the map topic makes its stretch unknown, never a hole', () => {
  fc.assert(
    fc.property(steps, fc.nat(), (drawn, pick) => {
      const world = new World(true, 0, 0);
      for (const step of drawn) world.step(step);
      world.step({ kind: 'commit', carry: false });
      fc.pre(world.topic.length > 0);
      world.topic.splice(pick % world.topic.length, 1);
      const map = world.map();
      assert.ok(map !== undefined);
      for (const [source, target] of world.copies) {
        const found = translate(map, BigInt(source));
        const isRight = found.kind === 'exact' ? found.offset === BigInt(target) : found.kind === 'unknown';
        assert.ok(
          isRight,
          `offset ${source}: ${JSON.stringify(found, (_, value) => (typeof value === 'bigint' ? String(value) : value))}`,
        );
      }
    }),
    { numRuns: 1_000 },
  );
});
