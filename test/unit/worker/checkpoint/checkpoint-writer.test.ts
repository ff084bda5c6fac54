import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkpointGroup } from '../../../../common/model/checkpoint.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import type { CheckpointStore } from '../../../../worker/checkpoint/checkpoint-store.js';
import { CheckpointWriter } from '../../../../worker/checkpoint/checkpoint-writer.js';
import type { MirroredPartition } from '../../../../worker/partition/mirrored-partition.js';
import { runningOutlet, testPartition } from '../partition/partition-kit.js';

type Commit = CheckpointStore['commit'];

function writerOn(commit: Commit, intervalMs = 60_000): CheckpointWriter {
  return new CheckpointWriter({
    store: { commit } as unknown as CheckpointStore,
    intervalMs,
    refreshMs: 60_000,
    cluster: 't',
    mayCommit: () => true,
    committed: () => undefined,
    clock: systemClock,
    logger: silentLogger,
  });
}

/** Partitions that have begun, by their checkpoint group. */
function begun(count: number): Map<string, MirroredPartition[]> {
  const { lane } = runningOutlet(0);
  const groups = new Map<string, MirroredPartition[]>();
  for (let number = 0; number < count; number++) {
    const partition = testPartition('r', number);
    partition.lane = lane;
    partition.begin({ source: 0, target: 0, runSource: 0, runTarget: 0 });
    partition.started = true;
    const group = checkpointGroup(partition.item);
    groups.set(group, [...(groups.get(group) ?? []), partition]);
  }
  return groups;
}

describe('writing checkpoints', () => {
  test('one commit that fails in an unexpected way does not end those that follow', async () => {
    let calls = 0;
    const writer = writerOn(() => {
      calls += 1;
      return calls === 1 ? Promise.reject(new TypeError('a bug')) : Promise.resolve(new Map());
    });
    const { partition } = runningOutlet(0);
    await assert.rejects(writer.flush([partition]), TypeError);
    assert.ok((await writer.flush([partition])).has(partition));
    await writer.close();
  });

  test('a group whose coordinator does not answer holds up nobody else’s checkpoints', async () => {
    const [[slow, [stuck]], [, [free]]] = [...begun(40)] as [
      [string, MirroredPartition[]],
      [string, MirroredPartition[]],
    ];
    assert.ok(stuck !== undefined && free !== undefined);
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const commits: string[] = [];
    const writer = writerOn(async (group) => {
      commits.push(group);
      if (group === slow) await gate;
      return new Map();
    }, 5);
    writer.add(stuck);
    writer.add(free);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok((await writer.flush([free])).has(free));
    assert.equal(free.committedSource, 0);
    assert.equal(stuck.committedSource, -1);
    assert.equal(commits.filter((group) => group === slow).length, 1, 'one commit of a group at a time');
    release();
    assert.ok((await writer.flush([stuck])).has(stuck));
    await writer.close();
  });

  test('partitions that are flushed one by one share a commit', async () => {
    const [group, partitions] = [...begun(100)][0] as [string, MirroredPartition[]];
    assert.ok(partitions.length >= 3);
    const sizes: number[] = [];
    const writer = writerOn(async (asked, entries) => {
      assert.equal(asked, group);
      sizes.push(entries.length);
      return new Map();
    });
    const flushed = await Promise.all(partitions.map((partition) => writer.flush([partition])));
    assert.ok(flushed.every((done, i) => done.has(partitions[i] as MirroredPartition)));
    assert.ok(sizes.length <= 2, `commits of ${sizes.join(', ')}`);
    await writer.close();
  });
});
