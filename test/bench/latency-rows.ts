import { atMost, belowMm2, type GoalRow, shown } from './goal-rows.js';
import { type LatencyFigures, type Percentile, percentiles } from './latency-figures.js';

export const loads = ['1000/s', '20MB', 'half'] as const;
export type LoadName = (typeof loads)[number];

/** `mm2`: warm and set up for latency; `mm2-defaults`: warm, as it comes. `floor`: no mirror, read at the source itself. */
type LatencySubject = 'floor' | 'mm2-defaults' | 'mm2' | 'causeway';

/** One window. */
export interface LatencyRun {
  readonly load: LoadName;
  readonly recordsPerS: number;
  readonly subject: LatencySubject;
  readonly round: number;
  readonly latency: LatencyFigures;
  readonly producedPerS: number;
  readonly latestSendMs: number;
  /** CPU of the mirror, in cores. */
  readonly cores: number;
  readonly foreignCores: number;
}

const goalsMs: Partial<Record<LoadName, Partial<Record<Percentile, number>>>> = { '1000/s': { p50: 1, p99: 5 } };

/** Per load: goals in ms, then every percentile against MirrorMaker 2 set up for latency; medians over the rounds. */
export function latencyRows(runs: readonly LatencyRun[]): GoalRow[] {
  return loads.flatMap((load) => {
    const of = (subject: LatencySubject) => runs.filter((run) => run.load === load && run.subject === subject);
    if (of('causeway').length === 0) return [];
    const [causeway, mm2] = [of('causeway'), of('mm2')];
    const figure = (windows: readonly LatencyRun[], percentile: Percentile) =>
      median(windows.map(({ latency }) => latency[percentile]));
    const name = load === 'half' ? `half of the top (${causeway[0]?.recordsPerS}/s)` : load;
    const rows: GoalRow[] = [];
    for (const percentile of percentiles) {
      const what = `${name}: ${percentile.replace('p999', 'p99.9')} ms`;
      const [ours, theirs] = [figure(causeway, percentile), figure(mm2, percentile)];
      const goal = goalsMs[load]?.[percentile];
      if (goal !== undefined) rows.push(atMost(what, ours, goal, theirs));
      rows.push(belowMm2(what, ours, theirs));
    }
    for (const percentile of ['p50', 'p99'] as const) {
      const floor = figure(of('floor'), percentile);
      const added = (value: number | undefined) =>
        value === undefined || floor === undefined ? undefined : Number((value - floor).toFixed(2));
      const what = `${name}: ${percentile} ms beyond reading at the source (${floor})`;
      rows.push(shown(what, added(figure(causeway, percentile)), added(figure(mm2, percentile))));
    }
    rows.push(shown(`${name}: p50 ms, MM2 with its defaults`, undefined, figure(of('mm2-defaults'), 'p50')));
    rows.push(shown(`${name}: p99 ms, MM2 with its defaults`, undefined, figure(of('mm2-defaults'), 'p99')));
    const cores = (windows: readonly LatencyRun[]) => median(windows.map((run) => run.cores));
    rows.push(shown(`${name}: CPU, cores`, cores(causeway), cores(mm2)));
    return rows;
  });
}

function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[sorted.length >> 1];
}
