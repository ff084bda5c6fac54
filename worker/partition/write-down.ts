import { isCausewayError, messageOf } from '../../common/errors/error.js';
import { backoffMs } from '../../common/runtime/backoff.js';
import type { Asides } from '../core/asides.js';
import type { PendingGap, QueuedBatch, Settled } from '../core/partition-queue.js';
import type { MirroredPartition } from './mirrored-partition.js';
import type { OutletDeps } from './outlet-deps.js';

/** What could not be written down is tried again after this. */
const DECLARE_BACKOFF = { initialMs: 100, maxMs: 10_000 } as const;

/** The outlet whose turn it is to wait. */
export interface WriteDownHost {
  settle(settled: Settled): void;
  /** Something may have got its final answer. */
  whenAnswered(): void;
  isDraining(): boolean;
  failed(error: unknown): void;
}

/** Gaps, and records that go into other topics: stored elsewhere, in their turn, before anything behind them is sent. */
export class WriteDown {
  readonly #partition: MirroredPartition;
  readonly #deps: OutletDeps;
  readonly #host: WriteDownHost;

  constructor(partition: MirroredPartition, deps: OutletDeps, host: WriteDownHost) {
    this.#partition = partition;
    this.#deps = deps;
    this.#host = host;
  }

  /** What has to be stored elsewhere before anything of the batch, or behind it, is sent. */
  begin(batch: QueuedBatch): void {
    const partition = this.#partition;
    const { gap, asides } = batch;
    const { life } = partition;
    if (gap !== undefined) partition.on({ type: 'declare' });
    const written = gap === undefined ? this.#deps.divert(partition, asides) : this.#deps.declare(partition, gap);
    written
      .then(
        () => {
          if (partition.life !== life) return;
          if (gap !== undefined) this.#declared(batch, gap);
          else this.#diverted(batch, asides);
        },
        (error: unknown) => {
          if (partition.life === life) this.#undeclared(batch, error);
        },
      )
      .catch((error: unknown) => this.#host.failed(error));
  }

  #declared(batch: QueuedBatch, { gap }: PendingGap): void {
    const partition = this.#partition;
    partition.failures = 0;
    partition.gapRecords += gap.lastOffset - gap.firstOffset + 1;
    if (partition.lost === gap) partition.lost = undefined;
    partition.shaping.declared(gap.firstOffset, gap.lastOffset);
    partition.on({ type: 'declared' });
    this.#host.settle(partition.queue.ack(batch, -1));
    this.#deps.port.ready(partition);
    this.#host.whenAnswered();
  }

  /** Now the batch itself goes out, if anything of it is left: it has counted as sent since. */
  #diverted(batch: QueuedBatch, asides: Asides | undefined): void {
    const partition = this.#partition;
    partition.failures = 0;
    if (asides !== undefined) asides.isWritten = true;
    if (batch.recordCount === 0) this.#host.settle(partition.queue.ack(batch, -1));
    else partition.queue.requeue(batch);
    if (partition.phase === 'backing-off') {
      partition.on({ type: 'store' });
      this.#deps.port.freed(partition);
    }
    this.#deps.port.ready(partition);
    this.#host.whenAnswered();
  }

  /** Nothing behind it may go out before it is written down. */
  #undeclared(batch: QueuedBatch, error: unknown): void {
    const partition = this.#partition;
    const { port, clock, random, budget } = this.#deps;
    const { life } = partition;
    partition.queue.postpone(batch);
    if (this.#host.isDraining()) budget.release(partition.queue.dropUnsent());
    this.#host.whenAnswered();
    if (this.#host.isDraining()) return;
    const code = isCausewayError(error) ? error.code : 'INTERNAL_INVARIANT';
    const what = batch.gap === undefined ? 'records for other topics' : 'a gap';
    const reason = { code, message: `${what} could not be written: ${messageOf(error)}` };
    switch (code) {
      case 'TARGET_REFUSED':
        budget.release(partition.queue.dropAll());
        port.pause(partition, reason);
        return;
      case 'SEQUENCE_BROKEN':
        if (partition.lane !== undefined) partition.brokenLanes.add(partition.lane);
        port.restart(partition, reason);
        return;
      case 'LANE_DEAD':
        port.laneDead(partition);
        break;
      default:
        break;
    }
    partition.failures += 1;
    partition.on({ type: 'fail', reason });
    clock.after(backoffMs(partition.failures, DECLARE_BACKOFF, random), () => {
      if (partition.life === life) port.ready(partition);
    });
  }
}
