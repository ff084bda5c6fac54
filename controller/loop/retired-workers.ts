import { MAX_MULTI_OPS, type StoreOp } from '../../common/coordination/ports.js';
import { assignmentPath, reportPath } from '../../common/coordination/znodes.js';
import type { ErrorCode } from '../../common/errors/codes.js';
import { isCausewayError } from '../../common/errors/error.js';
import type { FleetRecords } from './fleet-records.js';
import type { Reign } from './reign.js';

/** A worker that is away for this long, with nothing in its node and no lane, is taken for gone for good. */
const RETIRE_AFTER_MS = 3_600_000;
const NOT_AS_READ: ReadonlySet<ErrorCode> = new Set(['BAD_VERSION', 'NODE_MISSING', 'NODE_NOT_EMPTY']);

export interface RetiredWorkersOptions {
  readonly reign: Pick<Reign, 'write'>;
  readonly records: Pick<FleetRecords, 'assignments' | 'live' | 'lanes' | 'reports'>;
}

/** Removes the nodes of workers that never come back: where every start has a name of its own, they would add up for ever. */
export class RetiredWorkers {
  readonly #options: RetiredWorkersOptions;
  /** Monotonic ms since when this reign knows a worker to be away with nothing left. */
  readonly #awaySince = new Map<string, number>();
  #highestGeneration = 0;

  constructor(options: RetiredWorkersOptions) {
    this.#options = options;
  }

  /**
   * The highest generation of a removed node: a worker that comes back all the same must be told something higher, or it would take
   * it for old (exactly-once.md 7.4). Beyond this reign the epoch is higher anyway.
   */
  get highestGeneration(): number {
    return this.#highestGeneration;
  }

  /** True when something may have been removed. */
  async remove(nowMs: number): Promise<boolean> {
    const { reign, records } = this.#options;
    const away = this.#away();
    for (const worker of this.#awaySince.keys()) if (!away.has(worker)) this.#awaySince.delete(worker);
    const ops: StoreOp[] = [];
    let highest = this.#highestGeneration;
    for (const worker of away) {
      const sinceMs = this.#awaySince.get(worker) ?? nowMs;
      this.#awaySince.set(worker, sinceMs);
      const removal = nowMs - sinceMs < RETIRE_AFTER_MS ? [] : this.#removal(worker);
      if (ops.length + removal.length >= MAX_MULTI_OPS) break;
      ops.push(...removal);
      const generation = records.assignments.entries.get(worker)?.value.assignment.generation ?? 0;
      if (removal.length > 0) highest = Math.max(highest, generation);
    }
    if (ops.length === 0) return false;
    records.assignments.invalidate();
    records.reports.invalidate();
    // Before the write: its answer may be lost.
    this.#highestGeneration = highest;
    try {
      await reign.write(ops);
    } catch (error) {
      if (!isCausewayError(error) || !NOT_AS_READ.has(error.code)) throw error;
      // Tidying up must not keep the leader from its work.
      this.#awaySince.clear();
    }
    return true;
  }

  /** Workers with nodes and nothing else. */
  #away(): Set<string> {
    const { assignments, reports, live, lanes } = this.#options.records;
    const away = new Set([...assignments.entries.keys(), ...reports.entries.keys()]);
    for (const [worker, { value, stale }] of assignments.entries) {
      if (stale || value.assignment.items.length > 0) away.delete(worker);
    }
    for (const worker of [...live.entries.keys(), ...live.unreadable.keys(), ...assignments.unreadable.keys()]) {
      away.delete(worker);
    }
    for (const { value } of lanes.entries.values()) away.delete(value.worker);
    // Whose lane that is nobody knows.
    return lanes.unreadable.size > 0 ? new Set() : away;
  }

  #removal(worker: string): StoreOp[] {
    const { assignments, reports } = this.#options.records;
    const assignment = assignments.entries.get(worker);
    const report = reports.entries.get(worker);
    const path = assignmentPath(worker);
    const parts = assignment?.value.partNodes ?? [];
    return [
      ...parts.map((name): StoreOp => ({ type: 'remove', path: `${path}/${name}`, version: -1 })),
      ...(assignment === undefined ? [] : [{ type: 'remove', path, version: assignment.version } as const]),
      ...(report === undefined ? [] : [{ type: 'remove', path: reportPath(worker), version: report.version } as const]),
    ];
  }
}
