import { decodeAssignment } from '../../common/coordination/records/assignment.js';
import { ASSIGNMENTS } from '../../common/coordination/znodes.js';
import { refKey } from '../../common/model/assignment.js';
import { Violation } from './checks.js';
import type { Trace } from './kernel/trace.js';
import type { Commit } from './zookeeper/tree.js';

interface Node {
  readonly own: ReadonlySet<string>;
  readonly all: ReadonlySet<string>;
}

/** Follows the assignment nodes: no partition is ever in two of them, and in the end each is somebody's. */
export class OwnershipCheck {
  readonly #trace: Trace;
  readonly #failed: (violation: Violation) => void;
  readonly #nodes = new Map<string, Node>();
  #changes = 0;

  constructor(trace: Trace, failed: (violation: Violation) => void) {
    this.#trace = trace;
    this.#failed = failed;
  }

  /** Grows whenever a partition comes or goes somewhere. */
  get changes(): number {
    return this.#changes;
  }

  /** Partitions that are the worker's. */
  countOf(worker: string): number {
    return this.#nodes.get(worker)?.own.size ?? 0;
  }

  ownerOf(key: string): string | undefined {
    for (const [worker, { own }] of this.#nodes) if (own.has(key)) return worker;
    return undefined;
  }

  committed({ changes }: Commit): void {
    let isTouched = false;
    for (const { path, node } of changes) {
      if (!path.startsWith(`${ASSIGNMENTS}/`)) continue;
      const worker = path.slice(ASSIGNMENTS.length + 1);
      const before = this.#nodes.get(worker);
      if (node === undefined || node.data.length === 0) {
        this.#nodes.delete(worker);
        continue;
      }
      const { epoch, generation, incarnation, items } = decodeAssignment([node.data], path);
      const own = items.filter(({ state }) => state === 'own').map(refKey);
      const revoked = items.filter(({ state }) => state === 'revoke').map(refKey);
      this.#nodes.set(worker, { own: new Set(own), all: new Set([...own, ...revoked]) });
      const text = `${own.join(' ')}${revoked.length === 0 ? '' : ` revoked ${revoked.join(' ')}`}`;
      this.#trace.tell('assignment', `${worker}/${incarnation} ${epoch}.${generation}: ${text}`);
      isTouched ||= before === undefined || before.own.size !== own.length || own.some((key) => !before.own.has(key));
    }
    if (!isTouched) return;
    this.#changes += 1;
    this.#findDoubles();
  }

  #findDoubles(): void {
    const seen = new Map<string, string>();
    for (const [worker, { all }] of this.#nodes) {
      for (const key of all) {
        const other = seen.get(key);
        if (other !== undefined)
          this.#failed(new Violation('double', `${key} is in the nodes of ${other} and ${worker}`));
        seen.set(key, worker);
      }
    }
  }
}
