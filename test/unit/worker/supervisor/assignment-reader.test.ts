import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openEmbeddedStore } from '../../../../common/coordination/embedded/engine.js';
import { ANY_VERSION } from '../../../../common/coordination/ports.js';
import { encodeAssignment } from '../../../../common/coordination/records/assignment.js';
import { assignmentPath } from '../../../../common/coordination/znodes.js';
import type { WorkerAssignment } from '../../../../common/model/assignment.js';
import { silentLogger } from '../../../../common/observability/logger.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import { systemRandom } from '../../../../common/runtime/random.js';
import { AssignmentReader } from '../../../../worker/supervisor/assignment-reader.js';

/** No timer: only the order in which nodes are written decides. */
const NEVER_MS = 3_600_000;

interface Bench {
  /** Generations that were taken, in order. */
  readonly taken: string[];
  incarnation: string | undefined;
  write(stamp: Partial<WorkerAssignment>): Promise<void>;
}

async function withReader(act: (bench: Bench) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'assignment-reader-'));
  const options = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const store = await openEmbeddedStore({ dir, ...options });
  const path = assignmentPath('w');
  await store.create(path, Buffer.alloc(0));
  const bench: Bench = {
    taken: [],
    incarnation: 'i1',
    async write(stamp) {
      const whole = {
        worker: 'w',
        incarnation: 'i1',
        epoch: 1,
        generation: 1,
        routes: [],
        items: [],
        limits: [],
        ...stamp,
      };
      const [node, ...parts] = encodeAssignment(whole);
      assert.ok(node !== undefined && parts.length === 0);
      await store.set(path, node, ANY_VERSION);
      reader.refresh();
      // Two reads: the one under way may have begun before the write.
      for (let i = 0; i < 10; i++) await systemClock.sleep(5);
    },
  };
  const reader = new AssignmentReader({
    store,
    worker: 'w',
    incarnation: () => bench.incarnation,
    accepted: ({ incarnation, epoch, generation }) => bench.taken.push(`${incarnation} ${epoch}.${generation}`),
    intervalMs: NEVER_MS,
    ...options,
  });
  try {
    await act(bench);
  } finally {
    await reader.close();
    await store.close();
    await rm(dir, { recursive: true });
  }
}

test('7.4 the highest epoch and generation seen is kept: lower ones are ignored, whatever the node says', async () => {
  await withReader(async ({ write, taken }) => {
    await write({ epoch: 2, generation: 7 });
    await write({ epoch: 2, generation: 6 });
    await write({ epoch: 1, generation: 9 });
    assert.deepEqual(taken, ['i1 2.7']);
    await write({ epoch: 3, generation: 1 });
    assert.deepEqual(taken, ['i1 2.7', 'i1 3.1']);
  });
});

test('7.1 an assignment for another incarnation of the same worker is ignored', async () => {
  await withReader(async (bench) => {
    await bench.write({ incarnation: 'i0', generation: 3 });
    assert.deepEqual(bench.taken, []);
    await bench.write({ incarnation: 'i1', generation: 4 });
    bench.incarnation = 'i2';
    await bench.write({ incarnation: 'i1', generation: 5 });
    await bench.write({ incarnation: 'i2', generation: 6 });
    assert.deepEqual(bench.taken, ['i1 1.4', 'i2 1.6']);
  });
});
