import type { Logger } from '../../common/observability/logger.js';
import type { Clock, Timer } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import type { MirroredPartition } from '../partition/mirrored-partition.js';
import type { CheckpointStore } from './checkpoint-store.js';

export interface CheckpointWriterDeps {
  readonly store: CheckpointStore;
  readonly intervalMs: number;
  readonly refreshMs: number;
  readonly cluster: string;
  /** False once the session's lease has ended: another owner may have moved the checkpoint on. */
  readonly mayCommit: () => boolean;
  readonly committed: (outcome: 'ok' | 'failed', count: number) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Commits the pairs of partitions that moved, about once a second, and unchanged ones now and then (exactly-once.md 4.1, 4.4). */
export class CheckpointWriter implements Closable {
  readonly #deps: CheckpointWriterDeps;
  readonly #partitions = new Set<MirroredPartition>();
  #timer: Timer | undefined;
  /** One pass at a time: two commits of a partition under way could overtake each other. */
  #pass: Promise<void> = Promise.resolve();
  #closed = false;
  #failing = false;

  constructor(deps: CheckpointWriterDeps) {
    this.#deps = deps;
    this.#schedule();
  }

  add(partition: MirroredPartition): void {
    this.#partitions.add(partition);
  }

  remove(partition: MirroredPartition): void {
    this.#partitions.delete(partition);
  }

  /** Commits these pairs as they stand, after whatever is under way; gives those that were committed. */
  async flush(partitions: readonly MirroredPartition[]): Promise<ReadonlySet<MirroredPartition>> {
    const done = new Set<MirroredPartition>();
    await this.#next(() => this.#commit(partitions, done));
    return done;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#pass;
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = this.#deps.clock.after(this.#deps.intervalMs, () => {
      this.#next(() => this.#commit(this.#due(), new Set()))
        .catch((error: unknown) => this.#deps.logger.error('checkpoint.pass-failed', { err: error }))
        .finally(() => this.#schedule());
    });
  }

  /** After whatever is under way, whether that succeeds or not. */
  #next(pass: () => Promise<void>): Promise<void> {
    const done = this.#pass.then(pass);
    this.#pass = done.catch(() => undefined);
    return done;
  }

  #due(): MirroredPartition[] {
    const nowMs = this.#deps.clock.monotonicMs();
    return [...this.#partitions].filter((partition) => {
      if (!partition.started) return false;
      const moved = partition.queue.settledNext !== partition.committedSource;
      return moved || nowMs - partition.committedAtMs >= this.#deps.refreshMs;
    });
  }

  async #commit(partitions: readonly MirroredPartition[], done: Set<MirroredPartition>): Promise<void> {
    if (partitions.length === 0 || !this.#deps.mayCommit()) return;
    const { store, clock, committed, logger, cluster } = this.#deps;
    const entries = partitions.flatMap((partition) => {
      const checkpoint = partition.checkpoint();
      const { route, targetTopic, partition: number } = partition.item;
      return checkpoint === undefined ? [] : [{ route, targetTopic, partition: number, checkpoint, owner: partition }];
    });
    const failed = await store.commit(entries);
    const nowMs = clock.monotonicMs();
    for (const { owner, checkpoint } of entries) {
      if (failed.has(owner.targetKey)) continue;
      owner.committedSource = Number(checkpoint.sourceOffset);
      owner.committedAtMs = nowMs;
      done.add(owner);
    }
    committed('ok', entries.length - failed.size);
    committed('failed', failed.size);
    const [first] = failed.values();
    // Said once per outage: the next pass tries again anyway.
    if (first !== undefined && !this.#failing)
      logger.warn('checkpoint.failed', { cluster, partitions: failed.size, err: first });
    this.#failing = first !== undefined;
  }
}
