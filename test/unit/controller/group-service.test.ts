import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { GroupVerdict } from '../../../common/model/group-sync.js';
import { GroupService } from '../../../controller/groups/group-service.js';
import type { GroupSyncs } from '../../../controller/groups/group-syncs.js';
import type { GroupSyncResult } from '../../../controller/groups/ports.js';
import type { GroupReport } from '../../../controller/groups/route-groups.js';

function result(group: string, partition: number, verdict: GroupVerdict, rereads: bigint | null = 0n): GroupSyncResult {
  return {
    ...{ group, targetGroup: group, topic: 't', partition, targetTopic: 'east.t', detail: null },
    ...{ sourceOffset: 2n ** 60n, translated: 5n, quality: 'exact', targetOffset: null, verdict, rereads },
  };
}

const WRITE: GroupVerdict = { kind: 'write', reason: 'new' };

function serviceOf(results: readonly GroupSyncResult[], failed: readonly string[] = []): GroupService {
  const faults = new Map(failed.map((group) => [group, 'it does not answer']));
  const report: GroupReport = { atMs: 0, results, failed: faults };
  const answer = () => Promise.resolve(report);
  const syncs = { isLeading: true, report: answer, syncNow: answer } as unknown as GroupSyncs;
  return new GroupService({ store: { get: () => Promise.resolve(undefined) }, syncs, token: undefined });
}

const all = (names: readonly string[]) => ({ names, next: null });

describe('what is told of groups', () => {
  test('counts over everything, groups in the order of their names, positions in that of their places, offsets as text', async () => {
    const service = serviceOf(
      [
        result('b', 1, WRITE, 3n),
        result('b', 0, { kind: 'keep', reason: 'same' }),
        result('a', 0, { kind: 'refuse', reason: 'moved' }, null),
      ],
      ['c'],
    );
    const { counts, groups } = await service.list('r', {}, false, all);
    assert.deepEqual(counts, { groups: 3, positions: 3, written: 1, kept: 1, refused: 1, rereads: '3' });
    assert.deepEqual(
      groups.map(({ group, fault, positions }) => [group, fault, positions.map(({ partition }) => partition)]),
      [
        ['a', null, [0]],
        ['b', null, [0, 1]],
        ['c', 'it does not answer', []],
      ],
    );
    assert.equal(groups[0]?.positions[0]?.sourceOffset, String(2n ** 60n));
    const { groups: one } = await service.list('r', { group: 'a' }, false, all);
    assert.deepEqual(
      one.map(({ group }) => group),
      ['a'],
    );
  });

  test('an answer holds whole groups, at most twenty thousand positions but for the first group; the next page goes on behind them', async () => {
    const large = ['a', 'b', 'c'].flatMap((group) =>
      Array.from({ length: group === 'a' ? 30_000 : 9_000 }, (_, partition) => result(group, partition, WRITE)),
    );
    const service = serviceOf(large);
    const first = await service.list('r', {}, false, all);
    assert.deepEqual(
      [first.groups.map(({ group }) => group), first.next],
      [['a'], Buffer.from('a').toString('base64url')],
    );
    const rest = await service.list('r', {}, false, (names) => all(names.filter((name) => name > 'a')));
    assert.deepEqual([rest.groups.map(({ group }) => group), rest.next], [['b', 'c'], null]);
    const synced = await service.sync('r', {}, false);
    assert.deepEqual([synced.groups.length, synced.truncated, synced.counts.groups], [1, true, 3]);
  });
});
