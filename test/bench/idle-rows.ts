import { atMost, type GoalRow, shown } from './goal-rows.js';
import type { PhaseUsage } from './phase-usage.js';
import type { SubjectName } from './subject.js';

export interface IdleRun extends PhaseUsage {
  readonly subject: SubjectName;
  /** From the start of its processes until everything is being watched. */
  readonly readyS: number;
  readonly rssMbByRole: Readonly<Record<string, number>>;
  readonly peakRssMbByRole: Readonly<Record<string, number>>;
}

const goals = { percentOfCore: 10, rssMb: 400 } as const;

/** @param alone cores of the brokers before any mirror came. */
export function idleRows(runs: readonly IdleRun[], alone: Readonly<Record<string, number>>): GoalRow[] {
  const of = (subject: SubjectName) => runs.find((run) => run.subject === subject);
  const [ours, theirs] = [of('causeway'), of('mm2')];
  const percent = (cores: number | undefined) => (cores === undefined ? undefined : Number((cores * 100).toFixed(1)));
  const broker = (role: string) => {
    const more = (run: IdleRun | undefined) =>
      run === undefined ? undefined : percent((run.coresByRole[role] ?? 0) - (alone[role] ?? 0));
    return shown(`idle: ${role}, % of a core beyond being alone`, more(ours), more(theirs));
  };
  return [
    atMost(
      'idle: worker, % of a core',
      percent(ours?.coresByRole['worker']),
      goals.percentOfCore,
      percent(theirs?.cores),
    ),
    atMost('idle: worker, RSS MiB', ours?.rssMbByRole['worker'], goals.rssMb, theirs?.rssMbByRole['mm2']),
    shown('idle: worker, peak RSS MiB', ours?.peakRssMbByRole['worker'], theirs?.peakRssMbByRole['mm2']),
    shown('idle: controller, % of a core', percent(ours?.coresByRole['controller'])),
    shown('idle: controller, RSS MiB', ours?.rssMbByRole['controller']),
    broker('source-broker'),
    broker('target-broker'),
    shown('idle: s until everything is watched', ours?.readyS, theirs?.readyS),
  ];
}
