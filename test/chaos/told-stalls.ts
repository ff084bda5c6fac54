import { readFileSync } from 'node:fs';

/** What workers logged of partitions that stood still. */
export interface ToldStalls {
  /** How often a cause was named, by its code. */
  readonly causes: Readonly<Record<string, number>>;
  /** Partitions that were pushed although nothing blocked them: `worker-1: orders-3: nothing blocks it: ...`. */
  readonly kicks: readonly string[];
  /** Data threads that hung and were ended. */
  readonly silentThreads: number;
}

/** @param logs by the worker's id; lines that are no events (a stack, half a line of a killed process) are passed over */
export function toldStalls(logs: ReadonlyMap<string, string>): ToldStalls {
  const causes: Record<string, number> = {};
  const kicks: string[] = [];
  let silentThreads = 0;
  for (const [worker, text] of logs) {
    for (const line of text.split('\n')) {
      const { event, code = '', topic, partition, msg } = parsed(line);
      if (event === 'partition.stalled') causes[code] = (causes[code] ?? 0) + 1;
      else if (event === 'partition.kicked') kicks.push(`${worker}: ${topic}-${partition}: ${msg}`);
      else if (event === 'thread.silent') silentThreads += 1;
    }
  }
  return { causes, kicks, silentThreads };
}

/** Reads whole logs; one that was never begun is empty. */
export function readLogs(files: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map(
    [...files].map(([worker, file]) => {
      try {
        return [worker, readFileSync(file, 'utf8')] as const;
      } catch {
        return [worker, ''] as const;
      }
    }),
  );
}

interface Line {
  readonly event?: string;
  readonly code?: string;
  readonly topic?: string;
  readonly partition?: number;
  readonly msg?: string;
}

function parsed(line: string): Line {
  if (!/"event":"(?:partition\.(?:stalled|kicked)|thread\.silent)"/.test(line)) return {};
  try {
    return JSON.parse(line) as Line;
  } catch {
    return {};
  }
}
