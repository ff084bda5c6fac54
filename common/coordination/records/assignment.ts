import { z } from 'zod';
import { rateLimitsFrom, routeFromSettings } from '../../config/route.js';
import { routeSettings } from '../../config/route-schema.js';
import { CausewayError } from '../../errors/error.js';
import type { AssignmentItem, WorkerAssignment } from '../../model/assignment.js';
import { formatPartitions, parsePartitions } from '../../model/partition-set.js';
import { decodeRecord, encodeRecord } from './codec.js';
import {
  count,
  decimal,
  origin,
  originText,
  PartitionCount,
  partitionText,
  resolveAction,
  skipOrder,
} from './fields.js';

/** A part stays well below ZooKeeper's 1 MB so that several fit one multi. */
export const MAX_ASSIGNMENT_PART_BYTES = 512 * 1024;
/** Topic groups of one part; measured gzip sizes keep 20,000 groups below the limit above. */
const GROUPS_PER_PART = 5_000;
export const MAX_ASSIGNMENT_PARTS = 64;

const storedRoute = routeSettings.loose().extend({ name: z.string() });

/** Items of one topic that agree in everything but the partition. */
const itemGroup = z.object({
  route: z.string(),
  topic: z.string(),
  targetTopic: z.string(),
  topicId: z.string().nullable(),
  timeline: count,
  state: z.enum(['own', 'revoke']),
  paused: z.boolean(),
  started: z.boolean(),
  start: z.enum(['earliest', 'latest', 'beginning']),
  startOffset: decimal.optional(),
  until: decimal.optional(),
  skip: skipOrder.optional(),
  origin: origin.optional(),
  resolve: z.object({ action: resolveAction, at: z.string() }).optional(),
  mapRebuildAt: z.string().optional(),
  hold: z.object({ code: z.string(), message: z.string() }).optional(),
  partitions: partitionText,
});

const limitShare = z.object({
  route: z.string(),
  topic: z.string().nullable(),
  bytesPerS: z.number().positive().optional(),
  recordsPerS: z.number().positive().optional(),
});

const assignmentPart = z.object({
  worker: z.string(),
  incarnation: z.string(),
  epoch: count,
  generation: count,
  part: count,
  parts: count.max(MAX_ASSIGNMENT_PARTS),
  routes: z.array(storedRoute),
  groups: z.array(itemGroup),
  /** Absent in nodes that an earlier version wrote. */
  limits: z.array(limitShare).default([]),
});

type ItemGroup = Omit<z.output<typeof itemGroup>, 'partitions'> & { numbers: number[] };

function groupItems(items: readonly AssignmentItem[]): ItemGroup[] {
  const groups = new Map<string, ItemGroup>();
  for (const item of items) {
    const { partition, sourceTopicId, ...rest } = item;
    const shared = { ...rest, topicId: sourceTopicId };
    const key = JSON.stringify([
      shared.route,
      shared.topic,
      shared.targetTopic,
      shared.topicId,
      shared.timeline,
      shared.state,
      shared.paused,
      shared.started,
      shared.start,
      String(shared.startOffset ?? ''),
      String(shared.until ?? ''),
      shared.skip === undefined
        ? ''
        : `${shared.skip.partition} ${shared.skip.from} ${shared.skip.to} ${shared.skip.at}`,
      originText(shared.origin),
      shared.resolve,
      shared.mapRebuildAt,
      shared.hold,
    ]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { ...shared, numbers: [partition] });
    else group.numbers.push(partition);
  }
  return [...groups.values()];
}

/**
 * The node's content (index 0) and that of its parts 1..n-1, each gzipped JSON. All parts name the same generation;
 * they are written in one multi (exactly-once.md 7.4).
 * @throws NODE_TOO_LARGE when the assignment cannot be split small enough.
 */
export function encodeAssignment(assignment: WorkerAssignment): Buffer[] {
  const groups = groupItems(assignment.items).map(({ numbers, ...group }) => ({
    ...group,
    partitions: formatPartitions(numbers),
  }));
  const parts = Math.max(1, Math.ceil(groups.length / GROUPS_PER_PART));
  const { worker, incarnation, epoch, generation, routes, limits } = assignment;
  const buffers: Buffer[] = [];
  for (let part = 0; part < parts; part++) {
    const slice = groups.slice(part * GROUPS_PER_PART, (part + 1) * GROUPS_PER_PART);
    const record = {
      worker,
      incarnation,
      epoch,
      generation,
      part,
      parts,
      routes: part === 0 ? routes : [],
      groups: slice,
      limits: part === 0 ? limits : [],
    };
    buffers.push(encodeRecord(record, { gzip: true }));
  }
  if (parts > MAX_ASSIGNMENT_PARTS || buffers.some((buffer) => buffer.length > MAX_ASSIGNMENT_PART_BYTES)) {
    throw new CausewayError('NODE_TOO_LARGE', `the assignment of ${assignment.items.length} partitions is too large`, {
      place: { worker },
      fix: 'Add workers, so that each has fewer partitions.',
    });
  }
  return buffers;
}

/** How many parts (this one included) belong to the assignment whose first part is given. */
export function assignmentParts(first: Buffer, path: string): number {
  return decodeRecord(assignmentPart, first, path).parts;
}

/**
 * @param buffers part 0 (the node) and the parts 1..n-1 in order
 * @throws NODE_CORRUPT when a part is unreadable, missing or of another generation (a write in between: read again)
 */
export function decodeAssignment(buffers: readonly Buffer[], path: string): WorkerAssignment {
  const parts = buffers.map((buffer) => decodeRecord(assignmentPart, buffer, path));
  const first = parts[0];
  const whole =
    first !== undefined &&
    parts.length === first.parts &&
    parts.every((part, i) => part.part === i && part.generation === first.generation && part.epoch === first.epoch);
  if (!whole)
    throw new CausewayError('NODE_CORRUPT', 'the parts of the assignment do not belong together', { place: { path } });
  const { worker, incarnation, epoch, generation } = first;
  const sum = new PartitionCount();
  const items = parts.flatMap((part) =>
    part.groups.flatMap(
      ({
        partitions,
        topicId,
        skip,
        origin,
        resolve,
        mapRebuildAt,
        hold,
        startOffset,
        until,
        ...rest
      }): AssignmentItem[] => {
        const shared = {
          ...rest,
          sourceTopicId: topicId,
          ...(skip === undefined ? {} : { skip }),
          ...(origin === undefined ? {} : { origin }),
          ...(resolve === undefined ? {} : { resolve }),
          ...(mapRebuildAt === undefined ? {} : { mapRebuildAt }),
          ...(hold === undefined ? {} : { hold }),
          ...(startOffset === undefined ? {} : { startOffset }),
          ...(until === undefined ? {} : { until }),
        };
        return sum.add(parsePartitions(partitions)).map((partition) => ({ ...shared, partition }));
      },
    ),
  );
  const routes = first.routes.map(({ name, ...settings }) => routeFromSettings(name, settings));
  const limits = first.limits.map(({ route, topic, ...share }) => ({ route, topic, ...rateLimitsFrom(share) }));
  return { worker, incarnation, epoch, generation, routes, items, limits };
}
