import { atLeast, type GoalRow, shown } from './goal-rows.js';
import type { WireResult } from './wire-worker.js';

export type WireRun = WireResult & { readonly mode: 'plain' | 'tls' };

const goals = { plain: 1, tls: 0.4 } as const;

/** Medians over the rounds. "GB" are bytes of batches, each counted once though it is received and sent. */
export function wireRows(runs: readonly WireRun[]): GoalRow[] {
  return (['plain', 'tls'] as const).flatMap((mode) => {
    const of = runs.filter((run) => run.mode === mode);
    if (of.length === 0) return [];
    const figure = (pick: (run: WireRun) => number, digits: number) => Number(median(of.map(pick)).toFixed(digits));
    const cpuS = ({ userS, systemS }: WireRun) => userS + systemS;
    return [
      atLeast(
        `${mode}: GB per CPU second of the data thread`,
        figure((run) => run.bytes / 1e9 / cpuS(run), 2),
        goals[mode],
      ),
      shown(
        `${mode}: GB per CPU second of the whole process`,
        figure((run) => run.bytes / 1e9 / run.processS, 2),
      ),
      shown(
        `${mode}: GB/s reached, all on the same cores`,
        figure((run) => run.bytes / 1e9 / run.seconds, 2),
      ),
      shown(
        `${mode}: share of the kernel in the thread's CPU time`,
        figure((run) => run.systemS / cpuS(run), 2),
      ),
      shown(
        `${mode}: RSS MiB`,
        figure((run) => run.rssMb, 0),
      ),
    ];
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
