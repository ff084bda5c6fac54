import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, test } from 'node:test';
import { silentLogger } from '../../../../common/observability/logger.js';
import { systemRandom } from '../../../../common/runtime/random.js';
import { type ThreadHandle, ThreadPool } from '../../../../worker/supervisor/thread-pool.js';
import { ThreadPulse } from '../../../../worker/supervisor/thread-pulse.js';
import type { ThreadSettings } from '../../../../worker/thread/protocol.js';
import { ManualClock } from '../manual-clock.js';

const BOUNDS = { tellAfter: 2, endAfter: 4, endUnbornAfter: 6 };

/** A thread that says what it is told to say, and ends when it is terminated. */
class PuppetThread extends EventEmitter {
  terminations = 0;
  postMessage(): void {}
  speak(): void {
    this.emit('message', { type: 'ready' });
  }
  terminate(): Promise<number> {
    this.terminations += 1;
    queueMicrotask(() => this.emit('exit', 1));
    return Promise.resolve(1);
  }
}

describe('the pulse of a data thread', () => {
  const kinds = (pulse: ThreadPulse, ticks: number): string[] =>
    Array.from({ length: ticks }, () => pulse.tick()).map((felt) =>
      'ticks' in felt ? `${felt.kind} ${felt.ticks}` : felt.kind,
    );

  test('silence is told first, then the thread is lost, once', () => {
    const pulse = new ThreadPulse(BOUNDS);
    pulse.heard();
    assert.deepEqual(kinds(pulse, 7), ['beats', 'beats', 'silent 2', 'silent 3', 'lost 4', 'silent 5', 'silent 6']);
  });

  test('any word begins the count anew', () => {
    const pulse = new ThreadPulse(BOUNDS);
    for (let i = 0; i < 50; i++) {
      pulse.heard();
      assert.deepEqual(kinds(pulse, 3), ['beats', 'beats', 'silent 2']);
    }
  });

  test('one that has not said its first word has more time', () => {
    assert.deepEqual(kinds(new ThreadPulse(BOUNDS), 8).slice(4), ['silent 4', 'silent 5', 'lost 6', 'silent 7']);
  });

  test('the pool ends a silent thread, starts it again as another life, and says both', async () => {
    const clock = new ManualClock();
    const spawned: PuppetThread[] = [];
    const lives: number[] = [];
    const silent: number[] = [];
    const died: number[] = [];
    const pool = new ThreadPool({
      threads: 2,
      settings: (thread, life) => ({ thread, life }) as ThreadSettings,
      received: () => undefined,
      died: (thread) => died.push(thread),
      silent: (thread, silentMs) => silent.push(thread, silentMs),
      pulse: BOUNDS,
      spawn: ({ thread, life }) => {
        lives.push(thread, life);
        const puppet = new PuppetThread();
        spawned.push(puppet);
        return puppet as unknown as ThreadHandle;
      },
      clock,
      random: systemRandom,
      logger: silentLogger,
    });
    const [well, hung] = spawned as [PuppetThread, PuppetThread];
    hung.speak();
    for (let second = 0; second < 5; second++) {
      well.speak();
      clock.pass(1_000);
    }
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([well.terminations, hung.terminations], [0, 1]);
    assert.deepEqual(silent, [1, 2_000, 1, 3_000, 1, 4_000]);
    well.speak();
    clock.pass(1_000);
    assert.deepEqual(died, [1]);
    assert.deepEqual(lives, [0, 0, 1, 0, 1, 1]);
    spawned[2]?.speak();
    well.speak();
    clock.pass(1_000);
    assert.equal(silent.length, 6);
    for (const puppet of spawned) queueMicrotask(() => puppet.emit('exit', 0));
    await pool.close();
  });

  test('a supervisor that was late itself takes nobody for dead: it counts its own seconds', () => {
    const pulse = new ThreadPulse(BOUNDS);
    pulse.heard();
    // A minute in which this process was stopped is one tick.
    assert.equal(pulse.tick().kind, 'beats');
    pulse.heard();
    assert.equal(pulse.tick().kind, 'beats');
  });
});
