import { arch, availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

/** What a figure depends on beside the code. */
export interface Environment {
  readonly at: string;
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGib: number;
  readonly os: string;
  readonly node: string;
  /** Of brokers and MirrorMaker 2. */
  readonly kafka: string;
  /** Runnable tasks, mean of the last minute before the start: others' load. */
  readonly loadBefore: number;
}

export function environment(kafka: string): Environment {
  return {
    at: new Date().toISOString(),
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGib: Math.round(totalmem() / 2 ** 30),
    os: `${process.platform} ${release()} ${arch()}`,
    node: process.version,
    kafka,
    loadBefore: Number(loadavg()[0]?.toFixed(2)),
  };
}
