import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { PartitionMap, Run } from '../../../common/model/offset-map.js';
import { translate } from '../../../common/model/offset-map-lookup.js';
import { dueSyncs, lastCopied, type SyncState } from '../../../controller/core/mm2-emission.js';
import { OffsetSyncStore } from './offset-sync-store.js';

const NOTHING: SyncState = { last: undefined, seen: undefined };

/** A log that is copied piece by piece: `copied` records, then `skipped` ones that are not. */
const growth = fc.array(
  fc.record({ copied: fc.integer({ min: 1, max: 400 }), skipped: fc.integer({ min: 0, max: 3 }), looks: fc.boolean() }),
  { minLength: 1, maxLength: 60 },
);

class Log {
  readonly runs: Run[] = [];
  #source = 0n;
  #target = 0n;

  grow(copied: number, skipped: number): void {
    const length = BigInt(copied);
    const last = this.runs.at(-1);
    const isOne = last !== undefined && last.source + last.length === this.#source;
    if (isOne) this.runs[this.runs.length - 1] = { ...last, length: last.length + length };
    else this.runs.push({ source: this.#source, target: this.#target, length });
    this.#source += length + BigInt(skipped);
    this.#target += length;
  }

  get map(): PartitionMap {
    return { timeline: 1, runs: [...this.runs], head: { source: this.#source, target: this.#target } };
  }
}

describe('a Java reader of our offset syncs', () => {
  test('the reader kept here gives the positions of Kafka’s own unit test (OffsetSyncStoreTest.testPastOffsetTranslation)', () => {
    const store = new OffsetSyncStore();
    for (let offset = 1_000n; offset <= 10_000n; offset += 10n) store.take({ upstream: offset, downstream: offset });
    const sparse = [1_000n, 4_840n, 6_760n, 8_680n, 9_160n, 9_640n, 9_880n, 9_940n, 9_970n, 9_990n, 10_000n];
    assert.deepEqual(store.kept, sparse);
    assert.deepEqual(
      [999n, 1_000n, 4_839n, 10_000n, 20_000n].map((at) => store.translate(at)),
      [-1n, 1_000n, 1_001n, 10_000n, 10_001n],
    );
  });

  test('is never led behind a record that was not read, and is at the end where everything was', () => {
    fc.assert(
      fc.property(growth, fc.integer({ min: 0, max: 200 }), fc.nat(), (pieces, lagMax, pick) => {
        const log = new Log();
        const store = new OffsetSyncStore();
        let state = NOTHING;
        const look = (): void => {
          const { map } = log;
          const due = dueSyncs(map, state, BigInt(lagMax));
          for (const pair of due) {
            const exact = translate(map, pair.upstream);
            assert.deepEqual(exact, { kind: 'exact', offset: pair.downstream }, 'a sync is of a copied record');
            store.take(pair);
          }
          state = { last: due.at(-1) ?? state.last, seen: lastCopied(map) };
        };
        for (const { copied, skipped, looks } of pieces) {
          log.grow(copied, skipped);
          if (looks) look();
          // The next leader knows what the topic holds, and no more.
          if (pick % 7 === 0) state = { last: state.last, seen: undefined };
        }
        look();
        look();
        const { map } = log;
        const end = lastCopied(map);
        assert.ok(end !== undefined);
        assert.equal(store.translate(end.upstream + 1n), end.downstream + 1n);
        for (let upstream = 0n; upstream <= map.head.source; upstream += 1n + BigInt(pick % 5)) {
          const java = store.translate(upstream);
          const ours = translate(map, upstream);
          assert.ok(java !== undefined && (ours.kind === 'exact' || ours.kind === 'hole' || ours.kind === 'head'));
          assert.ok(java <= ours.offset, `${upstream}: Java says ${java}, it is ${ours.offset}`);
        }
      }),
      { numRuns: 300 },
    );
  });
});
