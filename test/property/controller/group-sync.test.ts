import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  confirmed,
  decide,
  type GroupPosition,
  type Mark,
  markOf,
  standingOf,
} from '../../../controller/core/group-sync.js';

/** What happens to one partition of one group, at both clusters. */
type Happening =
  | { readonly kind: 'source-reads'; readonly by: number }
  | { readonly kind: 'joins' }
  | { readonly kind: 'leaves' }
  | { readonly kind: 'target-commits'; readonly by: number }
  | { readonly kind: 'expires' }
  | { readonly kind: 'new-leader' }
  | { readonly kind: 'pass'; readonly outcome: 'done' | 'lost' | 'crashed' };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('source-reads'), by: fc.integer({ min: -5, max: 20 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'joins' }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'leaves' }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('target-commits'), by: fc.integer({ min: -10, max: 10 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'expires' }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'new-leader' }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('pass'), outcome: fc.constantFrom('done', 'lost', 'crashed') }),
  },
) as fc.Arbitrary<Happening>;

describe('passes over a group’s position, one after the other', () => {
  test('8.4 never take a position from who committed it at the target, never go back, and end where the source is', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 60 }), (story) => {
        let source = 0n;
        let target: bigint | null = null;
        /** Who wrote what stands at the target. */
        let writer: 'nobody' | 'sync' | 'member' = 'nobody';
        let active = false;
        let hadMembers = false;
        let mark: Mark | undefined;
        /** As the target keeps it, for the next leader. */
        let kept: Mark | undefined;
        const pass = (outcome: 'done' | 'lost' | 'crashed'): void => {
          if (mark !== undefined && mark.offset === target) mark = confirmed(mark);
          const position: GroupPosition = {
            sourceOffset: source,
            translation: { kind: 'exact', offset: source },
            timeline: 1,
            group: { isActive: active, hadMembers },
            standing: standingOf(mark === undefined ? [] : [{ mark, targetOffset: target }]),
            targetOffset: target,
            mark,
          };
          const wanted = { offset: source, quality: 'exact', rereads: 0n } as const;
          const { verdict } = decide(position, wanted, { takeover: false, allowRewind: false });
          if (verdict.kind !== 'write') return;
          assert.ok(!active);
          assert.notEqual(writer, 'member', 'a member’s own position is taken from it');
          assert.ok(target === null || source > target, 'it goes back');
          assert.ok(!hadMembers || target !== null || mark !== undefined, 'a used group without anything of ours');
          mark = markOf(position, wanted);
          kept = mark;
          // Behind the mark: the write itself may not happen, or its answer may be lost.
          if (outcome === 'crashed') return;
          target = source;
          writer = 'sync';
          if (outcome === 'done') mark = confirmed(mark);
        };
        for (const each of story) {
          switch (each.kind) {
            case 'source-reads':
              source = source + BigInt(each.by) < 0n ? 0n : source + BigInt(each.by);
              break;
            case 'joins':
              [active, hadMembers] = [true, true];
              break;
            case 'leaves':
              active = false;
              break;
            case 'target-commits': {
              if (!active) break;
              const before: bigint = target ?? 0n;
              const next: bigint = before + BigInt(each.by);
              // A member that commits what stands there already does not show.
              if (next < 0n || next === target || next === mark?.offset || next === mark?.before) break;
              // What the target keeps is noted anew in the pass after a write.
              if (next === kept?.before) break;
              [target, writer] = [next, 'member'];
              break;
            }
            case 'expires':
              // Ours and the mark were written together, and expire together.
              [target, mark, kept, writer, hadMembers] = [null, undefined, undefined, 'nobody', active];
              break;
            case 'new-leader':
              mark = kept;
              break;
            case 'pass':
              pass(each.outcome);
              break;
          }
        }
        active = false;
        if ((writer as string) === 'member') return;
        const before = target as bigint | null;
        // Somebody read there, and nothing of it is ours: its first position is an operator's to give.
        const isStrange = hadMembers && before === null && mark?.before !== null;
        pass('done');
        if (isStrange) assert.equal(target, null);
        else assert.equal(target, before !== null && before > source ? before : source);
      }),
      { numRuns: 3_000 },
    );
  });
});
