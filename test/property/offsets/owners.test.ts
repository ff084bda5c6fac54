import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { partitionMap } from '../../../common/kafka/offset-maps/joined-runs.js';
import { PartitionRuns } from '../../../common/kafka/offset-maps/partition-runs.js';
import type { AssignmentItem } from '../../../common/model/assignment.js';
import { type Checkpoint, decodeCheckpoint, encodeCheckpointMetadata } from '../../../common/model/checkpoint.js';
import { inverse, translate } from '../../../common/model/offset-map-lookup.js';
import {
  decodeMapValue,
  encodeMapValue,
  FIRST_OF_TIMELINE,
  linkBehind,
  type MapChain,
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
  | { readonly kind: 'die' };

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

const LANE = { transactionalId: 'causeway.f.w.i.0', producerId: 1n, producerEpoch: 0 };

/** One partition and its owners, with the rules of the worker and none of its sockets. */
class World {
  readonly isExact: boolean;
  readonly topic: { readonly key: string; readonly value: Buffer }[] = [];
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
    else this.#takeOver();
  }

  map() {
    const written = new PartitionRuns(null);
    const last = new Map(this.topic.map(({ key }, i) => [key, i]));
    // As compaction leaves it, and as it was.
    for (const [i, { key, value }] of this.topic.entries()) {
      if (this.topic.length % 2 === 0 || last.get(key) === i) written.add(decodeMapValue(value));
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

  #write(open: boolean): MapChain {
    const chain = open ? this.#book.whole() : this.#book.history();
    const [first] = chain.entries;
    if (first !== undefined) this.topic.push({ key: `${first.source}/${first.target}`, value: encodeMapValue(chain) });
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
