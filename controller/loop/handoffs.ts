import { compareAssignments, refKey } from '../../common/model/assignment.js';
import { givesAllUp, type Holder, hasBegun, type Stamp } from '../core/holders.js';

/** A worker that has heard the order and says that it had not begun yet gets this many times as long: its fence of the owner before it, or its walk, may be in the middle of a request. */
const SEEKING_PATIENCE = 6;

interface Revocation {
  /** The write that revoked it. */
  readonly by: Stamp;
  /** Monotonic ms when this reign first saw it revoked. */
  readonly sinceMs: number;
}

/** A worker that did not let go as it should. */
export interface Overdue {
  readonly worker: string;
  readonly incarnation: string;
  readonly reason: 'handoff-timeout' | 'doubtful';
}

/** The handoffs under way: since when each partition is revoked, and by which write. */
export class Handoffs {
  readonly #timeoutMs: number;
  #revocations = new Map<string, Map<string, Revocation>>();

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** The write that revoked the partition, where this reign saw it. */
  revokedBy(worker: string, key: string): Stamp | undefined {
    return this.#revocations.get(worker)?.get(key)?.by;
  }

  /** Remembers a write of ours. */
  revoked(worker: string, keys: readonly string[], by: Stamp, nowMs: number): void {
    if (keys.length === 0) return;
    const known = this.#revocations.get(worker) ?? new Map<string, Revocation>();
    for (const key of keys) known.set(key, { by, sinceMs: nowMs });
    this.#revocations.set(worker, known);
  }

  /**
   * Follows the nodes as read.
   * @returns who must be fenced because a partition came back doubtful or not in time, and when the next bound ends
   */
  observe(
    holders: Iterable<Holder>,
    nowMs: number,
  ): { readonly overdue: readonly Overdue[]; readonly nextMs: number | undefined } {
    const next = new Map<string, Map<string, Revocation>>();
    const overdue: Overdue[] = [];
    let nextMs: number | undefined;
    for (const holder of holders) {
      if (holder.state !== 'serving' && !givesAllUp(holder)) continue;
      const { worker, assignment } = holder;
      const known = this.#revocations.get(worker);
      const kept = new Map<string, Revocation>();
      let late = false;
      for (const item of assignment.items) {
        if (item.state !== 'revoke') continue;
        const key = refKey(item);
        const revocation = known?.get(key) ?? { by: assignment, sinceMs: nowMs };
        kept.set(key, revocation);
        const untilMs =
          revocation.sinceMs + this.#timeoutMs * (isSeeking(key, revocation.by, holder) ? SEEKING_PATIENCE : 1);
        if (untilMs <= nowMs) late = true;
        else nextMs = Math.min(nextMs ?? untilMs, untilMs);
      }
      if (kept.size > 0) next.set(worker, kept);
      if (late) overdue.push({ worker, incarnation: assignment.incarnation, reason: 'handoff-timeout' });
      else if (isDoubtful(holder)) overdue.push({ worker, incarnation: assignment.incarnation, reason: 'doubtful' });
    }
    this.#revocations = next;
    return { overdue, nextMs };
  }
}

/**
 * The worker has applied the revocation, and says that it holds the partition and has not begun it: nothing of it was ever sent, so a
 * fence of all that the worker has would protect nobody. The partition still waits for its word (exactly-once.md 7.3).
 */
function isSeeking(key: string, revokedBy: Stamp, { report }: Holder): boolean {
  if (report === undefined || compareAssignments(report, revokedBy) < 0 || hasBegun(key, report)) return false;
  return report.held.some((ref) => refKey(ref) === key) && !report.doubtful.some((ref) => refKey(ref) === key);
}

/** Something of its node was given up with an unknown outcome: nobody may continue before a fence (exactly-once.md 7.3). */
function isDoubtful({ assignment, report }: Holder): boolean {
  if (report === undefined || report.doubtful.length === 0) return false;
  const doubtful = new Set(report.doubtful.map(refKey));
  return assignment.items.some((item) => doubtful.has(refKey(item)));
}
