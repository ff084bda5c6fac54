import { z } from 'zod';
import { CausewayError, messageOf } from '../../errors/error.js';
import type { PartitionRef } from '../../model/assignment.js';
import { BREAK_CAUSES, type TimelineOrigin } from '../../model/continuity.js';
import { formatPartitions, parsePartitions } from '../../model/partition-set.js';
import { FIRST_TIMELINE } from '../../model/topic-progress.js';
import type { StartedRef } from '../../model/worker.js';

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

const refGroup = z.tuple([z.string(), z.string(), partitionText]);

/** `[route, topic, "0-5,7"]`: partitions grouped by topic. */
export const refGroups = z.array(refGroup).transform((groups, context): PartitionRef[] => {
  return ungrouped(groups, ([route, topic]) => ({ route, topic }), context);
});

/** `[route, topic, "0-5,7", timeline]`, without the timeline where it is the first. */
export const startedGroups = z
  .array(z.union([refGroup, z.tuple([z.string(), z.string(), partitionText, count])]))
  .transform((groups, context): StartedRef[] => {
    return ungrouped(groups, ([route, topic, , timeline = FIRST_TIMELINE]) => ({ route, topic, timeline }), context);
  });

/** @returns every partition of the groups' third fields, with what `of` reads from the others */
function ungrouped<G extends readonly [string, string, string, ...unknown[]], T>(
  groups: readonly G[],
  of: (group: G) => T,
  context: z.RefinementCtx,
): (T & { partition: number })[] {
  const sum = new PartitionCount();
  try {
    return groups.flatMap((group) => {
      const common = of(group);
      return sum.add(parsePartitions(group[2])).map((partition) => ({ ...common, partition }));
    });
  } catch (error) {
    context.addIssue({ code: 'custom', message: messageOf(error) });
    return z.NEVER;
  }
}

export function groupRefs(refs: readonly PartitionRef[]): [string, string, string][] {
  return grouped(refs, ({ route, topic }) => `${route}/${topic}`).map(({ first, partitions }) => {
    return [first.route, first.topic, partitions];
  });
}

export function groupStarted(refs: readonly StartedRef[]): z.input<typeof startedGroups> {
  return grouped(refs, ({ route, topic, timeline }) => `${route}/${topic}/${timeline}`).map(({ first, partitions }) => {
    const { route, topic, timeline } = first;
    return timeline === FIRST_TIMELINE ? [route, topic, partitions] : [route, topic, partitions, timeline];
  });
}

function grouped<T extends PartitionRef>(
  refs: readonly T[],
  keyOf: (ref: T) => string,
): { readonly first: T; readonly partitions: string }[] {
  const groups = new Map<string, { first: T; partitions: number[] }>();
  for (const ref of refs) {
    const key = keyOf(ref);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { first: ref, partitions: [ref.partition] });
    else group.partitions.push(ref.partition);
  }
  return [...groups.values()].map(({ first, partitions }) => ({ first, partitions: formatPartitions(partitions) }));
}
