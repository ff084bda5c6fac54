import { atLeast, type GoalRow, shown } from './goal-rows.js';
import type { PhaseUsage } from './phase-usage.js';
import type { SubjectName } from './subject.js';

/** Where the long line is: between source and mirror, or between mirror and target. */
export type Leg = 'source' | 'target';

export interface WanRun extends PhaseUsage {
  readonly leg: Leg;
  readonly windowName: string;
  /** Bytes in flight per connection. */
  readonly windowBytes: number;
  readonly subject: SubjectName;
  /** Values that arrived at the target. */
  readonly bytesPerS: number;
  readonly seconds: number;
  /** Connections it was set up with, of those that carry data over the line. */
  readonly connections: number;
  /** Connections that did carry data. */
  readonly carrying: number;
  readonly rttMs: number;
  readonly linkBytesPerS: number;
}

const goal = 0.9;

/** What the line and the windows of so many connections allow. */
export function allowedBytesPerS(
  run: Pick<WanRun, 'linkBytesPerS' | 'windowBytes' | 'rttMs'>,
  connections: number,
): number {
  return Math.min(run.linkBytesPerS, (connections * run.windowBytes * 1_000) / run.rttMs);
}

/** As many as it takes to keep the line full: bandwidth x round trip / window. */
export function connectionsFor(linkBytesPerS: number, rttMs: number, windowBytes: number): number {
  return Math.ceil((linkBytesPerS * rttMs) / 1_000 / windowBytes);
}

/** Per line: MB/s, the share of what the connections in use allow, and the share of the whole line. */
export function wanRows(runs: readonly WanRun[]): GoalRow[] {
  const keys = [...new Set(runs.map(({ leg, windowName }) => `line at the ${leg}, ${windowName} a connection`))];
  return keys.flatMap((key) => {
    const of = (subject: SubjectName) =>
      runs.find((run) => run.subject === subject && key === `line at the ${run.leg}, ${run.windowName} a connection`);
    const [ours, theirs] = [of('causeway'), of('mm2')];
    const share = (run: WanRun | undefined, whole: (run: WanRun) => number) =>
      run === undefined ? undefined : Number((run.bytesPerS / whole(run)).toFixed(2));
    const megabytes = (run: WanRun | undefined) => run && Number((run.bytesPerS / 1e6).toFixed(1));
    return [
      shown(`${key}: MB/s of 50`, megabytes(ours), megabytes(theirs)),
      atLeast(
        `${key}: share of what its windows allow`,
        share(ours, (run) => allowedBytesPerS(run, run.connections)),
        goal,
        share(theirs, (run) => allowedBytesPerS(run, run.connections)),
      ),
      shown(
        `${key}: share of what the connections that carried data allow`,
        share(ours, (run) => allowedBytesPerS(run, run.carrying)),
        share(theirs, (run) => allowedBytesPerS(run, run.carrying)),
      ),
      shown(
        `${key}: share of the whole line`,
        share(ours, (run) => run.linkBytesPerS),
        share(theirs, (run) => run.linkBytesPerS),
      ),
      shown(`${key}: connections set up`, ours?.connections, theirs?.connections),
      shown(`${key}: connections that carried data`, ours?.carrying, theirs?.carrying),
      shown(`${key}: CPU, cores`, ours?.cores, theirs?.cores),
    ];
  });
}
