import type { RecordField } from './record.js';

/**
 * `missing`: a source record that is nowhere at the target · `duplicated`: a source record's second and later copies ·
 * `reordered`: a first copy that comes after the copy of a later source record · `different`: a copy with another key, value,
 * headers or timestamp · `phantom`: a target record without a source record · `misplaced`: a phantom whose tag names another
 * topic or partition · `contradicted`: a record that a gap declares as left out and that is there all the same.
 */
export type ProblemKind =
  | 'missing'
  | 'duplicated'
  | 'reordered'
  | 'different'
  | 'phantom'
  | 'misplaced'
  | 'contradicted';

export interface Problem {
  readonly kind: ProblemKind;
  readonly topic: string;
  readonly partition: number;
  readonly sourceOffset?: number;
  readonly targetOffset?: number;
  readonly fields?: readonly RecordField[];
  readonly note?: string;
}

export interface AuditCounts {
  /** At the source. */
  readonly records: number;
  readonly targetRecords: number;
  readonly missing: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly different: number;
  /** Misplaced ones included. */
  readonly phantom: number;
  readonly misplaced: number;
  /** Source records that are not at the target, and that a gap declares: no problem. */
  readonly declaredGaps: number;
  readonly contradicted: number;
}

export interface AuditResult extends AuditCounts {
  readonly firstProblems: readonly Problem[];
}

/** Problems of one kind kept word for word, so that many of one kind do not hide the others. */
export const MAX_PROBLEMS_PER_KIND = 5;

export const EMPTY_RESULT: AuditResult = {
  records: 0,
  targetRecords: 0,
  missing: 0,
  duplicated: 0,
  reordered: 0,
  different: 0,
  phantom: 0,
  misplaced: 0,
  declaredGaps: 0,
  contradicted: 0,
  firstProblems: [],
};

export function addResults(a: AuditResult, b: AuditResult): AuditResult {
  return {
    records: a.records + b.records,
    targetRecords: a.targetRecords + b.targetRecords,
    missing: a.missing + b.missing,
    duplicated: a.duplicated + b.duplicated,
    reordered: a.reordered + b.reordered,
    different: a.different + b.different,
    phantom: a.phantom + b.phantom,
    misplaced: a.misplaced + b.misplaced,
    declaredGaps: a.declaredGaps + b.declaredGaps,
    contradicted: a.contradicted + b.contradicted,
    firstProblems: firstOfEachKind([...a.firstProblems, ...b.firstProblems]),
  };
}

function firstOfEachKind(problems: readonly Problem[]): Problem[] {
  const counts = new Map<ProblemKind, number>();
  return problems.filter(({ kind }) => {
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    return count <= MAX_PROBLEMS_PER_KIND;
  });
}

/** Nothing lost without being declared, altered, out of order or invented; repeats are allowed on request (at-least-once). */
export function isClean(result: AuditCounts, { allowDuplicates = false } = {}): boolean {
  const { missing, reordered, different, phantom, contradicted, duplicated } = result;
  return missing + reordered + different + phantom + contradicted === 0 && (allowDuplicates || duplicated === 0);
}

export function describeProblem(problem: Problem): string {
  const { kind, topic, partition, sourceOffset, targetOffset, fields, note } = problem;
  const places = [
    sourceOffset === undefined ? '' : `source offset ${sourceOffset}`,
    targetOffset === undefined ? '' : `target offset ${targetOffset}`,
  ].filter((place) => place !== '');
  const what = fields === undefined ? '' : ` in ${fields.join(', ')}`;
  return `${kind}${what}: ${topic}-${partition} ${places.join(', ')}${note === undefined ? '' : ` (${note})`}`;
}
