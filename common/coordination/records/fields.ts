import { z } from 'zod';
import type { PartitionRef } from '../../model/assignment.js';
import { formatPartitions, parsePartitions } from '../../model/partition-set.js';

/** Fields that several records share. */
export const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
export const decimal = z
  .string()
  .regex(/^-?\d{1,19}$/)
  .transform((text) => BigInt(text));
export const partitionSet = z
  .string()
  .max(1_000_000)
  .transform((text, context) => {
    try {
      return parsePartitions(text);
    } catch {
      context.addIssue({ code: 'custom', message: `not a partition set: ${text.slice(0, 40)}` });
      return z.NEVER;
    }
  });

/** `[route, topic, "0-5,7"]`: partitions grouped by topic. */
export const refGroups = z
  .array(z.tuple([z.string(), z.string(), partitionSet]))
  .transform((groups): PartitionRef[] =>
    groups.flatMap(([route, topic, partitions]) => partitions.map((partition) => ({ route, topic, partition }))),
  );

export function groupRefs(refs: readonly PartitionRef[]): [string, string, string][] {
  const groups = new Map<string, { route: string; topic: string; partitions: number[] }>();
  for (const { route, topic, partition } of refs) {
    const key = `${route}/${topic}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { route, topic, partitions: [partition] });
    else group.partitions.push(partition);
  }
  return [...groups.values()].map(({ route, topic, partitions }) => [route, topic, formatPartitions(partitions)]);
}
