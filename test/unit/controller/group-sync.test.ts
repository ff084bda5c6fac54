import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Translation } from '../../../common/model/offset-map.js';
import {
  confirmed,
  decide,
  type GroupPosition,
  markOf,
  positionOf,
  type SyncOrder,
  standingOf,
  type TargetPosition,
} from '../../../controller/core/group-sync.js';

const PLAIN: SyncOrder = { takeover: false, allowRewind: false };
const exact = (offset: bigint): TargetPosition => ({ offset, quality: 'exact', rereads: 0n });

function at(changes: Partial<GroupPosition> = {}): GroupPosition {
  return {
    sourceOffset: 100n,
    translation: { kind: 'exact', offset: 100n },
    timeline: 1,
    group: { isActive: false, hadMembers: false },
    standing: 'unwritten',
    targetOffset: null,
    mark: undefined,
    ...changes,
  };
}

const mark = (offset: bigint, before: bigint | null = null, timeline = 1) => ({ offset, before, timeline });
const used = { isActive: false, hadMembers: true };

describe('what becomes of a group’s position', () => {
  const said = (position: GroupPosition, order = PLAIN, wanted = exact(100n)): string => {
    const { verdict } = decide(position, wanted, order);
    return `${verdict.kind} ${verdict.reason}`;
  };

  test('8.4 where nothing is committed it is written for a group that nobody joined there, or that stands where we left it', () => {
    assert.equal(said(at()), 'write new');
    assert.equal(said(at({ group: used, standing: 'as-left' })), 'write new');
    assert.equal(said(at({ group: used })), 'refuse not-ours');
    assert.equal(said(at({ group: used, standing: 'moved' })), 'refuse moved');
    for (const standing of ['unwritten', 'moved'] as const) {
      assert.equal(said(at({ group: used, standing }), { ...PLAIN, takeover: true }), 'write takeover');
    }
  });

  test('8.4 a group stands where we left it if no position that we wrote was moved, and one is still there', () => {
    const now = (targetOffset: bigint | null, of = mark(90n, 90n)) => ({ mark: of, targetOffset });
    assert.equal(standingOf([]), 'unwritten');
    assert.equal(standingOf([now(90n), now(null)]), 'as-left');
    assert.equal(standingOf([now(90n), now(91n)]), 'moved');
    assert.equal(standingOf([now(null)]), 'unwritten', 'all of them are gone');
    assert.equal(standingOf([now(null, mark(90n, null))]), 'as-left', 'that write may not have happened');
  });

  test('what stood there before a write is ours until the write is known to have happened', () => {
    const unsure = mark(90n, 80n);
    assert.equal(said(at({ group: used, targetOffset: 80n, mark: unsure })), 'write ours');
    assert.equal(said(at({ group: used, targetOffset: 80n, mark: confirmed(unsure) })), 'refuse moved');
    assert.equal(said(at({ group: used, targetOffset: 90n, mark: confirmed(unsure) })), 'write ours');
  });

  test('8.4 a group with members is never written, whoever wrote it last and whatever the order', () => {
    const active = { isActive: true, hadMembers: true };
    for (const order of [PLAIN, { takeover: true, allowRewind: true }]) {
      assert.equal(said(at({ group: active, targetOffset: 90n, mark: mark(90n) }), order), 'refuse active');
      assert.equal(said(at({ group: active }), order), 'refuse active');
    }
  });

  test('a group that stands where we left it is written, also if the last write may not have happened', () => {
    assert.equal(said(at({ group: used, targetOffset: 90n, mark: mark(90n) })), 'write ours');
    assert.equal(said(at({ group: used, targetOffset: 80n, mark: mark(90n, 80n) })), 'write ours');
  });

  test('a group that moved by itself is left alone for ever, briefly empty or not; takeover is for that', () => {
    const moved = at({ group: used, targetOffset: 95n, mark: mark(90n, 80n) });
    assert.equal(said(moved), 'refuse moved');
    assert.equal(said({ ...moved, group: { isActive: false, hadMembers: false } }), 'refuse moved');
    assert.equal(said(moved, { takeover: true, allowRewind: false }), 'write takeover');
  });

  test('a position that we never wrote is adopted where nobody ever joined, and refused where somebody did', () => {
    assert.equal(said(at({ targetOffset: 90n })), 'write adopted');
    assert.equal(said(at({ targetOffset: 90n, group: used })), 'refuse not-ours');
    assert.equal(said(at({ targetOffset: 90n, group: used }), { ...PLAIN, takeover: true }), 'write takeover');
  });

  test('never back on the same timeline, unless told so; the next timeline begins anew', () => {
    const ahead = at({ targetOffset: 120n, mark: mark(120n) });
    assert.equal(said(ahead), 'keep forward-only');
    assert.equal(said(ahead, { ...PLAIN, allowRewind: true }), 'write ours');
    assert.equal(said(ahead, { ...PLAIN, takeover: true }), 'keep forward-only');
    assert.equal(said({ ...ahead, timeline: 2 }), 'write ours');
    assert.equal(said({ ...ahead, timeline: 2, mark: undefined }), 'keep forward-only');
  });

  test('an equal position is kept', () => {
    assert.equal(said(at({ targetOffset: 100n, mark: mark(100n) })), 'keep same');
    assert.equal(said(at({ targetOffset: 100n })), 'keep same');
  });

  test('positions are clamped to the target’s log, and what is clamped never goes back either', () => {
    const bounds = { start: 50n, end: 200n };
    const clamped = (offset: bigint, targetOffset: bigint | null = null) =>
      decide(
        at({ targetOffset, mark: targetOffset === null ? undefined : mark(targetOffset) }),
        exact(offset),
        PLAIN,
        bounds,
      );
    assert.deepEqual(clamped(20n).position, exact(50n));
    assert.deepEqual(clamped(260n).position, { offset: 200n, quality: 'exact', rereads: 60n });
    assert.deepEqual(clamped(200n).position, exact(200n));
    assert.equal(clamped(260n, 200n).verdict.reason, 'same');
    assert.equal(clamped(260n, 210n).verdict.reason, 'forward-only');
  });

  test('it says how many records come again if the group goes on there now', () => {
    const rereads = (position: GroupPosition, wanted = exact(100n)) => decide(position, wanted, PLAIN).rereads;
    assert.equal(rereads(at()), 0n);
    assert.equal(rereads(at(), { offset: 100n, quality: 'head', rereads: 7n }), 7n);
    assert.equal(rereads(at({ targetOffset: 95n, mark: mark(90n) })), 5n, 'refused: it goes on where it stands');
    assert.equal(rereads(at({ targetOffset: 120n, mark: mark(120n) })), 0n);
    assert.equal(rereads(at({ group: { isActive: true, hadMembers: true } })), null, 'nobody knows where it begins');
  });

  test('the mark of a write has both: what is written and what stood there', () => {
    assert.deepEqual(markOf(at({ targetOffset: 90n, timeline: 3 }), exact(100n)), mark(100n, 90n, 3));
  });
});

