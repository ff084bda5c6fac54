import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BufferPool } from '../../../../common/kafka/wire/buffer-pool.js';
import type { Clock } from '../../../../common/runtime/clock.js';
import { HeldBodies, ResponseBody } from '../../../../worker/fetch/response-body.js';

const MIB = 1 << 20;

function bodyOf(pool: BufferPool): { body: ResponseBody; memory: Buffer } {
  const memory = pool.take(MIB);
  for (let i = 0; i < MIB; i += 1) memory[i] = i % 251;
  return { body: new ResponseBody(pool, memory), memory };
}

/** Timers fire when told. */
function manualClock(): { clock: Clock; tick: () => void; pending: () => number } {
  let due: (() => void)[] = [];
  const clock: Clock = {
    wallMs: () => 0,
    monotonicMs: () => 0,
    after: (_delayMs, callback) => {
      due.push(callback);
      return { cancel: () => (due = due.filter((one) => one !== callback)) };
    },
    sleep: () => Promise.resolve(),
  };
  const tick = (): void => {
    const now = due;
    due = [];
    for (const callback of now) callback();
  };
  return { clock, tick, pending: () => due.length };
}

describe('the memory of a fetch response', () => {
  test('goes back to the pool with the last batch', () => {
    const pool = new BufferPool(8 * MIB);
    const { body, memory } = bodyOf(pool);
    const batches = [0, 100].map((start) => body.lend({ buffer: memory, start, length: 100 }));
    body.release();
    batches[0]?.release();
    batches[0]?.release();
    assert.equal(pool.freeBytes, 0, 'letting go twice counts once');
    batches[1]?.release();
    assert.equal(pool.freeBytes, MIB);
  });

  test('is given up for a copy when a small batch alone has held it for a while; the bytes are the same', () => {
    const pool = new BufferPool(8 * MIB);
    const { clock, tick, pending } = manualClock();
    const held = new HeldBodies(clock);
    const { body, memory } = bodyOf(pool);
    held.watch(body);
    const small = body.lend({ buffer: memory, start: 5_000, length: 300 });
    const expected = Buffer.from(memory.subarray(5_000, 5_300));
    body.release();
    tick();
    assert.equal(pool.freeBytes, 0, 'not yet: it may be on its way');
    tick();
    assert.equal(pool.freeBytes, MIB);
    memory.fill(0);
    assert.ok(small.buffer.subarray(small.start, small.start + small.length).equals(expected));
    small.release();
    tick();
    tick();
    assert.equal(pending(), 0, 'nothing to watch, no timer');
  });

  test('stays where somebody reads it, and where most of it is used', () => {
    const pool = new BufferPool(8 * MIB);
    const { clock, tick } = manualClock();
    const held = new HeldBodies(clock);
    const read = bodyOf(pool);
    const sent = read.body.lend({ buffer: read.memory, start: 0, length: 300 });
    assert.equal(sent.buffer, read.memory);
    const used = bodyOf(pool);
    used.body.lend({ buffer: used.memory, start: 0, length: MIB / 2 });
    for (const { body } of [read, used]) {
      held.watch(body);
      body.release();
    }
    tick();
    tick();
    tick();
    assert.equal(pool.freeBytes, 0);
    sent.release();
    assert.equal(pool.freeBytes, MIB);
  });

  test('memory follows the batches that are held, not the responses they came in', () => {
    const pool = new BufferPool(64 * MIB);
    const { clock, tick } = manualClock();
    const held = new HeldBodies(clock);
    const stuck = Array.from({ length: 20 }, () => {
      const { body, memory } = bodyOf(pool);
      held.watch(body);
      const quick = body.lend({ buffer: memory, start: 0, length: MIB - 1_000 });
      const slow = body.lend({ buffer: memory, start: MIB - 1_000, length: 1_000 });
      body.release();
      quick.release();
      return slow;
    });
    tick();
    tick();
    assert.equal(pool.freeBytes, 20 * MIB);
    assert.ok(stuck.every((slow) => slow.buffer.length === 1_000));
  });
});
