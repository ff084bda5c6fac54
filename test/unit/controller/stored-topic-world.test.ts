import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type EmbeddedEngine, openEmbeddedEngine } from '../../../common/coordination/embedded/engine.js';
import type { CoordinationStore, StoreOp } from '../../../common/coordination/ports.js';
import { encodeTopicProgress } from '../../../common/coordination/records/desired.js';
import { progressPath, progressRoutePath, topicPath, topicsPath } from '../../../common/coordination/znodes.js';
import { silentLogger } from '../../../common/observability/logger.js';
import { systemClock } from '../../../common/runtime/clock.js';
import { systemRandom } from '../../../common/runtime/random.js';
import { StoredTopicWorld } from '../../../controller/sync/stored-topic-world.js';

const PROGRESS = {
  route: 'r',
  topic: 't',
  sourceTopicId: '00000000-0000-0000-0000-000000000001',
  targetTopic: 'u',
  targetTopicId: '00000000-0000-0000-0000-000000000002',
  timeline: 1,
  started: [0, 1],
  initialPartitions: 2,
};

describe('a topic that is gone at both ends', () => {
  let dir: string;
  let engine: EmbeddedEngine;
  let store: CoordinationStore;

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'topic-world-'));
    const deps = { clock: systemClock, random: systemRandom, logger: silentLogger };
    engine = await openEmbeddedEngine({ dir, ...deps });
    store = engine.connect();
    const parents = ['/routes', '/routes/r', topicsPath('r'), '/progress', progressRoutePath('r')];
    for (const path of parents) await store.create(path, Buffer.alloc(0)).catch(() => undefined);
    await store.create(topicPath('r', 't'), Buffer.from('{}'));
    await store.create(progressPath('r', 't'), encodeTopicProgress(PROGRESS));
  });

  afterEach(async () => {
    await store.close();
    await engine.close();
    rmSync(dir, { recursive: true, force: true });
  });

  test('is forgotten by one write: nobody sees its entry on the timeline of whoever comes next', async () => {
    const writes: (readonly StoreOp[])[] = [];
    await new StoredTopicWorld(counted(writes)).forget('r', 't');
    assert.equal(writes.length, 1);
    assert.equal(await store.get(topicPath('r', 't')), undefined);
    const { timeline, started, sourceTopicId, targetTopicId } = (await progress()) ?? {};
    assert.deepEqual([timeline, started, sourceTopicId, targetTopicId], [2, [], null, undefined]);
  });

  test('keeps an entry that somebody changed meanwhile, and loses its timeline all the same', async () => {
    const change = async (): Promise<void> => void (await store.set(topicPath('r', 't'), Buffer.from('{"a":1}'), 0));
    await new StoredTopicWorld(counted([], change)).forget('r', 't');
    assert.ok((await store.get(topicPath('r', 't'))) !== undefined);
    assert.equal((await progress())?.timeline, 2);
  });

  const progress = () => new StoredTopicWorld(store).progress('r', 't');

  /** @param before happens right before the first write */
  function counted(writes: (readonly StoreOp[])[], before = () => Promise.resolve()): CoordinationStore {
    return {
      get: (path: string) => store.get(path),
      multi: async (ops: readonly StoreOp[]) => {
        if (writes.push(ops) === 1) await before();
        return store.multi(ops);
      },
    } as unknown as CoordinationStore;
  }
});
