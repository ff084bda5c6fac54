import { z } from 'zod';
import { CausewayError, messageOf } from '../../errors/error.js';
import type { PartitionRef } from '../../model/assignment.js';
import { BREAK_CAUSES, type TimelineOrigin } from '../../model/continuity.js';
import { formatPartitions, parsePartitions } from '../../model/partition-set.js';

/** Fields that several records share. */
export const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
export const decimal = z
  .string()
  .regex(/^-?\d{1,19}$/)
  .transform((text) => BigInt(text));
/** An operator's `skip`, as nodes keep it. */
export const skipOrder = z.object({ partition: count, from: decimal, to: decimal, reason: z.string(), at: z.string() });
export const breakCause = z.enum(BREAK_CAUSES);
export const origin = z.object({
  former: count,
  cause: breakCause,
  from: z.union([z.literal('start'), z.literal('position'), decimal]),
});
export const resolveAction = z.enum(['continue', 'restart']);

/** For texts that tell equal items from others. */
export function originText(value: TimelineOrigin | undefined): string {
  return value === undefined ? '' : `${value.cause} ${value.from} ${value.former}`;
}

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

/** More than a fleet has; bounds what a small node may make of itself: each of its groups may name a topic's every partition. */
const MAX_PARTITIONS_PER_RECORD = 1_000_000;

/** Adds up the partitions of a record's groups. @throws NODE_CORRUPT beyond the limit */
export class PartitionCount {
  #count = 0;

  add(partitions: readonly number[]): readonly number[] {
    this.#count += partitions.length;
    if (this.#count > MAX_PARTITIONS_PER_RECORD) {
      throw new CausewayError('NODE_CORRUPT', `a node names more than ${MAX_PARTITIONS_PER_RECORD} partitions`);
    }
    return partitions;
  }
}

/** The text of a partition set, for records with many of them: read one by one, so that their sum can be bounded. */
export const partitionText = z.string().max(1_000_000);

/** `[route, topic, "0-5,7"]`: partitions grouped by topic. */
export const refGroups = z
  .array(z.tuple([z.string(), z.string(), partitionText]))
  .transform((groups, context): PartitionRef[] => {
    const sum = new PartitionCount();
    try {
      return groups.flatMap(([route, topic, text]) =>
        sum.add(parsePartitions(text)).map((partition) => ({ route, topic, partition })),
      );
    } catch (error) {
      context.addIssue({ code: 'custom', message: messageOf(error) });
      return z.NEVER;
    }
  });

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
