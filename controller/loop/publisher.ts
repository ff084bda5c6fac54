import { MAX_MULTI_OPS, type StoreOp } from '../../common/coordination/ports.js';
import { encodeAssignment } from '../../common/coordination/records/assignment.js';
import { assignmentPartPath, assignmentPath, lanePath } from '../../common/coordination/znodes.js';
import type { WorkerAssignment } from '../../common/model/assignment.js';
import type { Metrics } from '../../common/observability/metrics.js';
import type { NodeChange } from '../core/diff.js';
import type { FleetRecords } from './fleet-records.js';
import type { Reign } from './reign.js';

/**
 * Several workers' writes share a multi up to this size. One packet must stay below ZooKeeper's 1 MB; much smaller, so that the first workers
 * begin while the rest is still being encoded, and heartbeats get through in between.
 */
const MAX_BATCH_BYTES = 128 * 1024;

interface Prepared {
  readonly change: NodeChange;
  readonly ops: readonly StoreOp[];
  readonly bytes: number;
  readonly partNodes: readonly string[];
  readonly removedLanes: readonly string[];
}

/** Writes changed assignment nodes, each worker's parts (and the lanes that go with it) in one multi. */
export class Publisher {
  readonly #reign: Reign;
  readonly #records: FleetRecords;
  readonly #metrics: Metrics;

  constructor(reign: Reign, records: FleetRecords, metrics: Metrics) {
    this.#reign = reign;
    this.#records = records;
    this.#metrics = metrics;
  }

  /**
   * @param lanesOf lane nodes to remove in the multi that dismisses their incarnation
   * @param onWritten called for each change once it is in the store
   */
  async publish(
    changes: readonly NodeChange[],
    lanesOf: (worker: string) => readonly string[],
    onWritten: (change: NodeChange) => void,
  ): Promise<void> {
    let batch: Prepared[] = [];
    let ops = 0;
    let bytes = 0;
    const flush = async (): Promise<void> => {
      if (batch.length > 0) await this.#write(batch, onWritten);
      batch = [];
      ops = 0;
      bytes = 0;
    };
    for (const change of changes) {
      const prepared = this.#prepare(change, lanesOf(change.worker));
      // One operation is the reign's epoch check.
      if (ops + prepared.ops.length >= MAX_MULTI_OPS || bytes + prepared.bytes > MAX_BATCH_BYTES) await flush();
      batch.push(prepared);
      ops += prepared.ops.length;
      bytes += prepared.bytes;
    }
    await flush();
  }

  #prepare(change: NodeChange, removedLanes: readonly string[]): Prepared {
    const { worker, assignment } = change;
    const buffers = encodeAssignment(assignment);
    const { ops: partOps, partNodes } = this.#partOps(worker, buffers);
    const lanes = removedLanes.map((id): StoreOp => {
      const version = this.#records.lanes.entries.get(id)?.version ?? -1;
      return { type: 'remove', path: lanePath(id), version };
    });
    const bytes = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
    return { change, ops: [...partOps, ...lanes], bytes, partNodes, removedLanes };
  }

  #partOps(worker: string, buffers: readonly Buffer[]): { ops: StoreOp[]; partNodes: string[] } {
    const { entries, unreadable, vanished } = this.#records.assignments;
    const seen = vanished.has(worker) ? undefined : entries.get(worker);
    const version = seen?.version ?? unreadable.get(worker);
    const path = assignmentPath(worker);
    const first = buffers[0] as Buffer;
    const ops: StoreOp[] = [
      version === undefined ? { type: 'create', path, data: first } : { type: 'set', path, data: first, version },
    ];
    // The first part's version guards the others: nobody but the leader of this epoch writes them.
    const existing = new Set(seen?.value.partNodes ?? []);
    const partNodes: string[] = [];
    for (let part = 1; part < buffers.length; part++) {
      const data = buffers[part] as Buffer;
      const partPath = assignmentPartPath(worker, part);
      partNodes.push(`p${part}`);
      if (existing.delete(`p${part}`)) ops.push({ type: 'set', path: partPath, data, version: -1 });
      else ops.push({ type: 'create', path: partPath, data });
    }
    for (const name of existing) ops.push({ type: 'remove', path: `${path}/${name}`, version: -1 });
    return { ops, partNodes };
  }

  async #write(batch: readonly Prepared[], onWritten: (change: NodeChange) => void): Promise<void> {
    try {
      const versions = await this.#reign.write(batch.flatMap((prepared) => prepared.ops));
      let index = 0;
      for (const { change, ops, partNodes, removedLanes, bytes } of batch) {
        const version = versions[index] ?? 0;
        index += ops.length;
        const assignment: WorkerAssignment = change.assignment;
        this.#records.assignments.wrote(change.worker, { assignment, partNodes }, version);
        for (const id of removedLanes) this.#records.lanes.forget(id);
        this.#metrics.set('causeway_assignment_bytes', bytes);
        onWritten(change);
      }
    } catch (error) {
      this.#records.assignments.invalidate();
      this.#records.lanes.invalidate();
      throw error;
    }
  }
}
