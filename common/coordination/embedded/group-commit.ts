import { CausewayError } from '../../errors/error.js';
import type { Batch } from './journal-format.js';
import type { TreeEffect } from './tree.js';

/** Effects that wait for the disk, in bytes of data. */
const MAX_PENDING_BYTES = 64 * 1024 * 1024;
/** The journal is folded into a snapshot above this, or above twice the snapshot's size. */
const COMPACT_JOURNAL_BYTES = 4 * 1024 * 1024;

/** Where batches go; the engine gives files and the tree's present content. */
export interface CommitTarget {
  append(batch: Batch): Promise<number>;
  /** Writes everything the tree holds right now, waiting effects included. */
  compact(): Promise<number>;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: CausewayError) => void;
}

/** Gathers what is committed while the disk is busy into one write and one fsync. The first failed write ends it for good. */
export class GroupCommit {
  readonly #target: CommitTarget;
  readonly #onFailure: (error: CausewayError) => void;
  #effects: TreeEffect[] = [];
  #bytes = 0;
  #transaction = 0n;
  #waiters: Waiter[] = [];
  #running: Promise<void> | undefined;
  #journalBytes = 0;
  #snapshotBytes: number;
  #failure: CausewayError | undefined;

  constructor(target: CommitTarget, snapshotBytes: number, onFailure: (error: CausewayError) => void) {
    this.#target = target;
    this.#snapshotBytes = snapshotBytes;
    this.#onFailure = onFailure;
  }

  /** Throws where nothing more may be committed; called before the tree changes. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#bytes > MAX_PENDING_BYTES) throw new CausewayError('COORDINATION_UNAVAILABLE', 'the disk is too slow');
  }

  add(transaction: bigint, effects: readonly TreeEffect[]): void {
    if (effects.length === 0) return;
    this.#transaction = transaction;
    for (const effect of effects) {
      this.#effects.push(effect);
      this.#bytes += effect.type === 'put' ? effect.data.length : 0;
    }
    this.#running ??= this.#run();
  }

  /** Resolves when everything added so far is on disk: nobody may act on what a crash would undo. */
  durable(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#running === undefined) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
    });
  }

  async #run(): Promise<void> {
    // Whatever is added in the same turn goes along.
    await Promise.resolve();
    while (this.#waiters.length > 0 || this.#effects.length > 0) {
      const waiters = this.#waiters;
      const batch: Batch = { transaction: this.#transaction, effects: this.#effects };
      this.#waiters = [];
      this.#effects = [];
      this.#bytes = 0;
      try {
        await this.#write(batch);
      } catch (error) {
        this.#fail(error, waiters);
        break;
      }
      for (const waiter of waiters) waiter.resolve();
    }
    this.#running = undefined;
  }

  async #write(batch: Batch): Promise<void> {
    if (batch.effects.length === 0) return;
    if (this.#journalBytes > Math.max(COMPACT_JOURNAL_BYTES, 2 * this.#snapshotBytes)) {
      this.#snapshotBytes = await this.#target.compact();
      this.#journalBytes = 0;
    } else {
      this.#journalBytes += await this.#target.append(batch);
    }
  }

  #fail(cause: unknown, waiters: readonly Waiter[]): void {
    // After a failed fsync the kernel may have dropped the pages: nothing written later could be trusted.
    const failure = new CausewayError('COORDINATION_UNAVAILABLE', 'the embedded store cannot write its journal', {
      cause,
      fix: 'Make room on the disk or repair it, then restart.',
    });
    this.#failure = failure;
    for (const waiter of [...waiters, ...this.#waiters]) waiter.reject(failure);
    this.#waiters = [];
    this.#effects = [];
    this.#onFailure(failure);
  }
}
