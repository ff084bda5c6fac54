/** Names a folder for CPU profiles: workers then run with --cpu-prof and end by themselves or by SIGTERM. */
const folder = process.env['CAUSEWAY_BENCH_CPU_PROF'];

export const isProfiled = folder !== undefined;

/** Arguments of the Node process that does the copying. */
export function profileArgs(): string[] {
  return folder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${folder}`];
}
