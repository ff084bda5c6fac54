import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type CommitTarget, GroupCommit } from '../../../common/coordination/embedded/group-commit.js';
import type { Batch } from '../../../common/coordination/embedded/journal-format.js';
import type { TreeEffect } from '../../../common/coordination/embedded/tree.js';
import { isCausewayError } from '../../../common/errors/error.js';

const put = (path: string, size = 1): TreeEffect => ({
  type: 'put',
  path,
  version: 0,
  createdAt: 1n,
  data: Buffer.alloc(size),
});

/** A disk whose writes end when the test says so. */
class SlowDisk implements CommitTarget {
  readonly batches: Batch[] = [];
  compactions = 0;
  #ends: { readonly resolve: (written: number) => void; readonly reject: (error: Error) => void }[] = [];

  append(batch: Batch): Promise<number> {
    this.batches.push(batch);
    return new Promise((resolve, reject) => this.#ends.push({ resolve, reject }));
  }

  compact(): Promise<number> {
    this.compactions += 1;
    return Promise.resolve(10);
  }

  async end(written = 100): Promise<void> {
    this.#ends.shift()?.resolve(written);
    await new Promise(setImmediate);
  }

  async fail(): Promise<void> {
    this.#ends.shift()?.reject(new Error('ENOSPC'));
    await new Promise(setImmediate);
  }
}

describe('group commit', () => {
  test('what comes while the disk is busy goes into one write, and nobody is told before it ends', async () => {
    const disk = new SlowDisk();
    const commit = new GroupCommit(disk, 0, () => assert.fail('no failure expected'));
    const done: string[] = [];
    commit.add(1n, [put('/a')]);
    const first = commit.durable().then(() => done.push('first'));
    await new Promise(setImmediate);
    for (let i = 2n; i <= 10n; i += 1n) commit.add(i, [put(`/n${i}`)]);
    const second = commit.durable().then(() => done.push('second'));
    assert.deepEqual(done, []);
    await disk.end();
    await first;
    assert.deepEqual(done, ['first']);
    assert.deepEqual(
      disk.batches.map(({ transaction, effects }) => [transaction, effects.length]),
      [
        [1n, 1],
        [10n, 9],
      ],
    );
    await disk.end();
    await second;
    await commit.durable();
  });

  test('after a failed write nothing is acknowledged any more', async () => {
    const disk = new SlowDisk();
    const failures: unknown[] = [];
    const commit = new GroupCommit(disk, 0, (error) => failures.push(error));
    const unavailable = (error: unknown): boolean => isCausewayError(error, 'COORDINATION_UNAVAILABLE');
    commit.add(1n, [put('/a')]);
    const first = assert.rejects(commit.durable(), unavailable);
    await new Promise(setImmediate);
    commit.add(2n, [put('/b')]);
    const second = assert.rejects(commit.durable(), unavailable);
    await disk.fail();
    await Promise.all([first, second]);
    assert.throws(() => commit.check(), unavailable);
    await assert.rejects(commit.durable(), unavailable);
    assert.equal(failures.length, 1);
    assert.equal(disk.batches.length, 1);
  });

  test('a long journal is folded with the next write; a slow disk stops what would not fit memory', async () => {
    const disk = new SlowDisk();
    const commit = new GroupCommit(disk, 0, () => assert.fail('no failure expected'));
    commit.add(1n, [put('/a')]);
    await new Promise(setImmediate);
    commit.check();
    commit.add(2n, [put('/b', 65 * 1024 * 1024)]);
    assert.throws(() => commit.check(), /disk is too slow/);
    await disk.end(5 * 1024 * 1024);
    await commit.durable();
    commit.check();
    assert.deepEqual([disk.batches.length, disk.compactions], [1, 1]);
  });
});
