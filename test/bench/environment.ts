import { execFile } from 'node:child_process';
import { arch, availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { kafkaSet } from '../bed/kafka-set.js';

/** What a figure depends on beside the code. */
export interface Environment {
  readonly at: string;
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGib: number;
  readonly os: string;
  readonly node: string;
  readonly java: string;
  /** Of brokers and MirrorMaker 2. */
  readonly kafka: string;
  /** Runnable tasks, mean of the last minute before the start: others' load. */
  readonly loadBefore: number;
}

export async function environment(): Promise<Environment> {
  const set = await kafkaSet('3.9.1');
  const { stderr } = await promisify(execFile)(set.java, ['-version'], { timeout: 30_000 });
  return {
    at: new Date().toISOString(),
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGib: Math.round(totalmem() / 2 ** 30),
    os: `${process.platform} ${release()} ${arch()}`,
    node: process.version,
    java: /version "([^"]+)"/.exec(stderr)?.[1] ?? 'unknown',
    kafka: set.version,
    loadBefore: Number(loadavg()[0]?.toFixed(2)),
  };
}
