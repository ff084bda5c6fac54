import { CausewayError } from '../errors/error.js';
import { MAX_PARTITIONS_PER_TOPIC } from './topic-partition.js';

/** Partition numbers as compact text for znodes: `0-5,7,9-11`; the empty set is the empty string. */
export function formatPartitions(partitions: Iterable<number>): string {
  const sorted = [...new Set(partitions)].sort((a, b) => a - b);
  const parts: string[] = [];
  let start = 0;
  for (let i = 0; i < sorted.length; i++) {
    const current = sorted[i] as number;
    if (sorted[i + 1] === current + 1) continue;
    const first = sorted[start] as number;
    parts.push(first === current ? `${current}` : `${first}-${current}`);
    start = i + 1;
  }
  return parts.join(',');
}

/**
 * Reads what `formatPartitions` wrote, ascending.
 * @throws NODE_CORRUPT when the text is not of that form, does not ascend or claims more than MAX_PARTITIONS_PER_TOPIC.
 */
export function parsePartitions(text: string): number[] {
  if (text === '') return [];
  const result: number[] = [];
  let previous = -1;
  for (const part of text.split(',')) {
    const match = /^(\d{1,7})(?:-(\d{1,7}))?$/.exec(part);
    if (match === null) throw new CausewayError('NODE_CORRUPT', `"${part}" is not a partition range`);
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    if (first <= previous || last < first || last >= MAX_PARTITIONS_PER_TOPIC) {
      throw new CausewayError('NODE_CORRUPT', `"${part}" is not a partition range`);
    }
    previous = last;
    for (let partition = first; partition <= last; partition++) result.push(partition);
  }
  return result;
}
