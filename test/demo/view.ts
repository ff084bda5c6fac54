/** What the demo shows of a fleet at one moment. */
export interface FleetView {
  readonly epoch: number;
  readonly controllers: readonly { readonly id: string; readonly leads: boolean; readonly alive: boolean }[];
  readonly workers: readonly WorkerRow[];
  readonly topics: readonly TopicRow[];
}

export interface WorkerRow {
  readonly id: string;
  readonly alive: boolean;
  readonly partitions: number;
  /** `orders 0-3, clicks 1,4-7`. */
  readonly owns: string;
}

export interface TopicRow {
  readonly topic: string;
  readonly partitions: number;
  /** Partitions that some worker copies right now. */
  readonly running: number;
  /** Written to the source by the load, per second. */
  readonly producedPerS: number;
  readonly copiedPerS: number;
  /** -1 unknown. */
  readonly lagRecords: number;
  readonly lagSeconds: number;
  /** Why partitions are not running, the first reason. */
  readonly reason: string;
}

export interface Totals {
  readonly elapsedMs: number;
  readonly written: number;
  readonly copied: number;
}

const count = (value: number): string => Math.round(value).toLocaleString('en-US');
const lag = (row: TopicRow): string => (row.lagRecords < 0 ? '?' : count(row.lagRecords));
const delay = (row: TopicRow): string => (row.lagSeconds < 0 ? '?' : `${row.lagSeconds.toFixed(1)} s`);

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[], leftColumns: number): string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i < leftColumns ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number)))
      .join('  ');
  return [line(head), ...rows.map(line)];
}

/** The whole screen, each line at most `width` characters. */
export function screenLines(view: FleetView, totals: Totals, events: readonly string[], width: number): string[] {
  const topics = view.topics.map((row) => [
    row.topic,
    `${row.running}/${row.partitions}`,
    count(row.producedPerS),
    count(row.copiedPerS),
    lag(row),
    delay(row),
    row.reason,
  ]);
  const controllers = view.controllers.map(
    ({ id, leads, alive }) => `${id}${leads ? ' (leads)' : ''}${alive ? '' : ' (dead)'}`,
  );
  const lines = [
    `Causeway demo  ${(totals.elapsedMs / 1_000).toFixed(0)} s   written ${count(totals.written)}   copied ${count(totals.copied)}   Ctrl-C stops everything`,
    '',
    ...table(['topic', 'copying', 'written/s', 'copied/s', 'lag', 'behind', ''], topics, 1),
    '',
    `controllers: ${controllers.join(', ')}   epoch ${view.epoch}`,
    ...view.workers.map(
      ({ id, alive, partitions, owns }) => `${id}${alive ? '' : ' (dead)'}: ${partitions} partitions  ${owns}`,
    ),
    '',
    ...events,
  ];
  return lines.map((line) => cut(line, width));
}

/** One line for logs: totals, lag, who leads. */
export function plainLine(view: FleetView, totals: Totals): string {
  const known = view.topics.filter((row) => row.lagRecords >= 0);
  const behind = known.reduce((sum, row) => sum + row.lagRecords, 0);
  const copiedPerS = view.topics.reduce((sum, row) => sum + row.copiedPerS, 0);
  const leader = view.controllers.find((controller) => controller.leads)?.id ?? 'nobody';
  const workers = view.workers.map(({ id, partitions, alive }) => `${id} ${alive ? partitions : 'dead'}`).join(', ');
  const seconds = (totals.elapsedMs / 1_000).toFixed(0).padStart(3);
  return `${seconds} s  written ${count(totals.written)}  copied ${count(totals.copied)} (${count(copiedPerS)}/s)  lag ${count(behind)}  leader ${leader}  partitions: ${workers}`;
}
