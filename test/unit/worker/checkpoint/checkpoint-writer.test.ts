import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { silentLogger } from '../../../../common/observability/logger.js';
import { systemClock } from '../../../../common/runtime/clock.js';
import type { CheckpointStore } from '../../../../worker/checkpoint/checkpoint-store.js';
import { CheckpointWriter } from '../../../../worker/checkpoint/checkpoint-writer.js';
import { runningOutlet } from '../partition/partition-kit.js';

describe('writing checkpoints', () => {
  test('one commit that fails in an unexpected way does not end those that follow', async () => {
    let calls = 0;
    const store = {
      commit: () => {
        calls += 1;
        return calls === 1 ? Promise.reject(new TypeError('a bug')) : Promise.resolve(new Map());
      },
    };
    const writer = new CheckpointWriter({
      store: store as unknown as CheckpointStore,
      intervalMs: 60_000,
      refreshMs: 60_000,
      cluster: 't',
      mayCommit: () => true,
      committed: () => undefined,
      clock: systemClock,
      logger: silentLogger,
    });
    const { partition } = runningOutlet(0);
    await assert.rejects(writer.flush([partition]), TypeError);
    assert.ok((await writer.flush([partition])).has(partition));
    await writer.close();
  });
});
