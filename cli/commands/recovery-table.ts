import type { RecoveryList, RecoveryView, RpoView } from '../../common/api/recovery-shapes.js';
import type { Result } from '../output.js';

type Step = RecoveryView['steps'][number];

/** Rows of evidence shown for a step. */
const MAX_ROWS = 20;

export function listResult(list: RecoveryList): Result {
  return {
    value: list,
    columns: ['ID', 'KIND', 'ROUTE', 'STATE', 'STEP', 'UPDATED', 'MESSAGE'],
    rows: list.recoveries.map(({ id, kind, route, state, step, updatedAt, message, dryRun }) => [
      ...[id, dryRun ? `${kind} (dry run)` : kind, route, state, step ?? '-', updatedAt, message ?? ''],
    ]),
    empty: 'no recovery programs',
  };
}

export function programResult(view: RecoveryView): Result {
  const { id, kind, route, reverse, state, dryRun, topics } = view;
  const back = reverse === null ? '' : `, back over ${reverse}`;
  return {
    value: view,
    preface: [
      `${id}: ${kind} of route ${route}${back}, ${topics.length} topics: ${state}${dryRun ? ' (dry run: nothing was changed)' : ''}`,
      ...(state === 'waiting' ? [`It waits for a confirmation: causeway recovery confirm ${id}`] : []),
      ...(state === 'aborted' ? [`Given up: ${view.audit.at(-1)?.detail ?? ''}`] : []),
      ...(state === 'failed' ? [`When the cause is gone: causeway recovery resume ${id}`] : []),
      '',
    ],
    columns: ['STEP', 'STATE', 'NUMBERS', 'MESSAGE'],
    rows: view.steps.map((step) => [step.id, step.state, numbersOf(step), step.message ?? '']),
    notes: [...view.steps.flatMap(rowsOf), ...strandedLines(view)],
  };
}

/** One step in one line, as it is said while a program runs. */
export function stepLine(step: Step): string {
  const numbers = numbersOf(step);
  return [step.id.padEnd(16), step.state, numbers, step.message ?? ''].filter((part) => part !== '').join('  ');
}

function numbersOf({ evidence }: Step): string {
  return (
    Object.entries(evidence ?? {})
      .filter(([, value]) => !Array.isArray(value))
      // What nobody knows must not look as if it were nothing.
      .map(([name, value]) => `${name}=${value === null ? 'unknown' : String(value)}`)
      .join(' ')
  );
}

function rowsOf(step: Step): string[] {
  const rows = Object.values(step.evidence ?? {}).find((value) => Array.isArray(value)) ?? [];
  if (!Array.isArray(rows) || rows.length === 0) return [];
  const lines = rows.slice(0, MAX_ROWS).map((row) =>
    Object.entries(row)
      .map(([name, value]) => `${name}=${value === null ? '-' : String(value)}`)
      .join(' '),
  );
  const left = rows.length > MAX_ROWS ? [`  ... ${rows.length - MAX_ROWS} more (--output json has them)`] : [];
  return ['', `${step.id}:`, ...lines.map((line) => `  ${line}`), ...left];
}

function strandedLines({ stranded }: RecoveryView): string[] {
  if (stranded.length === 0) return [];
  const lines = stranded.map(({ topic, partition, records, ranges, truncated }) => {
    const list = ranges.map(({ from, to }) => (from === to ? from : `${from}-${to}`)).join(', ');
    return `  ${topic}-${partition}: ${records} records at the old source: ${list}${truncated ? ', ...' : ''}`;
  });
  return ['', 'Stranded, never at the other cluster:', ...lines];
}

export function rpoResult(view: RpoView): Result {
  const known = (value: number | null): string => (value === null ? 'unknown' : String(Math.round(value * 10) / 10));
  const { route, records, seconds, p99Records, p99Seconds, samples, contactAt } = view;
  return {
    value: view,
    preface: [
      `RPO now of route ${route}: ${known(records)} records / ${known(seconds)} s`,
      `Of the last ${samples} looks 99 % were within ${known(p99Records)} records / ${known(p99Seconds)} s`,
      `The source was there at ${contactAt ?? 'no time that this leader saw'}`,
      '',
    ],
    columns: ['TOPIC', 'RECORDS', 'SECONDS', 'PARTITIONS', 'UNKNOWN'],
    rows: view.topics.map((topic) => [
      ...[topic.topic, known(topic.records), known(topic.seconds), String(topic.partitions), String(topic.unknown)],
    ]),
    empty: 'the route copies nothing',
  };
}
