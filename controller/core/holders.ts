import {
  type AssignmentItem,
  compareAssignments,
  type PartitionRef,
  refKey,
  type WorkerAssignment,
} from '../../common/model/assignment.js';
import type { LiveWorker, WorkerReport } from '../../common/model/worker.js';

/**
 * What may be done with the items of a worker's node.
 * `serving`: its incarnation lives · `leaving`: lives and wants to hand everything over · `drained`: lives and is to do so by an
 * operator's order, or because it is to stand by · `absent`: gone for less than the takeover
 * delay, or unreadable: nothing is touched · `doomed`: dead, being fenced: nothing is touched until that is done ·
 * `fenced`: cannot write any more, its items are free.
 */
export type HolderState = 'serving' | 'leaving' | 'drained' | 'absent' | 'doomed' | 'fenced';

/** One worker's node, with all that decides about it. */
export interface Holder {
  readonly worker: string;
  readonly assignment: WorkerAssignment;
  readonly state: HolderState;
  /** The incarnation that lives now under this worker id, if any; it need not be the assignment's. */
  readonly live: LiveWorker | undefined;
  /** The last report of the assignment's incarnation, if there is one. */
  readonly report: WorkerReport | undefined;
}

/** Is everything it holds to go to others? */
export function givesAllUp({ state }: Pick<Holder, 'state'>): boolean {
  return state === 'leaving' || state === 'drained';
}

/** The order of two writes to one worker. */
export interface Stamp {
  readonly epoch: number;
  readonly generation: number;
}

export interface ReportIndex {
  readonly stamp: Stamp;
  readonly held: ReadonlySet<string>;
  readonly doubtful: ReadonlySet<string>;
}

export function indexReport(report: WorkerReport): ReportIndex {
  return {
    stamp: report,
    held: new Set(report.held.map(refKey)),
    doubtful: new Set(report.doubtful.map(refKey)),
  };
}

/**
 * Has the worker let go of a partition that was revoked by the write `revokedBy`? Only its own word counts: a report of the same
 * incarnation, made after it had applied that write, that lists the partition neither as held nor as doubtful (exactly-once.md 7.3).
 */
export function isReleased(key: string, revokedBy: Stamp, report: ReportIndex | undefined): boolean {
  if (report === undefined || compareAssignments(report.stamp, revokedBy) < 0) return false;
  return !report.held.has(key) && !report.doubtful.has(key);
}

const begunOfReport = new WeakMap<WorkerReport, ReadonlySet<string>>();

/** Has the worker begun to copy the partition, by its last report? Its first checkpoint is at the target then. */
export function hasBegun(key: string, report: WorkerReport | undefined): boolean {
  if (report === undefined) return false;
  let begun = begunOfReport.get(report);
  if (begun === undefined) {
    begun = new Set(report.started.map(refKey));
    begunOfReport.set(report, begun);
  }
  return begun.has(key);
}

const keysOfAssignment = new WeakMap<WorkerAssignment, readonly string[]>();

/** The keys of an assignment's items, in their order; made once per assignment, because every round asks for all of them. */
export function itemKeys(assignment: WorkerAssignment): readonly string[] {
  let keys = keysOfAssignment.get(assignment);
  if (keys === undefined) {
    keys = assignment.items.map(refKey);
    keysOfAssignment.set(assignment, keys);
  }
  return keys;
}

const topicKeysOfAssignment = new WeakMap<WorkerAssignment, readonly string[]>();

/** `route/topic` of an assignment's items, in their order; made once per assignment. */
export function itemTopicKeys(assignment: WorkerAssignment): readonly string[] {
  let keys = topicKeysOfAssignment.get(assignment);
  if (keys === undefined) {
    let last: { readonly item: AssignmentItem; readonly key: string } | undefined;
    keys = assignment.items.map((item) => {
      // Items of a topic follow one another.
      if (last?.item.topic !== item.topic || last.item.route !== item.route) {
        last = { item, key: `${item.route}/${item.topic}` };
      }
      return last.key;
    });
    topicKeysOfAssignment.set(assignment, keys);
  }
  return keys;
}

/** Partitions that stand in more than one node: a state that our writes never make (exactly-once.md 7.2). */
export function findDuplicates(assignments: Iterable<WorkerAssignment>): Map<string, string[]> {
  const workers = new Map<string, string>();
  const duplicates = new Map<string, string[]>();
  for (const assignment of assignments) {
    const { worker } = assignment;
    for (const key of itemKeys(assignment)) {
      const other = workers.get(key);
      if (other === undefined) workers.set(key, worker);
      else duplicates.set(key, [...(duplicates.get(key) ?? [other]), worker]);
    }
  }
  return duplicates;
}

/** Same place, same orders. `started` only grows, and its holder knows better: it is no reason of its own to write. */
export function sameItem(a: AssignmentItem, b: AssignmentItem, compareStarted: boolean): boolean {
  return (
    sameRef(a, b) &&
    a.state === b.state &&
    a.paused === b.paused &&
    a.sourceTopicId === b.sourceTopicId &&
    a.targetTopic === b.targetTopic &&
    a.timeline === b.timeline &&
    sameStart(a, b) &&
    a.until === b.until &&
    sameSkip(a.skip, b.skip) &&
    sameContinuity(a, b) &&
    (!compareStarted || a.started === b.started)
  );
}

/** Where it begins matters until it has begun. */
function sameStart(a: AssignmentItem, b: AssignmentItem): boolean {
  return a.start === b.start && (a.started || b.started || a.startOffset === b.startOffset);
}

function sameContinuity(a: AssignmentItem, b: AssignmentItem): boolean {
  return (
    a.origin?.cause === b.origin?.cause &&
    a.origin?.from === b.origin?.from &&
    a.origin?.former === b.origin?.former &&
    a.resolve?.at === b.resolve?.at &&
    a.mapRebuildAt === b.mapRebuildAt &&
    a.resolve?.action === b.resolve?.action &&
    a.hold?.message === b.hold?.message
  );
}

function sameSkip(a: AssignmentItem['skip'], b: AssignmentItem['skip']): boolean {
  return a === b || (a?.at === b?.at && a?.from === b?.from && a?.to === b?.to);
}

function sameRef(a: PartitionRef, b: PartitionRef): boolean {
  return a.partition === b.partition && a.topic === b.topic && a.route === b.route;
}
