import type { Fleet } from '../fleet.js';

const ASK_LIMIT_MS = 2_000;
const LINE = /^causeway_batches_total\{([^}]*)\} (\d+)/;

/** Every way that a batch may take on its way from a today's broker; the specimens lead each of them. */
const WAYS = [
  'raw',
  'skip control',
  'skip empty',
  'skip aborted',
  'recode position-inside',
  'recode compacted',
  'recode append-time',
  'recode refused-record',
  'recode too-large',
  'recode recompress',
] as const;

/** How many batches took which way, by the workers' own count: `how reason` -> batches. */
export async function waysTaken(fleet: Fleet): Promise<Record<string, number>> {
  const ways: Record<string, number> = {};
  for (const worker of fleet.running('worker')) {
    const answer = await fetch(`${worker.url}/metrics`, { signal: AbortSignal.timeout(ASK_LIMIT_MS) });
    addWays(ways, await answer.text());
  }
  return ways;
}

/** Adds what one worker's metrics say. */
export function addWays(ways: Record<string, number>, metrics: string): void {
  for (const line of metrics.split('\n')) {
    const [, labels, count] = LINE.exec(line) ?? [];
    if (labels === undefined) continue;
    const [how, reason] = ['how', 'reason'].map((name) => new RegExp(`${name}="([^"]*)"`).exec(labels)?.[1] ?? '');
    const way = `${how} ${reason}`.trim();
    ways[way] = (ways[way] ?? 0) + Number(count);
  }
}

/** Ways that no batch took. */
export function waysMissed(ways: Readonly<Record<string, number>>): string[] {
  return WAYS.filter((way) => (ways[way] ?? 0) === 0);
}