describe('where a position is at the target', () => {
  const none = { beforeMirror: 'none' } as const;
  const of = (translation: Translation | undefined, beforeMirror: 'none' | 'earliest' = 'none') =>
    positionOf(translation, { beforeMirror });

  test('exact, a hole’s next copy, the head', () => {
    assert.deepEqual(of({ kind: 'exact', offset: 5n }), exact(5n));
    assert.deepEqual(of({ kind: 'hole', offset: 6n, source: 9n }), { offset: 6n, quality: 'hole', rereads: 0n });
    assert.deepEqual(of({ kind: 'head', offset: 7n, behind: 3n }), { offset: 7n, quality: 'head', rereads: 3n });
  });

  test('below the first copied record there is none, unless the policy says that the first will do', () => {
    const before: Translation = { kind: 'before-mirror', first: { source: 50n, target: 4n } };
    assert.equal(of(before), 'before-mirror');
    assert.deepEqual(of(before, 'earliest'), { offset: 4n, quality: 'start', rereads: 0n });
    assert.equal(of({ kind: 'before-mirror', first: null }, 'earliest'), 'before-mirror');
  });

  test('nothing is known, or it is lost', () => {
    assert.equal(positionOf(undefined, none), 'not-copied');
    assert.equal(of({ kind: 'unknown', reason: 'x' }), 'untranslatable');
    const { verdict, rereads, position } = decide(at(), 'untranslatable', PLAIN);
    assert.deepEqual([verdict, rereads, position], [{ kind: 'refuse', reason: 'untranslatable' }, null, undefined]);
  });
});
