import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { silentLogger } from '../../../../common/observability/logger.js';
import type { MirroredPartition } from '../../../../worker/partition/mirrored-partition.js';
import { Handover, type HandoverDeps } from '../../../../worker/thread/handover.js';
import type { Held } from '../../../../worker/thread/held-partitions.js';
import { ManualClock } from '../manual-clock.js';
import { runningOutlet } from '../partition/partition-kit.js';

/** A thread that holds one partition without anything in flight; the test writes its pairs and does its starts. */
class Kit {
  readonly clock = new ManualClock();
  readonly starts: number[] = [];
  readonly released: string[] = [];
  readonly held: Held;
  /** Its start is being worked on. */
  starting = false;
  readonly #partition: MirroredPartition;
  readonly #flushes: ((done: ReadonlySet<MirroredPartition>) => void)[] = [];
  readonly handover: Handover;

  constructor() {
    const { partition, outlet } = runningOutlet(0);
    partition.started = true;
    this.#partition = partition;
    this.held = { partition, outlet, intake: undefined as never, copying: true, draining: false };
    const checkpoints = {
      flush: () => new Promise<ReadonlySet<MirroredPartition>>((resolve) => this.#flushes.push(resolve)),
      remove: () => undefined,
    };
    const target = {
      positionsOf: () => checkpoints,
      writer: { remove: () => undefined },
    };
    const starter = {
      request: (_partition: MirroredPartition, delayMs = 0) => this.starts.push(delayMs),
      cancel: () => !this.starting,
    };
    const held = { stopCopying: () => undefined, remove: () => undefined, of: () => this.held };
    this.handover = new Handover({
      held: held as unknown as HandoverDeps['held'],
      sides: { of: () => ({ target }) } as unknown as HandoverDeps['sides'],
      starter: () => starter as unknown as ReturnType<HandoverDeps['starter']>,
      released: (key) => this.released.push(key),
      isStopped: () => false,
      clock: this.clock,
      logger: silentLogger,
    });
  }

  /** Everything that asked for the pair to be written is told so. */
  async written(done = true): Promise<void> {
    for (const flushed of this.#flushes.splice(0)) flushed(new Set(done ? [this.#partition] : []));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('the end of a partition’s life', () => {
  test('orders to begin anew that come while the pair is being written begin it once', async () => {
    const kit = new Kit();
    kit.handover.startAnew(kit.held, 0);
    kit.handover.startAnew(kit.held, 50);
    await kit.written();
    assert.deepEqual(kit.starts, [50]);
  });

  test('and so they do when the pair cannot be written for a while', async () => {
    const kit = new Kit();
    kit.handover.startAnew(kit.held, 0);
    await kit.written(false);
    kit.handover.startAnew(kit.held, 0);
    kit.clock.pass(1_000);
    await kit.written(false);
    kit.clock.pass(1_000);
    await kit.written();
    kit.clock.pass(1_000);
    await kit.written();
    assert.equal(kit.starts.length, 1);
  });

  test('an order to begin anew waits for the start under way: a second one beside it would send again what the first one sends', async () => {
    const kit = new Kit();
    kit.starting = true;
    kit.handover.startAnew(kit.held, 0);
    await kit.written();
    assert.deepEqual(kit.starts, []);
    kit.starting = false;
    kit.handover.startSettled(kit.held);
    await kit.written();
    assert.deepEqual(kit.starts, [0]);
    kit.handover.startSettled(kit.held);
    await kit.written();
    assert.deepEqual(kit.starts, [0]);
  });

  test('a drain that begins meanwhile goes first: the partition is let go and not begun again', async () => {
    const kit = new Kit();
    kit.handover.startAnew(kit.held, 0);
    kit.handover.drain(kit.held);
    await kit.written();
    kit.clock.pass(1_000);
    await kit.written();
    assert.deepEqual(kit.starts, []);
    assert.deepEqual(kit.released, [kit.held.partition.key]);
  });
});
