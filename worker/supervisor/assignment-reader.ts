import type { CoordinationStore } from '../../common/coordination/ports.js';
import { assignmentParts, decodeAssignment } from '../../common/coordination/records/assignment.js';
import { assignmentPartPath, assignmentPath } from '../../common/coordination/znodes.js';
import { compareAssignments, type WorkerAssignment } from '../../common/model/assignment.js';
import type { Logger } from '../../common/observability/logger.js';
import type { Clock, Timer } from '../../common/runtime/clock.js';
import type { Closable } from '../../common/runtime/lifecycle.js';
import type { Random } from '../../common/runtime/random.js';

/** A read that failed or met a half-visible write is repeated soon. */
const RETRY_MS = 200;
/** Parts of different generations: the leader wrote in between; more often than this it is damage. */
const MAX_TORN_READS = 5;

export interface AssignmentReaderDeps {
  readonly store: CoordinationStore;
  readonly worker: string;
  /** The incarnation this worker lives in; assignments for others are not ours. */
  readonly incarnation: () => string | undefined;
  readonly accepted: (assignment: WorkerAssignment) => void;
  /** The full compare happens at least this often, whatever the watches say. */
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Level-triggered: reads this worker's assignment on every hint and on a timer; the highest (epoch, generation) wins (exactly-once.md 7.4). */
export class AssignmentReader implements Closable {
  readonly #deps: AssignmentReaderDeps;
  readonly #unsubscribe: () => void;
  #highest: { readonly epoch: number; readonly generation: number } = { epoch: -1, generation: -1 };
  /** The node that `#highest` came from, and for whom it was: read again unchanged, it says nothing new. */
  #taken: { readonly data: Buffer; readonly incarnation: string } | undefined;
  #syncedSession = 0;
  #timer: Timer | undefined;
  #reading: Promise<void> | undefined;
  #again = false;
  #closed = false;
  #failing = false;

  constructor(deps: AssignmentReaderDeps) {
    this.#deps = deps;
    this.#unsubscribe = deps.store.watch(assignmentPath(deps.worker), () => this.refresh());
    this.#schedule();
  }

  /** The highest epoch accepted in this process's life; -1 before the first. */
  get highestEpoch(): number {
    return this.#highest.epoch;
  }

  /** The fleet is another from now on: its epochs have nothing to do with those seen so far. */
  forgetHighest(): void {
    this.#highest = { epoch: -1, generation: -1 };
    this.#taken = undefined;
  }

  /** Reads again now, or once more after the read under way. */
  refresh(): void {
    if (this.#closed) return;
    if (this.#reading !== undefined) {
      this.#again = true;
      return;
    }
    this.#reading = this.#read().finally(() => {
      this.#reading = undefined;
      if (!this.#again) return;
      this.#again = false;
      this.refresh();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#unsubscribe();
    await this.#reading;
  }

  #schedule(): void {
    const { clock, random, intervalMs } = this.#deps;
    this.#timer = clock.after(intervalMs * (0.75 + random.unit() / 2), () => {
      this.refresh();
      if (!this.#closed) this.#schedule();
    });
  }

  async #read(): Promise<void> {
    const { store, incarnation, logger, clock } = this.#deps;
    const mine = incarnation();
    if (mine === undefined || store.session().state !== 'connected') return;
    try {
      const { generation } = store.session();
      // A new session may be at a server that lags behind the one we knew.
      if (this.#syncedSession !== generation) {
        await store.sync();
        this.#syncedSession = generation;
      }
      const loaded = await this.#load(mine);
      this.#failing = false;
      if (loaded === undefined) return;
      const { assignment, data } = loaded;
      if (assignment.incarnation !== mine || incarnation() !== mine) return;
      if (compareAssignments(assignment, this.#highest) <= 0) return;
      this.#deps.accepted(assignment);
      this.#highest = assignment;
      this.#taken = { data, incarnation: mine };
    } catch (error) {
      // The last assignment stays in force.
      if (!this.#failing) logger.warn('assignment.unreadable', { err: error });
      this.#failing = true;
      clock.after(RETRY_MS, () => this.refresh());
    }
  }

  /** @returns undefined where there is none, or the one that was taken already */
  async #load(mine: string): Promise<{ readonly assignment: WorkerAssignment; readonly data: Buffer } | undefined> {
    const { store, worker } = this.#deps;
    const path = assignmentPath(worker);
    for (let attempt = 1; ; attempt++) {
      const node = await store.get(path);
      // An empty node is a parent somebody made on the way to something else.
      if (node === undefined || node.data.length === 0) return undefined;
      // All parts of an assignment bear its generation: another would have another first part.
      if (this.#taken?.incarnation === mine && node.data.equals(this.#taken.data)) return undefined;
      const parts = assignmentParts(node.data, path);
      const buffers = [node.data];
      for (let part = 1; part < parts; part++) {
        const child = await store.get(assignmentPartPath(worker, part));
        if (child !== undefined) buffers.push(child.data);
      }
      try {
        return { assignment: decodeAssignment(buffers, path), data: node.data };
      } catch (error) {
        if (parts === 1 || attempt >= MAX_TORN_READS) throw error;
      }
    }
  }
}
