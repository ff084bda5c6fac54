import { machineCpuS, processCpuS } from './process-usage.js';
import type { MirrorProcess } from './subject.js';

/** CPU used in a stretch of time, in cores. */
export interface PhaseUsage {
  /** By all counted processes. */
  readonly cores: number;
  readonly coresByRole: Readonly<Record<string, number>>;
  /** By anybody but the processes named and the bench itself. */
  readonly foreignCores: number;
}

/** Begins to watch; the function returned tells what was used since. Processes that ended meanwhile count as foreign. */
export function watchUsage(processes: readonly MirrorProcess[]): () => PhaseUsage {
  const sample = () => ({
    atMs: performance.now(),
    cpuS: processes.map(({ pid }) => processCpuS(pid)),
    machineS: machineCpuS(),
    ownS: process.resourceUsage(),
  });
  const from = sample();
  return () => {
    const to = sample();
    const seconds = (to.atMs - from.atMs) / 1_000;
    const cores = to.cpuS.map((value, index) => (value - (from.cpuS[index] ?? 0)) / seconds);
    const ownCpu = ({ ownS }: typeof from) => (ownS.userCPUTime + ownS.systemCPUTime) / 1e6;
    const known = cores.reduce((sum, value) => sum + value, (ownCpu(to) - ownCpu(from)) / seconds);
    const coresByRole: Record<string, number> = {};
    processes.forEach(({ role }, index) => {
      coresByRole[role] = round((coresByRole[role] ?? 0) + (cores[index] ?? 0));
    });
    return {
      cores: round(cores.reduce((sum, value, index) => sum + (processes[index]?.isCounted === true ? value : 0), 0)),
      coresByRole,
      foreignCores: round(Math.max(0, (to.machineS - from.machineS) / seconds - known)),
    };
  };
}

function round(value: number): number {
  return Number(value.toFixed(3));
}
