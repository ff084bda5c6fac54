import { readFileSync } from 'node:fs';

const ticksPerSecond = 100;

/** CPU time of the calling process's main thread alone (without V8's and libuv's helpers), in seconds. */
export function mainThreadCpuS(): { readonly userS: number; readonly systemS: number } {
  const stat = readFileSync(`/proc/self/task/${process.pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { userS: Number(fields[11]) / ticksPerSecond, systemS: Number(fields[12]) / ticksPerSecond };
}
