/** One line of goal / measured / MirrorMaker 2. Figures are in the unit that `what` names. */
export interface GoalRow {
  readonly what: string;
  /** null: shown, no goal was set. */
  readonly goal: string | null;
  readonly measured: number | null;
  /** null: not measured, or MirrorMaker 2 cannot do it. */
  readonly mm2: number | null;
  /** null where there is no goal. */
  readonly met: boolean | null;
}

/** A goal for the figure itself. */
export function atLeast(what: string, measured: number | undefined, goal: number, mm2?: number): GoalRow {
  return row(what, `>= ${goal}`, measured, mm2, (value) => value >= goal);
}

export function atMost(what: string, measured: number | undefined, goal: number, mm2?: number): GoalRow {
  return row(what, `<= ${goal}`, measured, mm2, (value) => value <= goal);
}

/** A goal against MirrorMaker 2: below its figure. Without that figure there is nothing to judge. */
export function belowMm2(what: string, measured: number | undefined, mm2: number | undefined): GoalRow {
  const judge = mm2 === undefined ? undefined : (value: number) => value < mm2;
  return row(what, '< MM2', measured, mm2, judge);
}

/** Shown for what it is. */
export function shown(what: string, measured: number | undefined, mm2?: number): GoalRow {
  return row(what, null, measured, mm2, undefined);
}

function row(
  what: string,
  goal: string | null,
  measured: number | undefined,
  mm2: number | undefined,
  judge: ((value: number) => boolean) | undefined,
): GoalRow {
  const met = judge === undefined || measured === undefined ? null : judge(measured);
  return { what, goal, measured: measured ?? null, mm2: mm2 ?? null, met };
}

/** The rows as a table for people. */
export function goalTable(rows: readonly GoalRow[]): string {
  const verdict = ({ met }: GoalRow) => (met === null ? '' : met ? 'yes' : 'NO');
  const figure = (value: number | null) => (value === null ? '-' : String(value));
  const cells = [
    ['', 'goal', 'Causeway', 'MM2', 'met'],
    ...rows.map((line) => [line.what, line.goal ?? '', figure(line.measured), figure(line.mm2), verdict(line)]),
  ];
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0))) ?? [];
  const text = (line: readonly string[]) =>
    line.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)));
  return cells.map((line) => `| ${text(line).join(' | ')} |`).join('\n');
}
